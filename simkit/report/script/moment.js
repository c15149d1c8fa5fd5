// Moments and lengths of time as words, and the few things that every other part makes of text.

const NS = 1e9, MS = 1e6;
const byId = (id) => document.getElementById(id);
const pad = (number, digits) => String(number).padStart(digits, "0");

function moment(ns, digits = 3) {
  const s = Math.floor(ns / NS), m = Math.floor(s / 60), h = Math.floor(m / 60);
  const fraction = pad(Math.floor(ns - s * NS), 9).slice(0, digits);
  return (h ? h + ":" : "") + pad(h ? m % 60 : m, 2) + ":" + pad(s % 60, 2) + (digits ? "." + fraction : "");
}

function span(ns) {
  const [size, unit] = [[3600 * NS, "h"], [60 * NS, "min"], [NS, "s"], [MS, "ms"], [1e3, "\u00b5s"], [1, "ns"]].find(([each]) => ns >= each) || [1, "ns"];
  return Number((ns / size).toPrecision(3)) + " " + unit;
}

function make(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

function draw(tag, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (parent) parent.append(made);
  return made;
}

// A button that moves the slider to a moment.
function jumpTo(ns, digits) {
  const button = make("button", moment(ns, digits));
  button.type = "button";
  button.dataset.t = ns;
  return button;
}

const clean = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");

// The number of entries of a sorted column that are smaller than `value` (with `orEqual`: no larger).
function countBelow(column, value, orEqual) {
  let low = 0, high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (orEqual ? column[middle] <= value : column[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}
