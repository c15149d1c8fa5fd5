// The moment that the page shows: who moves it calls `go`, who shows it listens.

let now = run.start;
let playing = null;
const listeners = [];
const onMoment = (listener) => listeners.push(listener);

function go(ns, remember) {
  now = Math.max(0, Math.min(run.duration, Math.round(ns)));
  for (const listener of listeners) listener();
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
  const found = direction > 0 ? run.moments.find((each) => each > now) : run.moments.filter((each) => each < now).pop();
  if (found !== undefined) go(found, true);
}

// Play what the diagram of messages shows in ten seconds, or the whole run in thirty.
function play() {
  if (playing !== null) { cancelAnimationFrame(playing); playing = null; byId("play").textContent = "\u25b6"; go(now, true); return; }
  if (now >= run.end) go(0, false);
  byId("play").textContent = "\u2016";
  let before = null;
  const frame = (at) => {
    const speed = diagram ? diagram.speed() : run.duration / 30;
    if (before !== null) go(Math.min(run.end, now + speed * (at - before) / 1000), false);
    before = at;
    playing = now < run.end ? requestAnimationFrame(frame) : null;
    if (playing === null) byId("play").textContent = "\u25b6";
  };
  playing = requestAnimationFrame(frame);
}
