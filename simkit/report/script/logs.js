// The log lines of the run, filtered by host, severity, text and nearness to the moment shown.

const LOG_STEP = 200;
const body = byId("lines");
const severity = new Map([["DEBUG", 0], ["INFO", 1], ["WARNING", 2], ["ERROR", 3], ["CRITICAL", 4]]);
let shownLines = 0, foundLines = [];

function findLines() {
  const host = byId("log-host").value, level = Number(byId("log-level").value), text = byId("log-text").value.toLowerCase();
  const near = byId("near").checked;
  foundLines = run.logs.filter(([ns, who, how, logger, said]) =>
    (!host || who === host) && (severity.get(how) ?? 1) >= level && (!near || Math.abs(ns - now) <= 10 * NS)
    && (!text || said.toLowerCase().includes(text) || logger.toLowerCase().includes(text)));
  body.textContent = "";
  shownLines = 0;
  moreLines();
}

function moreLines() {
  for (const [ns, who, how, logger, said] of foundLines.slice(shownLines, shownLines + LOG_STEP)) {
    const row = make("tr", undefined, how), time = make("td");
    time.append(jumpTo(ns));
    row.append(time, make("td", who), make("td", how), make("td", said));
    row.title = logger;
    body.append(row);
  }
  shownLines = Math.min(foundLines.length, shownLines + LOG_STEP);
  byId("found").textContent = shownLines + " of " + foundLines.length + " lines";
  byId("more").hidden = shownLines >= foundLines.length;
}

if (body) {
  for (const id of ["log-host", "log-level", "near"]) byId(id).addEventListener("change", findLines);
  byId("log-text").addEventListener("input", findLines);
  byId("more").addEventListener("click", moreLines);
  onMoment(() => { if (byId("near").checked) findLines(); });
  findLines();
}
