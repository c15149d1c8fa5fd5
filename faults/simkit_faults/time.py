"""Faults of clocks: wrong or stepped wall clocks, crystals that run too fast or too slow, leap seconds, lost sources.

Conditions add up, on one host too, and healing leaves the wall clock where it would have been without them. Monotonic
time never steps, whatever happens.

They deliberately do not stop a time daemon from correcting what they did: where one runs, it will.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from pydantic import Field

from simkit.fault import Act, Arena, Condition, Plan
from simkit.hosts.host import Host
from simkit.language.units import Drift, Duration, Offset


class ClockOffset(Condition):
    """The wall clock is stepped, and stepped back at the end; monotonic time and timers do not notice.

    Seen: Cloudflare DNS, 1 January 2017, a leap second set the clock back and a difference of times that was assumed
    never to be negative made servers panic ("How and why the leap second affected Cloudflare DNS").
    """

    word = "clock_offset"
    disables = False

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
    disables = False

    by: Drift
    """How much too fast the clock runs, or with a minus too slow."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        ppb = int(self.by)
        begins_ns = [arena.world.now_ns - host.clock.stood_ns for host in targets]
        for host in targets:
            host.clock.set_drift(host.clock.drift_ppb + ppb)
        try:
            yield
        finally:
            for host, begin_ns in zip(targets, begins_ns, strict=True):
                ran_ns = arena.world.now_ns - host.clock.stood_ns - begin_ns
                host.clock.set_drift(host.clock.drift_ppb - ppb)
                host.clock.shift(-(ran_ns * ppb // 10**9))


class ClockStep(Act):
    """The wall clock jumps and nobody sets it back; monotonic time and timers do not notice.

    Seen: after the restore of a virtual machine, or an operator's correction. Jepsen's clock nemesis does it on purpose
    (Kingsbury, "CockroachDB beta-20160829", 2017: what is promised only while clocks agree within a bound).
    """

    word = "clock_step"
    disables = False

    by: Offset
    """How far the clock jumps forward, or with a minus back."""

    def strike(self, arena: Arena, targets: tuple[Host, ...]) -> None:
        """See `Act.strike`."""
        for host in targets:
            host.clock.shift(int(self.by))


class LeapSecond(Plan):
    """One second is inserted into Unix time: the clock repeats it, spreads it over a day, or does not know of it.

    Seen: 30 June 2012, timers of Linux kernels that spun took down Reddit and others; 1 January 2017, Cloudflare's
    resolvers panicked. Google smears since 2008, today over a day from noon to noon ("Leap Smear").
    """

    word = "leap_second"
    disables = False

    mode: Literal["step", "smear", "none"] = "step"
    """step: the wall clock goes back one second. smear: it runs slower, and timers with it. none: it stays ahead."""
    over: Duration = Field(default=Duration(86_400 * 10**9), gt=0)
    """How long a smear takes, from the moment of the fault on."""

    async def carry_out(self, arena: Arena, targets: tuple[Host, ...]) -> None:
        """See `Plan.carry_out`."""
        if self.mode == "step":
            for host in targets:
                host.clock.shift(-(10**9))
        elif self.mode == "smear":
            slower_ppb = 10**18 // int(self.over)
            for host in targets:
                host.clock.set_drift(host.clock.drift_ppb - slower_ppb)
            await asyncio.sleep(int(self.over) / 10**9)
            for host in targets:
                host.clock.set_drift(host.clock.drift_ppb + slower_ppb)


class SyncLost(Condition):
    """The time daemon hears nobody: the clock runs on with what was learnt, and the bound of its error grows.

    Seen: two time masters of a data centre shut down for maintenance, and Spanner's uncertainty rose for about an hour
    (Corbett et al., OSDI 2012, section 5.3).
    """

    word = "sync_lost"
    disables = False

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`; a clock that nobody keeps right loses nothing."""
        with ExitStack() as undoing:
            for host in targets:
                if host.clock.synchronizer is not None:
                    undoing.callback(host.clock.synchronizer.silence())
            yield
