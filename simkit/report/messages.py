"""The messages of a run as columns: who sent what to whom, when, what became of it, and what it may have followed from.

They are read from the trace beside the run document. Of a run with more than `MESSAGES_MAX` those nearest to what
matters are kept (violations, the lines of stories, edges of faults), and one in so many of the others.

It deliberately claims no more than order: the `cause` of a message is the last one that reached its sender before it
left. Where both carry the same instant or the same request number, or it went out on the connection that the other came
in on, that is the reason; elsewhere it is only the latest thing the sender can have known.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace, TraceRecord
from simkit.report.passage import Passage, passage_of, payload_words
from simkit.report.strips import end_of, violations

MESSAGES_MAX = 50_000
"""Messages of one page, and as many events."""

TEXT_BYTES_MAX = 2_500_000
"""Characters of payloads of one page; those farthest from what matters go without."""

CHUNKS_MAX = 48
"""Chunks of a trace that are read, some 200,000 records."""

_NEAR_SHARE = 0.7
"""The part of `MESSAGES_MAX` that is kept nearest to what matters; the rest is spread over the run."""

Integers = NDArray[np.int64]


@dataclass
class Rows:
    """What grows while a trace is read: one list for each column."""

    time_ns: list[int] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    outcome: list[str] = field(default_factory=list)
    link: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    head: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class Messages:
    """Messages in the order of their arrival (of a lost one: of its loss), and events that nodes emitted.

    Attributes:
        hosts: their names; columns hold places in this list.
        kinds, outcomes: words; columns hold places in these lists. Outcome 0 is "arrived".
        columns: time_ns, sent_ns (-1: unknown), source, target, kind, outcome, size, cause (-1: none), text (-1: none).
        events: time_ns, host, kind, text.
        texts: payloads and events in words.
        total, events_total: how many there were before sampling.
        spread: outside the neighbourhood of what matters, one of so many is kept; 1 when all are.
        unread: records of a long trace that were not read at all.
    """

    hosts: list[str]
    kinds: list[str]
    outcomes: list[str]
    columns: Mapping[str, Integers]
    events: Mapping[str, Integers]
    texts: list[str]
    total: int
    events_total: int
    spread: int
    unread: int


def messages_of(document: Document, trace: StoredTrace) -> Messages:
    """Return the messages and events of a run."""
    hosts = [host.name for host in document.hosts]
    places = {name: place for place, name in enumerate(hosts)}
    sent, told = Rows(), Rows()
    moments = _moments(document)
    read = 0
    for _, record in trace.some_records(moments, CHUNKS_MAX):
        read += 1
        passage = passage_of(record)
        if passage is not None:
            _note_message(sent, record, passage, places)
        elif record.kind == "event" and record.host in places:
            told.time_ns.append(record.time_ns)
            told.source.append(places[record.host])
            told.kind.append(str(record.detail[0]))
            told.head.append(("event", record.payload_head))
    matters = np.unique(np.array(moments, dtype=np.int64))
    chosen, spread = _chosen(np.array(sent.time_ns, dtype=np.int64), matters, _in_stories(document, sent, places))
    chosen_events, _ = _chosen(np.array(told.time_ns, dtype=np.int64), matters, ())
    texts = _Texts(matters, document.words)
    kinds, outcomes = _Words(), _Words(["arrived"])
    renumbered = np.full(len(sent.time_ns) + 1, -1, dtype=np.int64)
    renumbered[chosen] = np.arange(len(chosen))
    columns = {
        "time_ns": np.array(sent.time_ns, dtype=np.int64)[chosen],
        "sent_ns": np.array(sent.sent_ns, dtype=np.int64)[chosen],
        "source": np.array(sent.source, dtype=np.int64)[chosen],
        "target": np.array(sent.target, dtype=np.int64)[chosen],
        "outcome": outcomes.places(sent.outcome[index] for index in chosen),
        "size": np.array(sent.size, dtype=np.int64)[chosen],
        "cause": renumbered[_causes(sent)[chosen]],
        **texts.columns(sent, chosen, kinds),
    }
    events = {
        "time_ns": np.array(told.time_ns, dtype=np.int64)[chosen_events],
        "host": np.array(told.source, dtype=np.int64)[chosen_events],
        **texts.columns(told, chosen_events, kinds),
    }
    return Messages(
        hosts=hosts,
        kinds=kinds.words,
        outcomes=outcomes.words,
        columns=columns,
        events=events,
        texts=texts.texts,
        total=len(sent.time_ns),
        events_total=len(told.time_ns),
        spread=spread,
        unread=trace.count - read,
    )


def _note_message(rows: Rows, record: TraceRecord, passage: Passage, places: Mapping[str, int]) -> None:
    """Note one message, datagram, or piece of a stream; hosts that the document does not know are left out."""
    source, target = places.get(passage.source), places.get(passage.target)
    if source is None or target is None:
        return
    rows.time_ns.append(record.time_ns)
    rows.sent_ns.append(-1 if record.sent_ns is None else record.sent_ns)
    rows.source.append(source)
    rows.target.append(target)
    rows.outcome.append(passage.outcome)
    # Requests and connections are numbered each for themselves.
    rows.link.append(-1 if passage.link < 0 else passage.link * 2 + passage.connection)
    rows.size.append(record.payload_length)
    rows.kind.append(passage.kind)
    rows.head.append((record.kind, record.payload_head))


def _moments(document: Document) -> list[int]:
    """Return the moments that matter, the most important first: the error, stories, violations, edges of faults."""
    found = [document.error.time_ns] if document.error else []
    for _, violation in violations(document):
        found += [violation.time_ns, *(step.time_ns for step in violation.story)]
    for fault in document.faults:
        found += [fault.begin_ns, fault.begin_ns if fault.end_ns is None else fault.end_ns]
    return list(dict.fromkeys([*found, 0, end_of(document)]))


def _in_stories(document: Document, rows: Rows, places: Mapping[str, int]) -> list[int]:
    """Return the messages that brought about the lines of stories: they are kept, however many others there are."""
    wanted = {
        (step.sent_ns, places.get(step.sender))
        for expectation in document.expectations
        for violation in expectation.violations
        for step in violation.story
        if step.sender
    }
    if not wanted:
        return []
    return [index for index, pair in enumerate(zip(rows.sent_ns, rows.source, strict=True)) if pair in wanted]


def _chosen(times_ns: Integers, moments: Integers, always: Sequence[int]) -> tuple[Integers, int]:
    """Return which rows are kept, in order, and of how many others one is."""
    count = len(times_ns)
    if count <= MESSAGES_MAX:
        return np.arange(count), 1
    by_distance = np.argsort(_distance(times_ns, moments), kind="stable")
    near = by_distance[: int(MESSAGES_MAX * _NEAR_SHARE)]
    far = np.sort(by_distance[len(near) :])
    spread = -(-len(far) // (MESSAGES_MAX - len(near)))
    return np.unique(np.concatenate([near, far[::spread], np.array(always, dtype=np.int64)])), spread


def _distance(times_ns: Integers, moments: Integers) -> Integers:
    """Return how far each time is from the nearest moment that matters."""
    after = np.clip(np.searchsorted(moments, times_ns), 0, len(moments) - 1)
    before = np.clip(after - 1, 0, None)
    nearest: Integers = np.minimum(np.abs(moments[after] - times_ns), np.abs(times_ns - moments[before]))
    return nearest


def _causes(rows: Rows) -> Integers:
    """Return, for each message, the last one that reached its sender before it left: -1 where there is none."""
    count = len(rows.time_ns)
    if not count:
        return np.zeros(0, dtype=np.int64)
    time_ns = np.array(rows.time_ns, dtype=np.int64)
    sent_ns = np.array(rows.sent_ns, dtype=np.int64)
    target, source = np.array(rows.target, dtype=np.int64), np.array(rows.source, dtype=np.int64)
    link = np.array(rows.link, dtype=np.int64)
    arrived = np.flatnonzero(np.array([outcome == "arrived" for outcome in rows.outcome]) & (np.array(rows.size) > 0))
    latest = _latest(target[arrived], time_ns[arrived], source, sent_ns)
    found: Integers = np.where(latest >= 0, arrived[np.maximum(latest, 0)], -1) if len(arrived) else latest
    same_instant = (found >= 0) & (time_ns[np.maximum(found, 0)] == sent_ns)
    # On one connection, or for one request, the reply follows from what came in, however long that took.
    ends = np.int64(target.max() + source.max() + 1)
    on_link = _latest(link[arrived] * ends + target[arrived], time_ns[arrived], link * ends + source, sent_ns)
    linked = (on_link >= 0) & (link >= 0) & ~same_instant
    if len(arrived):
        found = np.where(linked, arrived[np.maximum(on_link, 0)], found)
    found[sent_ns < 0] = -1
    return found


def _latest(keys: Integers, times_ns: Integers, wanted: Integers, before_ns: Integers) -> Integers:
    """Return, for each wanted key, the place of the last row with that key no later than a time; -1: none."""
    every, numbers = np.unique(np.concatenate([keys, wanted]), return_inverse=True)
    scale = np.int64(max(int(times_ns.max(initial=0)), int(before_ns.max(initial=0))) + 2)
    if len(every) * float(scale) >= 2**62:  # days of thousands of hosts: to the microsecond is near enough
        scale, times_ns, before_ns = scale // 1_000 + 2, times_ns // 1_000, before_ns // 1_000
    own, asked = numbers[: len(keys)] * scale + times_ns, numbers[len(keys) :] * scale + before_ns
    order = np.argsort(own, kind="stable")
    place = np.searchsorted(own[order], asked, side="right") - 1
    fits = (place >= 0) & (before_ns >= 0)
    candidate = order[np.maximum(place, 0)] if len(order) else np.zeros(len(wanted), dtype=np.int64)
    fits &= (keys[candidate] == wanted) if len(keys) else False
    return np.where(fits, candidate, -1)


class _Words:
    """A list of different words, and where each stands in it."""

    def __init__(self, first: Iterable[str] = ()) -> None:
        self.words = list(first)
        self._places = {word: place for place, word in enumerate(self.words)}

    def place(self, word: str) -> int:
        found = self._places.get(word)
        if found is None:
            found = self._places[word] = len(self.words)
            self.words.append(word)
        return found

    def places(self, words: Iterable[str]) -> Integers:
        return np.array([self.place(word) for word in words], dtype=np.int64)


class _Texts:
    """Payloads in words, each once, as far as there is room; those nearest to what matters first."""

    def __init__(self, moments: Integers, meanings: Mapping[str, str]) -> None:
        self.texts: list[str] = []
        self._meanings = meanings
        self._words = _Words()
        self._moments = moments
        self._room = TEXT_BYTES_MAX

    def columns(self, rows: Rows, chosen: Integers, kinds: _Words) -> dict[str, Any]:
        """Return the columns kind and text of the chosen rows."""
        text = np.full(len(chosen), -1, dtype=np.int64)
        kind = np.zeros(len(chosen), dtype=np.int64)
        distance = _distance(np.array(rows.time_ns, dtype=np.int64)[chosen], self._moments)
        for place in np.argsort(distance, kind="stable").tolist():
            index = chosen[place]
            record, head = rows.head[index]
            what, said = payload_words(record, rows.kind[index], head, self._meanings)
            kind[place] = kinds.place(what)
            if said and self._room > 0:
                before = len(self._words.words)
                text[place] = self._words.place(said)
                self._room -= len(said) + 4 if len(self._words.words) > before else 0
        self.texts = self._words.words
        return {"kind": kind, "text": text}


def story_messages(document: Document, messages: Messages) -> list[int]:
    """Return which messages brought about the lines of the first violation's story."""
    found = violations(document)
    steps = found[0][1].story if found else ()
    places = {name: place for place, name in enumerate(messages.hosts)}
    wanted = {(step.sent_ns, places.get(step.sender), places.get(step.host)): step.time_ns for step in steps}
    columns = messages.columns
    rows = zip(*(columns[name].tolist() for name in ("sent_ns", "source", "target", "time_ns")), strict=True)
    return [
        index
        for index, (sent_ns, source, target, time_ns) in enumerate(rows)
        if time_ns <= wanted.get((sent_ns, source, target), -1)
    ]
