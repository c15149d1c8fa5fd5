"""The load of a scenario: arrivals from outside, an open loop that does not wait for answers.

Every host named in `from:` gets arrivals of its own, from a stream of its own, as long as the load lasts. An arrival is
received like a packet: a paused host finds it when it goes on, and one that is down never sees it.

It deliberately has no closed loop: a client that waits for its answer before it asks again does so in its own code.
"""

from collections.abc import Callable, Sequence

from simkit.hosts.host import Host
from simkit.kernel import Exponential, World
from simkit.kernel.distribution import Constant, Distribution
from simkit.language.load import Load

Offer = Callable[[Host, Load, int], None]


class Arrivals:
    """The arrivals of one load at one of its hosts.

    Args:
        world: virtual time and draws.
        name, load: the entry of `load:`.
        host: where they arrive.
        share: this host's number among the hosts of the load, and how many those are.
        end_ns: when arrivals end, at the latest.
        offer: hands an arrival to the program on the host.

    Attributes:
        load: the entry of `load:`.
        offered, missed: arrivals so far that found a process, and that did not.
    """

    def __init__(
        self, world: World, name: str, load: Load, host: Host, share: tuple[int, int], end_ns: int, offer: Offer
    ) -> None:
        number, hosts = share
        self._world = world
        self.load = load
        self._host = host
        self._offer = offer
        self._stream = world.stream(f"load/{name}/{host.name}")
        self._interval = _interval(load, hosts)
        self._end_ns = min(end_ns, int(load.until)) if load.until is not None else end_ns
        # A total count is divided as evenly as it goes, the first hosts taking what is left over.
        self._remaining = None if load.count is None else load.count // hosts + (number < load.count % hosts)
        self.offered = self.missed = 0
        first_ns = int(load.start)
        if load.process == "constant":
            first_ns += round(self._interval.mean * (number + 1) / hosts)
        else:
            first_ns += self._next_ns()
        self._schedule(first_ns)

    def _next_ns(self) -> int:
        return max(1, round(self._interval.draw(self._stream)))

    def _schedule(self, time_ns: int) -> None:
        if time_ns <= self._end_ns and self._remaining != 0:
            self._world.post(time_ns, self._world.control, self._arrive)

    def _arrive(self) -> None:
        if self._remaining is not None:
            self._remaining -= 1
        if self._host.running:
            self.offered += 1
            self._world.post(self._world.now_ns, self._host.loop, self._offer, self._host, self.load, self.offered)
        else:
            self.missed += 1
        self._schedule(self._world.now_ns + self._next_ns())


def _interval(load: Load, hosts: int) -> Distribution:
    mean_ns = 1e9 / load.rate.of_one(hosts)
    return Exponential(mean_ns) if load.process == "poisson" else Constant(mean_ns)


def arrivals_of(
    world: World, name: str, load: Load, hosts: Sequence[Host], end_ns: int, offer: Offer
) -> list[Arrivals]:
    """Start a load at every host it comes from."""
    return [Arrivals(world, name, load, host, (i, len(hosts)), end_ns, offer) for i, host in enumerate(hosts)]
