"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const byId = (id) => document.getElementById(id);
  const slider = byId("time"), output = byId("moment");
  const NS = 1e9, MS = 1e6;
  let now = run.start;

  const pad = (number, digits) => String(number).padStart(digits, "0");
  const moment = (ns) => {
    const ms = Math.floor(ns / MS), s = Math.floor(ms / 1000), m = Math.floor(s / 60), h = Math.floor(m / 60);
    return (h ? h + ":" : "") + pad(h ? m % 60 : m, 2) + ":" + pad(s % 60, 2) + "." + pad(ms % 1000, 3);
  };
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const clean = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
  const last = (rows, ns) => {                       // the last row that begins at or before ns
    let low = 0, high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle][0] <= ns) low = middle + 1; else high = middle;
    }
    return low ? rows[low - 1] : null;
  };
  const changes = new Map(Object.entries(run.states)), groups = new Map(Object.entries(run.groups));
  const stateOf = (host) => { const row = last(changes.get(host) || [], now); return row ? row[1] : "down"; };
  const lanes = [...document.querySelectorAll("[data-lane]")].map((label) =>
    [run.lanes[Number(label.dataset.lane)], label.querySelector("i")]);
  const heads = [...document.querySelectorAll("[data-playhead]")];
  const steps = [...document.querySelectorAll("[data-t]")];

  function show() {
    const share = Math.min(1, now / run.duration) * 100 + "%";
    for (const head of heads) {
      head.style.left = share;
      head.classList.toggle("hit", run.violations.includes(now));
    }
    slider.value = Math.floor(now / MS);
    slider.setAttribute("aria-valuetext", moment(now));
    output.textContent = moment(now);
    for (const [hosts, dot] of lanes) {
      const states = hosts.map(stateOf);
      dot.dataset.state = states.every((each) => each === "up") ? "up" : states.includes("down") ? "down" : "paused";
    }
    const active = run.faults.filter((fault) => (fault.begin <= now && now < fault.end) || fault.begin === now);
    showStates(active);
    showSource(active);
    showMetric();
    for (const step of steps) {
      const row = step.closest("li");
      if (!row) continue;
      if (Number(step.dataset.t) === now) {
        row.setAttribute("aria-current", "true");
        reveal(row);
      } else {
        row.removeAttribute("aria-current");
      }
    }
    if (byId("near") && byId("near").checked) filter();
  }

  function reveal(row) {                             // within its panel only: the page itself stays where it is
    const panel = row.closest(".inner");
    if (!panel) return;
    const above = row.offsetTop - panel.scrollTop, below = above + row.offsetHeight - panel.clientHeight;
    if (above < 0) panel.scrollTop += above; else if (below > 0) panel.scrollTop += below;
  }

  function showStates(active) {
    const line = byId("states");
    line.textContent = "";
    const counts = [...groups].map(([group, names]) => {
      const up = names.filter((name) => stateOf(name) === "up").length;
      return names.length === 1 ? clean(group) + " " + stateOf(names[0]) : up + " of " + names.length + " " + clean(group) + " up";
    });
    line.append(counts.slice(0, 6).join(", ") + (counts.length > 6 ? ", ..." : ""), " \u00b7 ");
    line.append(active.length ? make("b", active.map((fault) => fault.name).join(", ")) : "no fault");
  }

  function showSource(active) {
    const before = run.faults.filter((fault) => fault.begin <= now).sort((a, b) => a.end - b.end);
    const shown = active.length ? active : before.slice(-1);
    const next = run.faults.find((fault) => fault.begin > now);
    const panel = byId("source");
    panel.textContent = "";
    if (shown.length) {
      byId("fault-title").textContent = active.length ? (active.length > 1 ? "Faults that hold" : "Fault that holds") : "Fault that held last";
      const seen = new Set();
      for (const fault of shown) {
        const text = (fault.line ? run.file + ":" + fault.line + "  " : "") + (fault.source || fault.name + ": " + fault.text);
        if (!seen.has(text)) panel.append((seen.size ? "\n" : "") + text);
        seen.add(text);
      }
    } else {
      byId("fault-title").textContent = next ? "First fault" : "Faults";
      panel.append(next ? moment(next.begin) + "  " + next.name + ": " + next.text : "This run has none.");
    }
  }

  function showMetric() {
    const place = byId("value");
    if (!place) return;
    const row = last(run.metric, now);
    place.textContent = row && row[1] !== null && now <= run.end ? row[2] : "none";
  }

  function go(ns, remember) {
    now = Math.max(0, Math.min(run.duration, ns));
    show();
    if (remember) {
      const mark = "#t=" + (now / NS).toFixed(3);
      try { history.replaceState(null, "", mark); } catch (refused) { /* some browsers refuse it for files */ }
    }
  }

  function fromAddress() {
    const found = /[#&]t=([0-9.]+)/.exec(location.hash);
    if (!found) return false;
    const ns = Math.round(Number(found[1]) * NS);
    if (!Number.isFinite(ns)) return false;
    const exact = run.moments.find((each) => Math.abs(each - ns) < MS);   // the address has milliseconds only
    go(exact === undefined ? ns : exact, false);
    return true;
  }

  function jump(direction) {
    const ms = Math.floor(now / MS);
    const found = direction > 0 ? run.moments.find((each) => Math.floor(each / MS) > ms)
      : run.moments.filter((each) => Math.floor(each / MS) < ms).pop();
    if (found !== undefined) go(found, true);
  }

  slider.addEventListener("input", () => go(Number(slider.value) * MS, false));
  slider.addEventListener("change", () => go(Number(slider.value) * MS, true));
  slider.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (way) { event.preventDefault(); go(now + way * run.duration / (event.shiftKey ? 4800 : 240), true); }
    if (event.key === "PageUp" || event.key === "PageDown") { event.preventDefault(); jump(event.key === "PageUp" ? 1 : -1); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target !== slider) return;
    if (event.key === "n") jump(1);
    if (event.key === "p") jump(-1);
  });
  byId("next").addEventListener("click", () => jump(1));
  byId("previous").addEventListener("click", () => jump(-1));
  for (const field of document.querySelectorAll(".field")) {
    const drag = (event) => {
      const box = field.getBoundingClientRect();
      go((event.clientX - box.left) / box.width * run.duration, event.type === "pointerup");
    };
    field.addEventListener("pointerdown", (event) => { field.setPointerCapture(event.pointerId); drag(event); });
    field.addEventListener("pointermove", (event) => { if (event.buttons & 1) drag(event); });
    field.addEventListener("pointerup", drag);
  }
  document.addEventListener("click", (event) => {
    const step = event.target.closest("[data-t]");
    if (step) {
      go(Number(step.dataset.t), true);
      if (!step.closest(".first")) window.scrollTo({ top: 0, behavior: "smooth" });
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

  // -- logs
  const body = byId("lines");
  let shownLines = 0, foundLines = [];
  const severity = new Map([["DEBUG", 0], ["INFO", 1], ["WARNING", 2], ["ERROR", 3], ["CRITICAL", 4]]);

  function filter() {
    const host = byId("log-host").value, level = Number(byId("log-level").value), text = byId("log-text").value.toLowerCase();
    const near = byId("near").checked;
    foundLines = run.logs.filter(([ns, who, how, logger, said]) =>
      (!host || who === host) && (severity.get(how) ?? 1) >= level && (!near || Math.abs(ns - now) <= 10 * NS)
      && (!text || said.toLowerCase().includes(text) || logger.toLowerCase().includes(text)));
    body.textContent = "";
    shownLines = 0;
    more();
  }

  function more() {
    for (const [ns, who, how, logger, said] of foundLines.slice(shownLines, shownLines + 200)) {
      const row = make("tr", undefined, how);
      const time = make("td"), button = make("button", moment(ns));
      button.type = "button";
      button.dataset.t = ns;
      time.append(button);
      row.append(time, make("td", who), make("td", how), make("td", said));
      row.title = logger;
      body.append(row);
    }
    shownLines = Math.min(foundLines.length, shownLines + 200);
    byId("found").textContent = shownLines + " of " + foundLines.length + " lines";
    byId("more").hidden = shownLines >= foundLines.length;
  }

  if (body) {
    for (const id of ["log-host", "log-level", "near"]) byId(id).addEventListener("change", filter);
    byId("log-text").addEventListener("input", filter);
    byId("more").addEventListener("click", more);
    filter();
  }
  if (!fromAddress()) show();
})();
