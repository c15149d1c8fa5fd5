// Everything that a key, a click or the address does to the page as a whole; the help lists the keys.

const diagram = messages ? new Diagram(byId("diagram")) : null;

function setHost(host) {
  filter.host = host;
  byId("message-host").value = host;
  diagram.redraw();
}

if (diagram) {
  messages.hosts.forEach((name, host) => byId("message-host").append(new Option(clean(name), host)));
  [...new Set(messages.kind)].map((kind) => [messages.kinds[kind], kind]).sort().forEach(([word, kind]) => byId("message-kind").append(new Option(clean(word), kind)));
  byId("message-host").addEventListener("change", (event) => setHost(Number(event.target.value)));
  byId("message-kind").addEventListener("change", (event) => { filter.kind = Number(event.target.value); diagram.redraw(); });
  byId("message-text").addEventListener("input", (event) => { filter.text = event.target.value.toLowerCase(); diagram.redraw(); });
  byId("zoom-in").addEventListener("click", () => diagram.zoom(0.5));
  byId("zoom-out").addEventListener("click", () => diagram.zoom(2));
  byId("zoom-run").addEventListener("click", () => diagram.show(0, run.duration));
  byId("zoom-here").addEventListener("click", () => diagram.around(now));
  if (byId("zoom-story")) byId("zoom-story").addEventListener("click", () => {
    const [first, last] = run.story, room = Math.max((last - first) * 0.05, 1e6);
    diagram.show(first - room, last + room);
  });
  let waiting = 0;
  viewListeners.push((view) => { clearTimeout(waiting); waiting = setTimeout(() => showTopology(view), 60); });
}

const keys = {
  ArrowRight: (event) => go(now + run.duration / (event.shiftKey ? 4800 : 240), true),
  ArrowLeft: (event) => go(now - run.duration / (event.shiftKey ? 4800 : 240), true),
  Home: () => go(0, true),
  End: () => go(run.end, true),
  " ": play,
  n: () => jump(1),
  p: () => jump(-1),
  "/": () => { const field = byId(diagram ? "message-text" : "log-text"); if (field) { field.focus(); field.scrollIntoView({ block: "center" }); } },
  "?": () => byId("help").showModal(),
  "+": () => diagram && diagram.zoom(0.5),
  "-": () => diagram && diagram.zoom(2),
  "0": () => diagram && diagram.show(0, run.duration),
  h: () => diagram && diagram.around(now),
  ".": () => diagram && diagram.step(1),
  ",": () => diagram && diagram.step(-1),
  w: () => diagram && diagram.selected >= 0 && causeOf(diagram.selected) >= 0 && diagram.select(causeOf(diagram.selected), true),
  Escape: () => diagram && diagram.select(-1, false),
};

document.addEventListener("keydown", (event) => {
  const inField = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target !== slider;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (inField) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.key === " " && /^(BUTTON|SUMMARY|A)$/.test(event.target.tagName)) return;   // space presses a button
  const action = keys[event.key === "=" ? "+" : event.key];
  if (!action) return;
  event.preventDefault();
  action(event);
});
byId("help-open").addEventListener("click", () => byId("help").showModal());
byId("help-close").addEventListener("click", () => byId("help").close());

document.addEventListener("click", (event) => {
  const step = event.target.closest("[data-t]");
  if (step) {
    const row = step.closest("[data-message]");
    go(Number(step.dataset.t), true);
    if (row) diagram.select(Number(row.dataset.message), false);
    else if (!step.closest(".first, #messages")) window.scrollTo({ top: 0, behavior: "smooth" });
    else if (diagram && step.closest(".first")) diagram.around(now);
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) copyText(copy);
});
window.addEventListener("hashchange", fromAddress);

async function copyText(button) {
  const source = byId(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch (refused) {
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand("copy");
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = "copy"; }, 1500);
}

if (!fromAddress()) go(now, false);
if (diagram) diagram.around(now);
