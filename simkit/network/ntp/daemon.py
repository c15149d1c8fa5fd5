"""The time daemon of one machine: asks its servers, believes the majority, steers the clock, knows how wrong it may be.

It is a process of its own: killing or pausing the node does not touch it, a power cut does. Its packets take the paths
of the network, so that loss, latency and partitions reach it, and a path that is slower one way fools it by half of the
difference, as it would.

It deliberately serves whoever asks: every machine answers with its clock, and says how far from the truth that may be.
"""

from collections.abc import Callable
from typing import Final

from simkit.network.interface import Interface
from simkit.network.link import DATAGRAM_HEADER_BYTES
from simkit.network.ntp.discipline import Discipline
from simkit.network.ntp.sample import STAGES, TOLERANCE_PPB, ClockFilter, Sample
from simkit.network.ntp.selection import Claim, combined_offset_ns, truechimers

PACKET_BYTES: Final = 48 + DATAGRAM_HEADER_BYTES
BURST: Final = 4
BURST_NS: Final = 2 * 10**9
"""At its start a daemon asks four times, two seconds apart (iburst): its filters have something to choose from."""


class TimeDaemon:
    """NTP on one machine.

    Args:
        interface: the machine.
        servers: the machines that it asks.
        poll_ns: the time between polls.

    Attributes:
        synchronized: whether a majority of servers was believed at the last poll.
    """

    def __init__(self, interface: Interface, servers: tuple[Interface, ...], poll_ns: int) -> None:
        self._interface = interface
        self._clock = interface.host.clock
        self._world = interface.network.world
        self._servers = servers
        self._poll_ns = poll_ns
        self._filters = [ClockFilter() for _ in servers]
        self._discipline = Discipline(self._clock, poll_ns)
        self._generation = 0
        self._polls = False  # from its start until the power goes
        self._silences: dict[object, None] = {}
        self._used_ns = -1
        self._root = (0, 0)  # delay and dispersion up to the servers' sources, when the clock was last set
        self._root_ns: int | None = None
        self.synchronized = False
        self._clock.synchronizer = self
        interface.host.listeners.append(self._transition)

    def start(self) -> None:
        """Begin to poll, now."""
        self._polls = True
        self._poll(self._generation, 0)

    def error_ns(self) -> int:
        """Return the most by which the clock should be off; it grows while nobody answers."""
        if self._root_ns is None:
            return self._clock.bound_ns
        delay_ns, dispersion_ns = self._root
        aged_ns = (self._clock.monotonic_ns() - self._root_ns) * TOLERANCE_PPB // 10**9
        return delay_ns // 2 + dispersion_ns + aged_ns + abs(self._discipline.residual_ns)

    def silence(self) -> Callable[[], None]:
        """Let it hear nobody from now on; return what undoes it."""
        cause = object()
        self._silences[cause] = None

        def undo() -> None:
            self._silences.pop(cause, None)

        return undo

    # -- asking

    def _transition(self, host: object, transition: str) -> None:
        if transition in ("power_cut", "wipe"):
            self._restart()
            self._polls = False
        elif transition == "boot" and not self._polls:
            self.start()

    def _restart(self) -> None:
        """Forget everything but the frequency, which stands in a file; whatever is on its way is for nobody."""
        self._generation += 1
        for each in self._filters:
            each.clear()
        self._used_ns = -1

    def _poll(self, generation: int, number: int) -> None:
        if generation != self._generation:
            return
        if self._used_ns < self._clock.monotonic_ns() - STAGES * self._poll_ns:
            self.synchronized = False
        self._discipline.wear()
        if self._interface.powered and not self._silences:
            for server in range(len(self._servers)):
                self._ask(server)
        wait_ns = BURST_NS if number < BURST else self._poll_ns
        due_ns = self._clock.world_ns(self._clock.monotonic_ns() + min(wait_ns, self._poll_ns))
        self._world.post(due_ns, self._world.control, self._poll, generation, number + 1)

    def _ask(self, server: int) -> None:
        sent_ns = self._clock.wall_ns()
        path = self._interface.path_to(self._servers[server])
        path.carry(PACKET_BYTES, self._launched, self._answered, self._generation, server, sent_ns)

    def _launched(self, arrival_ns: int, arrived: Callable[..., object], *details: object) -> None:
        """Let a packet have its effect when it arrives, if it does."""
        if arrival_ns >= 0:
            self._world.post(arrival_ns, self._world.control, arrived, *details)

    def _answered(self, generation: int, server: int, sent_ns: int) -> None:
        """A question has reached its server; the answer sets out at once."""
        machine = self._servers[server]
        if not machine.powered:
            return
        received_ns = machine.host.clock.wall_ns()
        root = (0, machine.host.clock.error_ns())
        path = machine.path_to(self._interface)
        path.carry(PACKET_BYTES, self._launched, self._returned, generation, server, sent_ns, received_ns, root)

    def _returned(self, generation: int, server: int, sent_ns: int, received_ns: int, root: tuple[int, int]) -> None:
        if generation != self._generation or not self._interface.powered or self._silences:
            return
        sample = Sample.of_exchange(
            sent_ns,
            received_ns,
            received_ns,
            self._clock.wall_ns(),
            root=root,
            time_ns=self._clock.monotonic_ns(),
        )
        self._filters[server].add(sample)
        self._select()

    # -- believing

    def _select(self) -> None:
        now_ns = self._clock.monotonic_ns()
        best = [each.best(now_ns) for each in self._filters]
        claims = [
            Claim(number, sample.offset_ns, sample.root_distance_ns(now_ns, jitter_ns), jitter_ns)
            for number, sample in enumerate(best)
            if sample is not None
            for jitter_ns in (self._filters[number].jitter_ns(now_ns),)
        ]
        survivors = truechimers(claims)
        self.synchronized = bool(survivors)
        if not survivors:
            return
        newest_ns = max(sample.time_ns for claim in survivors if (sample := best[claim.server]) is not None)
        # An old sample has been acted on; acting on it again would correct the same error twice.
        if newest_ns <= self._used_ns or newest_ns != now_ns:
            return
        self._used_ns = newest_ns
        nearest = best[survivors[0].server]
        assert nearest is not None
        self._root = (
            nearest.root_delay_ns + nearest.delay_ns,
            nearest.root_dispersion_ns + nearest.aged_dispersion_ns(now_ns) + survivors[0].jitter_ns,
        )
        self._root_ns = now_ns
        if self._discipline.update(combined_offset_ns(survivors)):
            self._restart()
            self._poll(self._generation, 0)
