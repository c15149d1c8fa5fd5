"""The messages of two runs around the moment at which they part, drawn alike: hosts in rows, one order of moments.

Distances say nothing: what takes microseconds and what takes seconds can be seen side by side that way. A message that
the other run does not have is drawn in another colour, one that it has with other bytes dotted.

It deliberately shows a few dozen messages; all of them are on each run's own page.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from simkit.observe.moment import moment
from simkit.observe.trace import StoredTrace
from simkit.report.pair import Pair
from simkit.report.passage import Passage, passage_of
from simkit.report.words import plain

SHOWN = 24
"""Messages on either side of the moment, of each run."""

SEARCHED = 4_000
"""Records on either side among which they are looked for."""

HOSTS_MAX = 24
WIDTH, LABELS, ROW, TOP = 620, 92, 26, 22


_Kin = tuple[str, str, str, str]


class _Arrow(NamedTuple):
    time_ns: int
    sent_ns: int
    passage: Passage
    payload_hash: int

    @property
    def kin(self) -> _Kin:
        """What makes two messages of two runs the same but for their contents."""
        return self.passage.source, self.passage.target, self.passage.kind, self.passage.outcome


def windows(pair: Pair) -> tuple[str, ...]:
    """Return both drawings as SVG, none where there is no moment to draw or no message around it."""
    at = pair.course or pair.bytes_part
    if at is None or pair.first.trace is None or pair.second.trace is None:
        return ()
    arrows = [_arrows(trace, at.time_ns) for trace in (pair.first.trace, pair.second.trace)]
    every = [each for side in arrows for each in side]
    if not every:
        return ()
    known = {host.name: None for side in (pair.first, pair.second) for host in side.document.hosts}
    touched = {name for each in every for name in (each.passage.source, each.passage.target)}
    hosts = [name for name in known if name in touched][:HOSTS_MAX]
    # What left long before would only stretch the picture: it comes from its left edge.
    begin_ns = min(each.time_ns for each in every)
    moments = {max(begin_ns, time_ns) for each in every for time_ns in (each.sent_ns, each.time_ns)}
    axis = _Axis(tuple(sorted({*moments, at.time_ns})), at.time_ns)
    return tuple(_draw(axis, hosts, side, _compared(side, arrows[1 - place])) for place, side in enumerate(arrows))


def _compared(arrows: Sequence[_Arrow], others: Sequence[_Arrow]) -> list[str]:
    """Return of each message whether the other run has the ``same``, one with ``other`` contents, or none: ``own``."""
    same = Counter((each.kin, each.payload_hash) for each in others)
    left = Counter(each.kin for each in others)
    found = []
    for each in arrows:
        exact = same[each.kin, each.payload_hash] > 0
        found.append("same" if exact else "")
        if exact:
            same[each.kin, each.payload_hash] -= 1
            left[each.kin] -= 1
    for place, each in enumerate(arrows):
        if not found[place]:
            found[place] = "other" if left[each.kin] > 0 else "own"
            left[each.kin] -= 1
    return found


def _arrows(trace: StoredTrace, time_ns: int) -> list[_Arrow]:
    """Return the messages that arrived nearest before and after a moment."""
    position = _position(trace, time_ns)
    found = [
        _Arrow(
            record.time_ns, record.time_ns if record.sent_ns is None else record.sent_ns, passage, record.payload_hash
        )
        for _, record in trace.records(max(0, position - SEARCHED), position + SEARCHED)
        if (passage := passage_of(record)) is not None and record.payload_length
    ]
    place = bisect_left(found, time_ns, key=lambda each: each.time_ns)
    return found[max(0, place - SHOWN // 3) : place + SHOWN]


def _position(trace: StoredTrace, time_ns: int) -> int:
    """Return the index of the first record no earlier than a moment, by halving; a cut trace may be off by its gap."""
    low, high = 0, trace.count
    while low < high:
        middle = (low + high) // 2
        record = trace.record(middle)
        if record is not None and record.time_ns < time_ns:
            low = middle + 1
        else:
            high = middle
    return low


class _Axis(NamedTuple):
    """Every moment at which a message left or arrived in either run has a column of its own, in order."""

    moments: tuple[int, ...]
    parted_ns: int

    def x(self, time_ns: int) -> float:
        column = bisect_left(self.moments, time_ns)
        return round(LABELS + 8 + column * (WIDTH - LABELS - 24) / max(1, len(self.moments) - 1), 1)


def _draw(axis: _Axis, hosts: Sequence[str], arrows: Sequence[_Arrow], compared: Sequence[str]) -> str:
    rows = {name: TOP + ROW * place + ROW // 2 for place, name in enumerate(hosts)}
    height = TOP + ROW * len(hosts) + 4
    shapes = [
        f'<text class="host" x="6" y="{y + 4}">{escape(plain(name, 13))}</text>'
        f'<line class="life" x1="{LABELS}" x2="{WIDTH - 8}" y1="{y}" y2="{y}"/>'
        for name, y in rows.items()
    ]
    for each, kind in zip(arrows, compared, strict=True):
        source, target = rows.get(each.passage.source), rows.get(each.passage.target)
        if source is None or target is None:
            continue
        lost = "" if each.passage.outcome == "arrived" else " lost"
        what = f"{each.passage.source} -> {each.passage.target} {each.passage.kind or 'bytes'}"
        told = f"{what} {moment(each.time_ns, digits=6)}"
        x = axis.x(each.time_ns)
        shapes.append(
            f"<g><title>{escape(plain(told))}</title>"
            f'<line class="{kind}{lost}" x1="{axis.x(each.sent_ns)}" y1="{source}" '
            f'x2="{x}" y2="{target}"/><circle class="{kind}" cx="{x}" cy="{target}" r="2.6"/></g>'
        )
    at = axis.x(axis.parted_ns)
    shapes.append(f'<line class="at" x1="{at}" x2="{at}" y1="{TOP - 4}" y2="{height}"/>')
    begin, end = moment(axis.moments[0], digits=6), moment(axis.moments[-1], digits=6)
    shapes.append(
        f'<text x="{LABELS}" y="13">{begin}</text><text x="{WIDTH - 8}" y="13" text-anchor="end">{end}</text>'
    )
    return (
        f'<svg class="near" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Messages around {moment(axis.parted_ns)}">{"".join(shapes)}</svg>'
    )
