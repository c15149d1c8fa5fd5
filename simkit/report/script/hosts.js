// What each host shows at the moment: its state and since when, its gauges, the last thing that it said had happened.

const HOSTS_SHOWN = 60;

function lastEventOf(host) {
  if (!messages) return -1;
  for (let index = countBelow(messages.eventTime, now, true) - 1, least = Math.max(0, index - 4000); index >= least; index--) {
    if (messages.eventHost[index] === host) return index;
  }
  return -1;
}

// Of many hosts those that are down or paused now come first, then those of the story; each card takes whoever it is given.
function hostsToShow() {
  const every = run.hosts.map((_, place) => place);
  if (every.length <= HOSTS_SHOWN) return every;
  const inStory = new Set(run.actors);
  const rank = run.hosts.map((host) => stateAt(host.name, now) !== "up" ? 0 : inStory.has(host.name) ? 1 : 2);
  return every.sort((one, other) => rank[one] - rank[other] || one - other).slice(0, HOSTS_SHOWN).sort((one, other) => one - other);
}

const hostCards = (byId("hosts-now") ? run.hosts.slice(0, HOSTS_SHOWN) : []).map(() => {
  const card = make("div", undefined, "card"), head = make("div", undefined, "head"), dot = make("i"), state = make("span", undefined, "note");
  const name = make("b"), role = make("span", undefined, "note"), gauges = make("div", undefined, "gauges"), said = make("div", undefined, "said");
  head.append(dot, name, role);
  card.append(head, state, gauges, said);
  byId("hosts-now").append(card);
  return { name, role, dot, state, gauges, said };
});

if (hostCards.length < run.hosts.length && hostCards.length) {
  byId("hosts-now").before(make("p", hostCards.length + " of " + run.hosts.length + " hosts: those that are down or paused, those of the story, and the first of the others.", "note"));
}

function showHosts() {
  hostsToShow().forEach((place, slot) => {
    const host = run.hosts[place], { name, role, dot, state, gauges, said } = hostCards[slot];
    name.textContent = clean(host.name);
    role.textContent = clean(host.zone ? host.role + ", zone " + host.zone : host.role);
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
  });
}

if (hostCards.length) onMoment(showHosts);
