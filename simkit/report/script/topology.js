// Who talks to whom in the window of the diagram, which hosts are up at the moment, and which links a fault has cut.

const TOPOLOGY_HOSTS_MAX = 40, CUTS_MAX = 400;

function topologyPoints() {
  // Beyond what a circle can hold, the hosts of a group are one point.
  const names = messages.hosts, single = names.length <= TOPOLOGY_HOSTS_MAX;
  const groupOf = new Map([...groups].flatMap(([group, hosts]) => hosts.map((host) => [host, group])));
  const labels = single ? names : [...groups.keys()];
  const placeOf = new Map(labels.map((label, place) => [label, place]));
  return { labels, of: names.map((name) => placeOf.get(single ? name : groupOf.get(name))), members: labels.map((label) => single ? [label] : groups.get(label)) };
}

const points = messages ? topologyPoints() : null;

function showTopology(view) {
  const box = byId("topology");
  if (!box || !points) return;
  box.textContent = "";
  const wide = 520, high = 360, middle = [wide / 2, high / 2], count = points.labels.length;
  const picture = draw("svg", { viewBox: "0 0 " + wide + " " + high, role: "img", "aria-label": "Who talks to whom" }, box);
  const place = points.labels.map((_, index) => {
    const angle = 2 * Math.PI * index / Math.max(1, count) - Math.PI / 2;
    return [middle[0] + 170 * Math.cos(angle), middle[1] + 140 * Math.sin(angle)];
  });
  const counts = new Map();
  for (const index of messagesWithin(view.begin, view.end)) {
    const source = points.of[messages.source[index]], target = points.of[messages.target[index]];
    if (source === target) continue;
    const key = Math.min(source, target) * 65536 + Math.max(source, target);
    counts.set(key, (counts.get(key) || 0) + 1);
  }
  for (const [key, times] of counts) {
    const [x1, y1] = place[Math.floor(key / 65536)], [x2, y2] = place[key % 65536];
    const line = draw("line", { x1, y1, x2, y2, class: "talk", "stroke-width": (0.8 + Math.log2(1 + times) * 0.6).toFixed(2) }, picture);
    draw("title", {}, line).textContent = points.labels[Math.floor(key / 65536)] + ", " + points.labels[key % 65536] + ": " + times + " messages";
  }
  const cut = showCuts(picture, place);
  points.labels.forEach((label, index) => {
    const [x, y] = place[index], states = points.members[index].map((host) => stateAt(host, now));
    const state = states.every((each) => each === "up") ? "up" : states.every((each) => each === "down") ? "down" : states.includes("down") && !states.includes("up") ? "down" : "paused";
    draw("circle", { cx: x, cy: y, r: 8, class: "host " + state }, picture);
    const side = x < middle[0] - 5 ? "end" : x > middle[0] + 5 ? "start" : "middle";
    const text = draw("text", { x: x + (side === "end" ? -12 : side === "start" ? 12 : 0), y: y + (side === "middle" ? (y < middle[1] ? -14 : 20) : 4), "text-anchor": side }, picture);
    const gone = states.filter((each) => each !== "up").length;
    text.textContent = clean(label) + (!gone ? "" : states.length === 1 ? " (" + state + ")" : " (" + gone + " of " + states.length + " not up)");
  });
  byId("cuts").textContent = cut || "No link is touched by a fault at " + moment(now) + ".";
}

function showCuts(picture, place) {
  const known = new Map(messages.hosts.map((name, host) => [name, points.of[host]])), said = [], drawn = new Set();
  for (const fault of run.faults) {
    if (!holds(fault, now) || !fault.links.length && !fault.apart) continue;
    said.push(fault.name + ": " + fault.text);
    const everybody = (names) => names.length ? names : messages.hosts;
    for (const [sources, targets] of fault.links) for (const source of everybody(sources)) for (const target of everybody(targets)) {
      const from = known.get(source), to = known.get(target), key = from * 65536 + to;
      if (from === undefined || to === undefined || from === to || drawn.has(key) || drawn.size >= CUTS_MAX) continue;
      drawn.add(key);
      const [x1, y1] = place[from], [x2, y2] = place[to];
      draw("line", { x1, y1, x2, y2, class: fault.cuts ? "cut" : "worse" }, picture);
    }
  }
  return said.join("; ");
}
