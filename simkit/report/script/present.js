// The first screen at the moment shown: playheads, states, the story's current line, the fault, the metric's value.

const slider = byId("time"), output = byId("moment");
const laneDots = [...document.querySelectorAll("[data-lane]")].map((label) =>
  [run.lanes[Number(label.dataset.lane)], label.querySelector("i")]);
const heads = [...document.querySelectorAll("[data-playhead]")];
const storyRows = [...document.querySelectorAll("ol.steps li")].map((row) => [row, Number(row.querySelector("[data-t]").dataset.t)]);

// A long story scrolls inside its own box, never the page.
function bringIntoBox(row) {
  const box = row.closest(".story");
  if (!box || box.scrollHeight <= box.clientHeight) return;
  const above = row.getBoundingClientRect().top - box.getBoundingClientRect().top;
  if (above < 0 || above + row.offsetHeight > box.clientHeight) box.scrollTop += above - box.clientHeight / 2;
}

function showHeads() {
  const share = Math.min(1, now / run.duration) * 100 + "%";
  for (const head of heads) {
    head.style.left = share;
    head.classList.toggle("hit", run.violations.includes(now));
  }
  slider.value = Math.floor(now / MS);
  slider.setAttribute("aria-valuetext", moment(now));
  output.textContent = moment(now);
  for (const [hosts, dot] of laneDots) {
    const states = hosts.map((host) => stateAt(host, now));
    dot.dataset.state = states.every((each) => each === "up") ? "up" : states.includes("down") ? "down" : "paused";
  }
  for (const [row, ns] of storyRows) {
    if (ns !== now) { row.removeAttribute("aria-current"); continue; }
    row.setAttribute("aria-current", "true");
    bringIntoBox(row);
  }
}

function showStates() {
  const line = byId("states");
  const counts = [...groups].map(([group, names]) => {
    const up = names.filter((name) => stateAt(name, now) === "up").length;
    return names.length === 1 ? clean(group) + " " + stateAt(names[0], now) : up + " of " + names.length + " " + clean(group) + " up";
  });
  line.textContent = counts.slice(0, 6).join(", ") + (counts.length > 6 ? ", ..." : "") + " \u00b7 ";
  const active = [...new Set(run.faults.filter((fault) => holds(fault, now)).map((fault) => fault.name))];
  const healing = [...new Set(run.faults.filter((fault) => heals(fault, now)).map((fault) => fault.name))];
  const words = [...active, ...healing.map((name) => name + " heals")];
  line.append(words.length ? make("b", words.join(", ")) : "no fault");
}

function showFault() {
  const active = run.faults.filter((fault) => holds(fault, now) || heals(fault, now));
  const before = run.faults.filter((fault) => fault.begin <= now).sort((a, b) => a.end - b.end);
  const shown = active.length ? active : before.slice(-1);
  const next = run.faults.find((fault) => fault.begin > now);
  const panel = byId("source"), title = byId("fault-title");
  panel.textContent = "";
  if (!shown.length) {
    title.textContent = next ? "First fault" : "Faults";
    panel.append(next ? moment(next.begin) + "  " + next.name + ": " + next.text : "This run has none.");
    return;
  }
  const all = (test) => active.length && active.every((fault) => test(fault, now));
  title.textContent = !active.length ? "Fault that held last" : all(heals) ? "Fault that heals now"
    : active.length > 1 ? "Faults that hold" : "Fault that holds";
  const texts = shown.map((fault) => (fault.line ? run.file + ":" + fault.line + "  " : "") + (fault.source || fault.name + ": " + fault.text));
  panel.append([...new Set(texts)].join("\n"));
}

function showMetric() {
  const place = byId("value");
  if (!place) return;
  const row = lastBefore(run.metric, now);
  place.textContent = row && row[1] !== null && now <= run.end ? row[2] : "none";
}

onMoment(showHeads);
onMoment(showStates);
onMoment(showFault);
onMoment(showMetric);

slider.addEventListener("input", () => go(Number(slider.value) * MS, false));
slider.addEventListener("change", () => go(Number(slider.value) * MS, true));
byId("next").addEventListener("click", () => jump(1));
byId("previous").addEventListener("click", () => jump(-1));
byId("play").addEventListener("click", play);
for (const field of document.querySelectorAll(".field")) {
  const drag = (event) => {
    const box = field.getBoundingClientRect();
    go((event.clientX - box.left) / box.width * run.duration, event.type === "pointerup");
  };
  field.addEventListener("pointerdown", (event) => { field.setPointerCapture(event.pointerId); drag(event); });
  field.addEventListener("pointermove", (event) => { if (event.buttons & 1) drag(event); });
  field.addEventListener("pointerup", drag);
}
