// One message in full, and the chain of messages that came before it: what its sender had heard when it spoke.

function whyLine(index, after) {
  const row = make("li"), source = messages.hosts[messages.source[index]], target = messages.hosts[messages.target[index]];
  row.append(jumpTo(messages.time[index], 6), make("span", clean(source) + " \u2192 " + clean(target), "who"));
  const said = make("span", undefined, "what");
  said.append(make("b", messages.kinds[messages.kind[index]]), " " + messages.words(index));
  if (messages.lost(index)) said.append(make("em", " " + messages.outcomes[messages.outcome[index]]));
  const notes = [];
  if (messages.sent[index] >= 0 && messages.time[index] - messages.sent[index] >= NS) notes.push("on its way for " + span(messages.time[index] - messages.sent[index]));
  if (after !== null) notes.push(after);
  if (notes.length) said.append(make("span", " \u00b7 " + notes.join(", "), "note"));
  row.append(said);
  row.dataset.message = index;
  return row;
}

// Between hearing one message and sending the next a host may have stood still: that belongs to the chain.
function pausesBetween(host, begin, end) {
  return (changes.get(messages.hosts[host]) || []).filter(([ns]) => ns > begin && ns <= end).map(([ns, state]) => {
    const row = make("li", undefined, "fault"), fault = run.faults.find((each) => each.begin === ns || each.end === ns);
    row.append(jumpTo(ns, 6), make("span", clean(messages.hosts[host]), "who"),
      make("span", { up: "runs again", paused: "stands still", down: "is gone" }[state] + (fault ? " (" + fault.name + (fault.end === ns ? " heals" : "") + ")" : ""), "what"));
    return row;
  });
}

function showWhy(index, chain) {
  const panel = byId("why");
  panel.textContent = "";
  panel.hidden = index < 0;
  if (index < 0) return;
  const sent = messages.sent[index];
  const title = make("h3", clean(messages.hosts[messages.source[index]]) + " \u2192 " + clean(messages.hosts[messages.target[index]]) + ": " + messages.kinds[messages.kind[index]]);
  const facts = [sent >= 0 ? "sent " + moment(sent, 6) : "", messages.lost(index) ? messages.outcomes[messages.outcome[index]] + " at " + moment(messages.time[index], 6) : "arrived " + moment(messages.time[index], 6),
    sent >= 0 && !messages.lost(index) ? "after " + span(messages.time[index] - sent) : "", messages.size[index].toLocaleString("en") + " bytes"];
  panel.append(title, make("p", facts.filter(Boolean).join(" \u00b7 "), "note"), make("pre", messages.words(index) || "(what it says is not kept in this page)"));
  const list = make("ol", undefined, "steps"), rows = [];
  chain.forEach((each, place) => {
    const cause = chain[place + 1];
    let after = null;
    if (cause !== undefined) {
      const waited = messages.begin(each) - messages.time[cause];
      after = waited === 0 ? "sent at once" : "sent " + span(waited) + " later";
    }
    rows.push(whyLine(each, after));
    if (cause !== undefined) rows.push(...pausesBetween(messages.source[each], messages.time[cause], messages.begin(each)).reverse());
  });
  for (const row of rows.reverse()) list.append(row);
  list.lastChild.setAttribute("aria-current", "true");
  panel.append(make("h3", "Why: what came before it"), list);
  const ends = causeOf(chain[chain.length - 1]) < 0;
  panel.append(make("p", ends ? "Nothing that this page keeps reached " + clean(messages.hosts[messages.source[chain[chain.length - 1]]]) + " before that: it acted by itself." : "It goes on; click the first line to follow it.", "note"));
}
