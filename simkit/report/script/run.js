// The run as the page carries it: states of hosts, faults, one metric, logs, and what held at a moment.

const run = JSON.parse(byId("run").textContent);
const changes = new Map(Object.entries(run.states));
const groups = new Map(Object.entries(run.groups));
const phone = window.matchMedia("(max-width: 720px)");

function lastBefore(rows, ns) {                      // the last row that begins at or before ns
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle][0] <= ns) low = middle + 1; else high = middle;
  }
  return low ? rows[low - 1] : null;
}

const stateAt = (host, ns) => { const row = lastBefore(changes.get(host) || [], ns); return row ? row[1] : "down"; };
const holds = (fault, ns) => (fault.begin <= ns && ns < fault.end) || fault.begin === ns;
// A moment is shown to the millisecond: what heals within that one is not gone yet.
const heals = (fault, ns) => fault.healed && fault.end > fault.begin && fault.end <= ns && moment(fault.end) === moment(ns);
