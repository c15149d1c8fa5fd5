// The space-time diagram: a lane for each host, a line for each message from its sending to its arrival, drawn on a
// canvas. Few messages are lines; more than can be told apart are bars that count arrivals.

const LINES_MAX = 4000, LANES_MAX = 48, TOP = 22, BOTTOM = 6, ARROWS_MAX = 400;

class Diagram {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.view = { begin: 0, end: run.duration };
    this.selected = -1;
    this.chain = [];
    this.lanes = this.chooseLanes();
    this.place = new Map(this.lanes.map((host, lane) => [host, lane]));
    this.told = new Set(messages.story);
    this.drawn = [];
    this.asked = false;
    this.listen();
    onMoment(() => this.follow());
    new ResizeObserver(() => this.redraw()).observe(canvas);
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => this.paint());
  }

  chooseLanes() {
    const every = messages.hosts.map((_, host) => host);
    if (every.length <= LANES_MAX) return every;
    const wanted = new Set(messages.story.flatMap((index) => [messages.source[index], messages.target[index]]));
    const known = new Map(messages.hosts.map((name, host) => [name, host]));
    for (const name of run.actors) if (known.has(name)) wanted.add(known.get(name));
    for (const host of every) if (wanted.size < LANES_MAX) wanted.add(host);
    return every.filter((host) => wanted.has(host));
  }

  speed() { return Math.min((this.view.end - this.view.begin) / 10, run.duration / 30); }

  // -- places

  get left() { return phone.matches ? 74 : 112; }
  get width() { return this.canvas.clientWidth; }
  get laneHeight() { return this.lanes.length > 24 ? 17 : 26; }
  get height() { return TOP + this.lanes.length * this.laneHeight + BOTTOM; }
  x(ns) { return this.left + (ns - this.view.begin) / (this.view.end - this.view.begin) * (this.width - this.left); }
  y(host) { return TOP + (this.place.get(host) + 0.5) * this.laneHeight; }
  timeAt(x) { return this.view.begin + (x - this.left) / (this.width - this.left) * (this.view.end - this.view.begin); }

  // -- what is shown

  show(begin, end) {
    const length = Math.min(Math.max(end - begin, 2000), run.duration);
    const first = Math.min(Math.max(0, begin), run.duration - length);
    this.view = { begin: first, end: first + length };
    this.redraw();
  }

  zoom(factor, at = now) {
    const centre = at < this.view.begin || at > this.view.end ? (this.view.begin + this.view.end) / 2 : at;
    this.show(centre - (centre - this.view.begin) * factor, centre + (this.view.end - centre) * factor);
  }

  // So wide that about a hundred messages are to be seen around the moment.
  around(ns) {
    const after = countBelow(messages.time, ns, true), step = 50;
    const first = messages.time[Math.max(0, after - step)] ?? 0, last = messages.time[Math.min(messages.count - 1, after + step)] ?? run.duration;
    const half = Math.max(ns - first, last - ns, 1e5);
    this.show(ns - half, ns + half);
  }

  follow() {
    if (now < this.view.begin || now > this.view.end) {
      const length = this.view.end - this.view.begin;
      this.show(now - length / 2, now + length / 2);
    } else this.redraw();
  }

  select(index, move) {
    this.selected = index;
    this.chain = index >= 0 ? chainOf(index) : [];
    showWhy(index, this.chain);
    if (index >= 0 && move) go(messages.time[index], true);
    this.redraw();
  }

  step(direction) {
    const from = this.selected >= 0 ? this.selected + direction : countBelow(messages.time, now, direction > 0) - (direction < 0 ? 1 : 0);
    for (let index = from; index >= 0 && index < messages.count; index += direction) {
      if (passes(index)) { this.select(index, true); return; }
    }
  }

  redraw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.paint(); });
  }

  // -- drawing

  paint() {
    const scale = window.devicePixelRatio || 1, pen = this.pen;
    this.canvas.style.height = this.height + "px";
    if (this.canvas.width !== Math.round(this.width * scale) || this.canvas.height !== Math.round(this.height * scale)) {
      this.canvas.width = Math.round(this.width * scale);
      this.canvas.height = Math.round(this.height * scale);
    }
    const style = getComputedStyle(this.canvas);
    this.color = (name) => style.getPropertyValue("--" + name).trim();
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.save();
    pen.beginPath();
    pen.rect(this.left, 0, this.width - this.left, this.height);
    pen.clip();
    this.paintBands();
    this.paintAxis();
    this.paintLanes();
    const shown = messagesWithin(this.view.begin, this.view.end).filter((index) => this.place.has(messages.source[index]) && this.place.has(messages.target[index]));
    this.drawn = shown.length <= LINES_MAX ? shown : [];
    if (shown.length <= LINES_MAX) this.paintMessages(shown); else this.paintBars(shown);
    const events = this.paintEvents();
    this.paintMarked();
    const head = this.x(now);
    pen.fillStyle = this.color(run.violations.includes(now) ? "fail" : "ink");
    pen.fillRect(head - 1, TOP - 4, 2, this.height);
    pen.restore();
    this.paintLabels();
    showCaption(shown.length, shown.length > LINES_MAX, events, this);
    for (const listener of viewListeners) listener(this.view);
  }

  paintBands() {
    const pen = this.pen;
    let labelEnd = 0;
    for (const fault of run.faults) {
      if (fault.end < this.view.begin || fault.begin > this.view.end) continue;
      const left = Math.max(this.left, this.x(fault.begin)), right = Math.min(this.width, Math.max(this.x(fault.end), left + 1.5));
      pen.globalAlpha = Number(this.color("band")) || 0.16;
      pen.fillStyle = this.color("fault-" + fault.color);
      pen.fillRect(left, 0, right - left, this.height);
      pen.globalAlpha = 1;
      const wide = pen.measureText(fault.name).width;
      if (left + 4 > labelEnd && (right - left > wide + 8 || fault.end - fault.begin < (this.view.end - this.view.begin) / 50)) {
        pen.fillStyle = this.color("ink");
        pen.fillText(fault.name, left + 4, this.height - 8);
        labelEnd = left + wide + 12;
      }
    }
  }

  paintAxis() {
    const pen = this.pen, length = this.view.end - this.view.begin;
    const least = length / Math.max(2, Math.floor((this.width - this.left) / 110));
    const sizes = [1, 2, 5].flatMap((digit) => [...Array(10).keys()].map((power) => digit * 10 ** power)).concat([1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400].map((s) => s * NS));
    const step = sizes.filter((size) => size <= 5e8 || size % NS === 0).sort((a, b) => a - b).find((size) => size >= least) || 864e11;
    const digits = Math.max(0, Math.min(9, 9 - Math.floor(Math.log10(step))));
    pen.fillStyle = this.color("soft");
    for (let tick = Math.ceil(this.view.begin / step) * step; tick <= this.view.end; tick += step) {
      const place = this.x(tick);
      pen.globalAlpha = 0.5;
      pen.fillRect(Math.round(place), TOP - 6, 1, this.height);
      pen.globalAlpha = 1;
      const text = moment(tick, step >= NS ? 0 : digits);
      const wide = pen.measureText(text).width;
      if (place + wide < this.width) pen.fillText(text, place + 3, 9);
    }
  }

  paintLanes() {
    const pen = this.pen;
    for (const host of this.lanes) {
      const rows = changes.get(messages.hosts[host]) || [[0, "down"]], y = this.y(host);
      rows.forEach(([begin, state], place) => {
        const end = place + 1 < rows.length ? rows[place + 1][0] : run.end;
        if (end < this.view.begin || begin > this.view.end) return;
        const left = Math.max(this.left - 2, this.x(begin)), right = Math.min(this.width + 2, Math.max(this.x(end), left + 1));
        const [color, high] = { up: ["up", 2], paused: ["paused", 6], down: ["down", 2] }[state];
        pen.fillStyle = this.color(color);
        if (state === "down") for (let x = left; x < right; x += 7) pen.fillRect(x, y - 1, Math.min(3, right - x), high);
        else pen.fillRect(left, y - high / 2, right - left, high);
      });
    }
  }

  line(index) {
    const begin = messages.begin(index), from = this.y(messages.source[index]), to = this.y(messages.target[index]);
    if (!messages.lost(index)) return [this.x(begin), from, this.x(messages.time[index]), to];
    // What was lost ends between the lanes, where it was lost or where it would have arrived.
    return [this.x(begin), from, this.x(messages.time[index]), from + (to - from) * 0.45];
  }

  paintMessages(shown) {
    const pen = this.pen, lost = [];
    pen.lineWidth = 1;
    pen.strokeStyle = pen.fillStyle = this.color("series-1");
    pen.globalAlpha = shown.length > 1500 ? 0.35 : 0.75;
    pen.beginPath();
    for (const index of shown) {
      if (messages.lost(index)) { lost.push(index); continue; }
      const [x1, y1, x2, y2] = this.line(index);
      pen.moveTo(x1, y1);
      pen.lineTo(x2, y2);
    }
    pen.stroke();
    if (shown.length <= ARROWS_MAX) for (const index of shown) if (!messages.lost(index)) this.arrow(...this.line(index));
    pen.globalAlpha = 1;
    pen.strokeStyle = this.color("fail");
    for (const index of lost.slice(0, 500)) this.paintLost(index);
  }

  paintLost(index) {
    const pen = this.pen, [x1, y1, x2, y2] = this.line(index);
    pen.beginPath();
    pen.moveTo(x1, y1); pen.lineTo(x2, y2);
    pen.moveTo(x2 - 3, y2 - 3); pen.lineTo(x2 + 3, y2 + 3);
    pen.moveTo(x2 - 3, y2 + 3); pen.lineTo(x2 + 3, y2 - 3);
    pen.stroke();
  }

  arrow(x1, y1, x2, y2, size = 5) {
    const angle = Math.atan2(y2 - y1, x2 - x1), pen = this.pen;
    pen.beginPath();
    pen.moveTo(x2, y2);
    pen.lineTo(x2 - size * 1.6 * Math.cos(angle - 0.4), y2 - size * 1.6 * Math.sin(angle - 0.4));
    pen.lineTo(x2 - size * 1.6 * Math.cos(angle + 0.4), y2 - size * 1.6 * Math.sin(angle + 0.4));
    pen.fill();
  }

  paintBars(shown) {
    const pen = this.pen, columns = Math.max(1, Math.floor((this.width - this.left) / 2));
    const counts = this.lanes.map(() => new Float32Array(columns));
    let most = 1;
    for (const index of shown) {
      const slot = Math.floor((messages.time[index] - this.view.begin) / (this.view.end - this.view.begin) * columns);
      if (slot < 0 || slot >= columns) continue;
      const lane = counts[this.place.get(messages.target[index])];
      most = Math.max(most, ++lane[slot]);
    }
    pen.fillStyle = this.color("series-1");
    this.lanes.forEach((host, lane) => {
      const y = this.y(host);
      for (let slot = 0; slot < columns; slot++) {
        const high = Math.sqrt(counts[lane][slot] / most) * (this.laneHeight / 2 - 1);
        if (high) pen.fillRect(this.left + slot * 2, y - high, 1.5, high);
      }
    });
  }

  paintEvents() {
    const pen = this.pen, first = countBelow(messages.eventTime, this.view.begin), last = countBelow(messages.eventTime, this.view.end, true);
    if (last - first > 1500) return last - first;
    pen.fillStyle = this.color("ink");
    for (let index = first; index < last; index++) {
      if (!this.place.has(messages.eventHost[index]) || (filter.host >= 0 && filter.host !== messages.eventHost[index])) continue;
      pen.beginPath();
      pen.arc(this.x(messages.eventTime[index]), this.y(messages.eventHost[index]), 2.2, 0, 7);
      pen.fill();
    }
    return last - first;
  }

  // The messages of the story, and the chain of the one that was clicked, over everything else.
  paintMarked() {
    const pen = this.pen;
    const chain = this.chain;
    for (const [indices, color, wide] of [[this.told, "fail", 2], [chain, "accent", 2.5], [chain.slice(0, 1), "ink", 3]]) {
      pen.strokeStyle = pen.fillStyle = this.color(color);
      pen.lineWidth = wide;
      for (const index of indices) {
        if (messages.begin(index) > this.view.end || messages.time[index] < this.view.begin) continue;
        if (!this.place.has(messages.source[index]) || !this.place.has(messages.target[index])) continue;
        const ends = this.line(index);
        pen.beginPath();
        pen.moveTo(ends[0], ends[1]);
        pen.lineTo(ends[2], ends[3]);
        pen.stroke();
        this.arrow(...ends, 6);
      }
    }
    for (const violation of run.violations) {
      if (violation < this.view.begin || violation > this.view.end) continue;
      pen.fillStyle = this.color("fail");
      pen.beginPath();
      pen.moveTo(this.x(violation) - 6, TOP - 12); pen.lineTo(this.x(violation) + 6, TOP - 12); pen.lineTo(this.x(violation), TOP - 3);
      pen.fill();
    }
  }

  paintLabels() {
    const pen = this.pen;
    for (const host of this.lanes) {
      const name = clean(messages.hosts[host]), state = stateAt(messages.hosts[host], now);
      pen.fillStyle = this.color({ up: "up", paused: "paused", down: "down" }[state]);
      pen.beginPath();
      pen.arc(5, this.y(host), 4, 0, 7);
      pen.fill();
      pen.fillStyle = this.color(filter.host === host ? "accent" : "ink");
      let text = name, kept = name.length - 5;            // names of a group differ at their ends
      while (kept > 1 && pen.measureText(text).width > this.left - 20) text = name.slice(0, --kept) + "\u2026" + name.slice(-4);
      pen.fillText(text, 14, this.y(host));
    }
  }

  // -- pointer

  nearest(x, y) {
    let found = -1, best = 8;
    for (const index of this.drawn.length ? this.drawn : messages.story) {
      const [x1, y1, x2, y2] = this.line(index);
      const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
      const along = length ? Math.max(0, Math.min(1, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length)) : 0;
      const distance = Math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1));
      if (distance < best) { best = distance; found = index; }
    }
    return found;
  }

  listen() {
    const canvas = this.canvas, pointers = new Map();
    let moved = 0, apart = 0;
    const at = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); pointers.set(event.pointerId, at(event)); moved = 0; apart = 0; });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = at(event), before = pointers.get(event.pointerId);
      if (!before) { canvas.style.cursor = this.nearest(x, y) >= 0 ? "pointer" : "crosshair"; return; }
      pointers.set(event.pointerId, [x, y]);
      if (pointers.size === 2) {
        const [[x1], [x2]] = [...pointers.values()], distance = Math.abs(x1 - x2) + 20;
        if (apart) this.zoom(apart / distance, this.timeAt((x1 + x2) / 2));
        apart = distance;
        moved = 99;
        return;
      }
      moved += Math.abs(x - before[0]) + Math.abs(y - before[1]) / 4;
      const shift = (before[0] - x) / (this.width - this.left) * (this.view.end - this.view.begin);
      if (moved > 4) this.show(this.view.begin + shift, this.view.end + shift);
    });
    canvas.addEventListener("pointerup", (event) => {
      pointers.delete(event.pointerId);
      if (moved > 4) return;
      const [x, y] = at(event), lane = Math.floor((y - TOP) / this.laneHeight);
      if (x < this.left) { if (this.lanes[lane] !== undefined) setHost(filter.host === this.lanes[lane] ? -1 : this.lanes[lane]); return; }
      const found = this.nearest(x, y);
      if (found >= 0) this.select(found, true); else { this.select(-1, false); go(this.timeAt(x), true); }
    });
    canvas.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
    canvas.addEventListener("dblclick", (event) => this.zoom(0.25, this.timeAt(at(event)[0])));
    canvas.addEventListener("wheel", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) {
        event.preventDefault();
        this.zoom(Math.exp((event.deltaY || event.deltaX) / 300), this.timeAt(at(event)[0]));
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        const shift = event.deltaX / (this.width - this.left) * (this.view.end - this.view.begin);
        this.show(this.view.begin + shift, this.view.end + shift);
      }
    }, { passive: false });
  }
}

const viewListeners = [];

function showCaption(count, crowded, events, shown) {
  const hidden = messages.hosts.length - shown.lanes.length;
  byId("in-view").textContent = count.toLocaleString("en") + " messages in " + span(shown.view.end - shown.view.begin)
    + (crowded ? ": bars count arrivals, zoom in for lines" : "") + (events > 1500 ? "; events are hidden until you zoom in" : "")
    + (hidden > 0 ? "; " + hidden + " hosts have no lane here" : "");
}
