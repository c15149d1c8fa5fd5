"""Where the courses of two runs part: the first moment at which a host does something else, whatever messages carry.

A token that is one byte longer makes every later message arrive some nanoseconds later, and that is no other course of
events. So each host's deeds are compared in their own order, without times and contents: what its program told (events,
operations), how its machine went up and down, which faults came.

It deliberately looks at no message, stream or disk access: those are how a deed came about.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from simkit.observe.moment import NANOSECONDS
from simkit.observe.trace import StoredTrace, TraceRecord

DEEDS = frozenset({"event", "history", "host", "fault"})
SHOWN = 3
"""Deeds of the host before and after."""

RECORDS_MAX = 2_000_000
"""Records of each trace that are looked at."""

SLACK_NS = NANOSECONDS
"""How much later than in the other run a deed may come and still be the same one."""


@dataclass(frozen=True)
class Course:
    """Where two courses part, on one host ("" is the world).

    Attributes:
        before: the host's last deeds that both runs have.
        first, second: its next deeds in each; empty where it does nothing more.
    """

    host: str
    before: tuple[TraceRecord, ...]
    first: tuple[TraceRecord, ...]
    second: tuple[TraceRecord, ...]

    @property
    def time_ns(self) -> int:
        """The earlier of the two moments."""
        return min(deeds[0].time_ns for deeds in (self.first, self.second) if deeds)


@dataclass
class _Host:
    """The deeds of one host that have no counterpart yet, and the last ones that had."""

    pending: tuple[deque[TraceRecord], deque[TraceRecord]] = field(default_factory=lambda: (deque(), deque()))
    matched: deque[TraceRecord] = field(default_factory=lambda: deque(maxlen=SHOWN))

    def match(self) -> None:
        one, other = self.pending
        while one and other and _deed(one[0]) == _deed(other[0]):
            self.matched.append(one.popleft())
            other.popleft()

    def parted_ns(self) -> int | None:
        """Return when the deeds part if nothing more comes; None when all have their counterpart."""
        return min((deeds[0].time_ns for deeds in self.pending if deeds), default=None)

    def differs_ns(self) -> int | None:
        """Return when the deeds part for certain, because both runs go on and differ."""
        return self.parted_ns() if all(self.pending) else None


def first_parting(one: StoredTrace, other: StoredTrace, position: int) -> Course | None:
    """Return where the courses part, None if they never do; `position` is the first record that differs at all.

    A ValueError says that so many records did not decide it.
    """
    hosts: dict[str, _Host] = {}
    parted_ns: int | None = None
    last = position + RECORDS_MAX
    for pair in zip_longest(_deeds(one, position, last), _deeds(other, position, last)):
        for side, record in enumerate(pair):
            if record is None:
                continue
            host = hosts.setdefault(record.host, _Host())
            host.pending[side].append(record)
            host.match()
            found_ns = host.differs_ns()
            if found_ns is not None and (parted_ns is None or found_ns < parted_ns):
                parted_ns = found_ns
        far = all(
            record is None or (parted_ns is not None and record.time_ns > parted_ns + SLACK_NS) for record in pair
        )
        if parted_ns is not None and far:
            return _earliest(hosts)
    found = _earliest(hosts)
    if last < max(one.count, other.count) and parted_ns is None:
        raise ValueError(f"{RECORDS_MAX:,} records on, no host had done anything else; no more were compared")
    return found


def _earliest(hosts: dict[str, _Host]) -> Course | None:
    """Return the host whose deeds part first; one that only waits for its counterpart counts when it waits longest."""
    waiting = [(when, name) for name, host in hosts.items() if (when := host.parted_ns()) is not None]
    if not waiting:
        return None
    name = min(waiting)[1]
    first, second = (tuple(deeds)[:SHOWN] for deeds in hosts[name].pending)
    return Course(name, tuple(hosts[name].matched), first, second)


def _deeds(trace: StoredTrace, first: int, last: int) -> Iterator[TraceRecord]:
    return (record for _, record in trace.records(first, last) if record.kind in DEEDS)


def _deed(record: TraceRecord) -> tuple[str, tuple[str, ...]]:
    """Return what was done, without numbers: serials of operations shift when one more is made elsewhere."""
    return record.kind, tuple(part for part in record.detail if isinstance(part, str))
