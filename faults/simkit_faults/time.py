"""Faults of clocks: a wall clock that is wrong, and a crystal that runs too fast or too slow.

Both add up, on one host too, and healing leaves the wall clock where it would have been without them.

Leap seconds and who corrects a clock are deliberately not here yet; monotonic time never steps, whatever happens.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host
from simkit.language.units import Drift, Offset


class ClockOffset(Condition):
    """The wall clock is stepped, and stepped back at the end; monotonic time and timers do not notice.

    Seen: Cloudflare DNS, 1 January 2017, a leap second set the clock back and a difference of times that was assumed
    never to be negative made servers panic ("How and why the leap second affected Cloudflare DNS").
    """

    word = "clock_offset"

    by: Offset
    """How far the clock is set forward, or with a minus back."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        for host in targets:
            host.clock.shift(int(self.by))
        try:
            yield
        finally:
            for host in targets:
                host.clock.shift(-int(self.by))


class ClockDrift(Condition):
    """The clock runs too fast or too slow, timers included.

    At the end it has its former rate, and the wall clock is stepped to where it would have been, as ntpd does with
    anything above 128 ms; monotonic time, which never steps, keeps what it gained or lost.

    Seen: Google's Spanner plans for 200 us a second between synchronisations and has machines with bad clocks evicted
    (Corbett et al., "Spanner: Google's Globally-Distributed Database", OSDI 2012).
    """

    word = "clock_drift"

    by: Drift
    """How much too fast the clock runs, or with a minus too slow."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        begin_ns, ppb = arena.world.now_ns, int(self.by)
        for host in targets:
            host.clock.set_drift(host.clock.drift_ppb + ppb)
        try:
            yield
        finally:
            gained_ns = (arena.world.now_ns - begin_ns) * ppb // 10**9
            for host in targets:
                host.clock.set_drift(host.clock.drift_ppb - ppb)
                host.clock.shift(-gained_ns)
