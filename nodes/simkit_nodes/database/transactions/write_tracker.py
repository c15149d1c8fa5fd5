"""The write tracker of a leaseholder: how far time can be closed below the writes that are under way.

A closed timestamp is a promise that nobody writes at or below it any more. A write that begins is told the promise that
stands, and goes above it; until it has been applied the promise stays below where it may write. So neither waits for
the other.

It deliberately knows nothing of logs and followers, and lives in memory only: a new leaseholder writes above all that
the one before can have promised.

Source: the design of CockroachDB's closed timestamps, where a tracker of proposals does this.
"""

from __future__ import annotations

from simkit_nodes.database.transactions.latches import Latch, Latches


class WriteTracker:
    """What one tenure has promised, and may promise.

    Args:
        latches: held by the writes that are under way.
        waits: whether a promise stays below those; without, it may be broken.

    Attributes:
        closed: what has been promised.
    """

    __slots__ = ("_latches", "_waits", "closed")

    def __init__(self, latches: Latches, *, waits: bool = True) -> None:
        self.closed = 0
        self._latches = latches
        self._waits = waits

    def begin(self, latch: Latch, timestamp: int) -> None:
        """A write will be at `timestamp` or above, and above `closed`; it is under way until its latch is released."""
        latch.floor = max(timestamp, self.closed + 1)

    def close(self, timestamp: int) -> int:
        """Promise as much as is possible up to a timestamp; return what is promised now."""
        floor = self._latches.floor() if self._waits else None
        if floor is not None:
            timestamp = min(timestamp, floor - 1)
        self.closed = max(self.closed, timestamp)
        return self.closed
