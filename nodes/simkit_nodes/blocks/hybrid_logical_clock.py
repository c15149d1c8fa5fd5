"""Hybrid logical clock: timestamps that respect causality like Lamport's and stay close to physical time.

A timestamp is one integer of 63 bits, microseconds since the Unix epoch and a counter of 12 bits below them, so that
timestamps are compared and sent as what they are. Every message carries its sender's, and the receiver's clock moves
beyond it. Where the counter overflows it carries into the microseconds, which breaks nothing: order and bound remain.

It deliberately corrects no physical clock and cannot know how wrong one is: it notices that another host is ahead by
more than `offset_ns_max`, and refuses to follow.

Source: S. Kulkarni, M. Demirbas, D. Madappa, B. Avva, M. Leone, "Logical Physical Clocks" (OPODIS 2014), figure 5; the
compact form is that of its section 6.2 with a finer unit.
"""

from __future__ import annotations

from typing import Final, Protocol

COUNTER_BITS: Final = 12
MICROSECOND: Final = 1 << COUNTER_BITS
MILLISECOND: Final = 1000 * MICROSECOND
SECOND: Final = 1_000_000 * MICROSECOND


class PhysicalClock(Protocol):
    """What a host believes the time to be."""

    def wall_ns(self) -> int:
        """Return Unix time in nanoseconds; it may be stepped back."""
        ...


class ClockAhead(Exception):
    """A timestamp came from a clock that is further ahead of ours than any clock may be."""

    def __init__(self, ahead_ns: int, offset_ns_max: int) -> None:
        super().__init__(
            f"a timestamp {ahead_ns / 1e6:.3f} ms ahead; at most {offset_ns_max / 1e6:.3f} ms are possible"
        )
        self.ahead_ns = ahead_ns


def timestamp_of(unix_ns: int) -> int:
    """Return the first timestamp of a physical time."""
    return unix_ns // 1000 << COUNTER_BITS


def physical_ns(timestamp: int) -> int:
    """Return the physical part of a timestamp as Unix time in nanoseconds."""
    return (timestamp >> COUNTER_BITS) * 1000


def counter(timestamp: int) -> int:
    """Return the logical part of a timestamp."""
    return timestamp & (MICROSECOND - 1)


def span_of(duration_ns: int) -> int:
    """Return a duration as a difference of timestamps, rounded up to a microsecond."""
    return -(-duration_ns // 1000) << COUNTER_BITS


class HybridLogicalClock:
    """The clock of one process.

    Args:
        physical: the host's wall clock.
        offset_ns_max: by how much two clocks may differ at most; None follows everybody.

    Attributes:
        latest: the greatest timestamp that this clock has given or seen.
    """

    __slots__ = ("_physical", "latest", "offset_ns_max")

    def __init__(self, physical: PhysicalClock, offset_ns_max: int | None = None) -> None:
        self._physical = physical
        self.offset_ns_max = offset_ns_max
        self.latest = 0

    def now(self) -> int:
        """Return a timestamp greater than all before, for an event here or a message that leaves."""
        physical = self._physical.wall_ns() // 1000 << COUNTER_BITS
        latest = self.latest + 1
        self.latest = latest = max(physical, latest)
        return latest

    def update(self, received: int) -> None:
        """See the timestamp of a message that has arrived: all later ones of ours are greater.

        Raises:
            ClockAhead: it is further ahead of our physical clock than `offset_ns_max`; our clock stays as it was.
        """
        if received > self.latest:
            if self.offset_ns_max is not None:
                ahead_ns = physical_ns(received) - self._physical.wall_ns()
                if ahead_ns > self.offset_ns_max:
                    raise ClockAhead(ahead_ns, self.offset_ns_max)
            self.latest = received

    def physical_now(self) -> int:
        """Return the host's wall clock as a timestamp, whatever has been seen."""
        return self._physical.wall_ns() // 1000 << COUNTER_BITS
