"""How virtual time is cut for measuring: a fixed number of equal buckets, and a cut wherever a fault begins or ends.

Every instrument of a run shares one `Segments`, so a segment is opened once, by whoever measures first in it. Because
faults cut segments, a statistic over the steady, faults or recovery window is exact although windows are known only
at the end of the run.

It deliberately needs no event of its own: nothing is scheduled in the world to close a bucket.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Protocol

BUCKETS = 240
"""Equal buckets over a run's duration: what a series in the run document has at most."""

MARKS_MAX = 10_000
"""Cuts at fault edges; later ones are counted in `marks_left_out`, and windows are then exact to one bucket."""

_NEVER = 1 << 62


class Timed(Protocol):
    """What measuring needs of a world."""

    @property
    def now_ns(self) -> int:
        """Virtual time in nanoseconds since the start of the run."""
        ...


class Segments:
    """The cuts of one run.

    Args:
        duration_ns: planned length of the run; what happens later counts for the last bucket.
        cuts_ns: moments known beforehand, such as the end of the warm-up.
        buckets: how many equal buckets.
    """

    __slots__ = (
        "_planned_ns",
        "bucket_ns",
        "buckets",
        "duration_ns",
        "index",
        "marks",
        "marks_left_out",
        "starts_ns",
        "until_ns",
    )

    def __init__(self, duration_ns: int, *, cuts_ns: Iterable[int] = (), buckets: int = BUCKETS) -> None:
        self.duration_ns = max(1, duration_ns)
        self.bucket_ns = -(-self.duration_ns // buckets)
        self.buckets = -(-self.duration_ns // self.bucket_ns)
        edges = {bucket * self.bucket_ns for bucket in range(1, self.buckets)}
        edges |= {cut_ns for cut_ns in cuts_ns if 0 < cut_ns < self.duration_ns}
        self._planned_ns = [*sorted(edges, reverse=True)]
        self.starts_ns = [0]
        self.index = 0
        self.until_ns = self._planned_ns[-1] if self._planned_ns else _NEVER
        self.marks = 0
        self.marks_left_out = 0

    def advance(self, now_ns: int) -> None:
        """Open the segment that contains `now_ns`, and every one before it."""
        while self._planned_ns and self._planned_ns[-1] <= now_ns:
            self._open(self._planned_ns.pop())

    def mark(self, now_ns: int) -> None:
        """Cut here: a fault begins or ends."""
        self.advance(now_ns)
        if self.starts_ns[-1] == now_ns:
            return
        if self.marks == MARKS_MAX:
            self.marks_left_out += 1
            return
        self.marks += 1
        self._open(now_ns)

    def of(self, time_ns: int) -> int:
        """Return the segment that contains a moment that has passed."""
        return max(0, bisect_right(self.starts_ns, time_ns) - 1)

    def end_ns(self, segment: int) -> int:
        """Return where a segment ends: where the next one starts, or never."""
        return self.starts_ns[segment + 1] if segment + 1 < len(self.starts_ns) else _NEVER

    def bucket(self, time_ns: int) -> int:
        """Return the bucket of a moment; what lies after the planned end belongs to the last one."""
        return min(max(0, time_ns) // self.bucket_ns, self.buckets - 1)

    def _open(self, start_ns: int) -> None:
        if start_ns > self.starts_ns[-1]:
            self.starts_ns.append(start_ns)
            self.index += 1
        self.until_ns = self._planned_ns[-1] if self._planned_ns else _NEVER
