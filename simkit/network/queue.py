"""The queue in front of a wire, as arithmetic: when a frame has left it, or that it was dropped.

Frames leave in the order in which they came, so what becomes of one is known the moment it arrives: a queue needs no
event. That holds for active management too, as CoDel decides when a frame leaves, from what left before it.

It deliberately keeps no frame: a queue is the time at which the wire will be free. Priorities and fair queueing, which
would let a later frame change the time of an earlier one, are therefore not here.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final, Protocol

BITS_NS: Final = 8 * 10**9
"""Bytes times this are bits times 10**9, so that backlogs and limits are compared in integers."""

_RECENT_INTERVALS: Final = 16
_FULL_FRAME_BYTES: Final = 1514


class Queue:
    """The frames that wait for one wire.

    Attributes:
        free_ns: when the wire will have sent everything that was admitted.
        dropped: the frames of the last packet that were dropped, by their places in it.
    """

    __slots__ = ("dropped", "free_ns")

    def __init__(self) -> None:
        self.free_ns = 0
        self.dropped: tuple[int, ...] = ()

    def backlog_ns(self, now_ns: int) -> int:
        """Return how long a frame that arrives now would wait."""
        return max(0, self.free_ns - now_ns)

    def admit(self, now_ns: int, size: int, frame_bytes: int, bandwidth: int, limit: int) -> int:
        """Take the frames of a packet; return when the last one that was not dropped is on the wire, whole.

        Args:
            now_ns: when they arrive, not before the ones that came earlier.
            size: bytes of all frames together, headers included; each but the last has `frame_bytes`.
            bandwidth: bits per second.
            limit: bytes that may wait; a frame that finds more of them is dropped.
        """
        room = limit * BITS_NS
        before_last = (size - 1) // frame_bytes * frame_bytes
        if self.backlog_ns(now_ns) * bandwidth + before_last * BITS_NS <= room:
            self.dropped = ()
            self.free_ns = max(now_ns, self.free_ns) - (-size * BITS_NS // bandwidth)
            return self.free_ns
        dropped: list[int] = []
        for place, frame in enumerate(frames_of(size, frame_bytes)):
            if self.backlog_ns(now_ns) * bandwidth > room:
                dropped.append(place)
            else:
                self.free_ns = max(now_ns, self.free_ns) - (-frame * BITS_NS // bandwidth)
        self.dropped = tuple(dropped)
        return self.free_ns


class ManagedQueue(Queue):
    """A queue under CoDel, "Controlled Delay Active Queue Management" (RFC 8289, section 5; Nichols and Jacobson).

    A queue that no frame left quickly for a whole interval is a standing one: from then on one frame is dropped, and
    again after an interval that shrinks with the square root of their number, until the delay is below the target.
    """

    __slots__ = ("_above_ns", "_codel", "_count", "_dropping", "_last_count", "_next_ns")

    def __init__(self, codel: "CoDel") -> None:
        super().__init__()
        self._codel = codel
        self._above_ns = 0  # when the delay will have been above the target for an interval; 0 while it is below
        self._next_ns = 0
        self._count = self._last_count = 0
        self._dropping = False

    def admit(self, now_ns: int, size: int, frame_bytes: int, bandwidth: int, limit: int) -> int:
        """See `Queue.admit`."""
        dropped: list[int] = []
        for place, frame in enumerate(frames_of(size, frame_bytes)):
            backlog = self.backlog_ns(now_ns) * bandwidth
            if backlog > limit * BITS_NS or self._drops(now_ns, backlog):
                dropped.append(place)
            else:
                self.free_ns = max(now_ns, self.free_ns) - (-frame * BITS_NS // bandwidth)
        self.dropped = tuple(dropped)
        return self.free_ns

    def _drops(self, now_ns: int, backlog: int) -> bool:
        """Return True if a frame that arrives now is dropped when its turn comes."""
        turn_ns = max(now_ns, self.free_ns)
        standing = self._standing(turn_ns, turn_ns - now_ns, backlog)
        if self._dropping:
            if not standing:
                self._dropping = False
            elif turn_ns >= self._next_ns:
                self._count += 1
                self._next_ns += self._pause_ns()
                return True
            return False
        if not standing:
            return False
        # Whoever has just left the dropping state comes back to the rate of dropping it had.
        grown = self._count - self._last_count
        recent = turn_ns - self._next_ns < _RECENT_INTERVALS * self._codel.interval_ns
        self._dropping = True
        self._count = self._last_count = grown if grown > 1 and recent else 1
        self._next_ns = turn_ns + self._pause_ns()
        return True

    def _standing(self, turn_ns: int, sojourn_ns: int, backlog: int) -> bool:
        if sojourn_ns < self._codel.target_ns or backlog <= _FULL_FRAME_BYTES * BITS_NS:
            self._above_ns = 0
        elif self._above_ns == 0:
            self._above_ns = turn_ns + self._codel.interval_ns
        else:
            return turn_ns >= self._above_ns
        return False

    def _pause_ns(self) -> int:
        return round(self._codel.interval_ns / sqrt(self._count))


class Discipline(Protocol):
    """How a queue decides whom to drop."""

    def queue(self) -> Queue:
        """Return a queue under this discipline, empty."""
        ...


@dataclass(frozen=True)
class DropTail:
    """Whoever finds the queue full is dropped."""

    def queue(self) -> Queue:
        """See `Discipline.queue`."""
        return Queue()


DROP_TAIL: Final = DropTail()


@dataclass(frozen=True)
class CoDel:
    """Controlled delay: a queue in which frames wait longer than the target for a whole interval loses some.

    Attributes:
        target_ns: the standing delay that is tolerated.
        interval_ns: about the longest round trip of the flows that share the queue.
    """

    target_ns: int = 5_000_000
    interval_ns: int = 100_000_000

    def __post_init__(self) -> None:
        if not 0 < self.target_ns < self.interval_ns:
            raise ValueError("a queue's target delay is above zero and below its interval")

    def queue(self) -> Queue:
        """See `Discipline.queue`."""
        return ManagedQueue(self)


def frames_of(size: int, frame_bytes: int) -> list[int]:
    """Return the sizes of the frames of a packet of `size` bytes in all."""
    whole, rest = divmod(size, frame_bytes)
    return [frame_bytes] * whole + ([rest] if rest or not whole else [])
