// Messages and events in typed columns, sorted by arrival, so that a window of time is found by halving.

function column(text, kind) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new kind(bytes.buffer);
}

const messages = run.messages ? (() => {
  const found = run.messages, columns = found.columns;
  const all = {
    ...found,
    time: column(columns.time_ns, Float64Array), sent: column(columns.sent_ns, Float64Array),
    source: column(columns.source, Uint16Array), target: column(columns.target, Uint16Array),
    kind: column(columns.kind, Uint16Array), outcome: column(columns.outcome, Uint16Array),
    size: column(columns.size, Uint32Array), cause: column(columns.cause, Int32Array), text: column(columns.text, Int32Array),
    eventTime: column(found.events.time_ns, Float64Array), eventHost: column(found.events.host, Uint16Array),
    eventKind: column(found.events.kind, Uint16Array), eventText: column(found.events.text, Int32Array),
  };
  all.count = all.time.length;
  // The earliest sending among this message and all that arrive later: where the search of a window may end.
  all.earliest = new Float64Array(all.count + 1).fill(Infinity);
  for (let index = all.count - 1; index >= 0; index--) {
    const begin = all.sent[index] < 0 ? all.time[index] : all.sent[index];
    all.earliest[index] = Math.min(all.earliest[index + 1], begin);
  }
  all.begin = (index) => all.sent[index] < 0 ? all.time[index] : all.sent[index];
  all.words = (index) => all.text[index] < 0 ? "" : all.texts[all.text[index]];
  all.lost = (index) => all.outcome[index] !== 0;
  return all;
})() : null;

const filter = { host: -1, kind: -1, text: "" };

function passes(index) {
  if (filter.host >= 0 && messages.source[index] !== filter.host && messages.target[index] !== filter.host) return false;
  if (filter.kind >= 0 && messages.kind[index] !== filter.kind) return false;
  return !filter.text || messages.words(index).toLowerCase().includes(filter.text)
    || messages.kinds[messages.kind[index]].toLowerCase().includes(filter.text);
}

// The messages of [begin, end] that pass the filter, in the order of their arrival.
function messagesWithin(begin, end) {
  const found = [];
  for (let index = countBelow(messages.time, begin); index < messages.count && messages.earliest[index] <= end; index++) {
    if (messages.begin(index) <= end && passes(index)) found.push(index);
  }
  return found;
}

// Words that can only be names: a letter and a digit, and long enough that two hosts do not use it by chance.
const namesIn = (text) => new Set((text.match(/[A-Za-z0-9_-]{6,}/g) || []).filter((word) => /[0-9]/.test(word) && /[A-Za-z]/.test(word) && !hostNames.has(word)));
const hostNames = new Set(messages ? messages.hosts : []);
const SEARCHED_MAX = 20000;

// What a message may have followed from: what reached its sender at that very moment; else the last thing that named
// the same object; else what came in last. -1 where nothing did.
function causeOf(index) {
  const cause = messages.cause[index], sent = messages.begin(index);
  if (cause < 0 || messages.time[cause] === sent) return cause;
  const names = [...namesIn(messages.words(index))];
  if (!names.length) return cause;
  let other = countBelow(messages.time, sent, true) - 1;
  for (const least = Math.max(0, other - SEARCHED_MAX); other >= least; other--) {
    if (messages.target[other] !== messages.source[index] || messages.lost(other)) continue;
    const text = messages.words(other);
    if (names.some((name) => text.includes(name))) return other;
  }
  return cause;
}

// From a message back to what it may have followed from, the newest first.
function chainOf(index, most = 12) {
  const chain = [index];
  for (let cause = causeOf(index); cause >= 0 && chain.length < most; cause = causeOf(cause)) chain.push(cause);
  return chain;
}
