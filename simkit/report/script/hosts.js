// What each host shows at the moment: its state and since when, its gauges, the last thing that it said had happened.

const HOSTS_SHOWN = 60;

function lastEventOf(host) {
  if (!messages) return -1;
  for (let index = countBelow(messages.eventTime, now, true) - 1, least = Math.max(0, index - 4000); index >= least; index--) {
    if (messages.eventHost[index] === host) return index;
  }
  return -1;
}

const hostCards = (byId("hosts-now") ? run.hosts.slice(0, HOSTS_SHOWN) : []).map((host, place) => {
  const card = make("div", undefined, "card"), head = make("div", undefined, "head"), dot = make("i"), state = make("span", undefined, "note");
  head.append(dot, make("b", clean(host.name)), make("span", clean(host.zone ? host.role + ", zone " + host.zone : host.role), "note"));
  const gauges = make("div", undefined, "gauges"), said = make("div", undefined, "said");
  card.append(head, state, gauges, said);
  byId("hosts-now").append(card);
  return { host, place, dot, state, gauges, said };
});

function showHosts() {
  for (const { host, place, dot, state, gauges, said } of hostCards) {
    const row = lastBefore(changes.get(host.name) || [], now), word = row ? row[1] : "down";
    dot.dataset.state = word;
    state.textContent = word + (row && row[0] > 0 ? " since " + moment(row[0]) : "");
    gauges.textContent = host.gauges.map((gauge) => {
      const value = gauge.values[countBelow(run.buckets, now, true) - 1];
      return gauge.name + " " + (value === null || value === undefined || now > run.end ? "\u2013" : Number(value.toPrecision(4))) + (gauge.unit && gauge.unit !== gauge.name ? " " + gauge.unit : "");
    }).join("  \u00b7  ");
    const event = lastEventOf(place);
    said.textContent = event < 0 ? "" : moment(messages.eventTime[event]) + " " + messages.kinds[messages.eventKind[event]] + " " + (messages.eventText[event] < 0 ? "" : messages.texts[messages.eventText[event]]);
    said.title = said.textContent;
  }
}

if (hostCards.length) onMoment(showHosts);
