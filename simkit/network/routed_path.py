"""A path over several links: every packet waits in the queue of each, and the way may change while it lasts.

All draws of a packet are taken when it is sent, for every link of its way, so that what becomes of it moves no later
draw. Time passes only where it meets a queue: there it waits for its turn among the packets of other paths.

It deliberately keeps to the way that was known when a packet set out: routers do not send it back.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simkit.kernel import Constant
from simkit.network.flaw import Crossing, struck_frames
from simkit.network.link import Link
from simkit.network.mesh import Hop, Mesh
from simkit.network.path import BLOCKED, ODD, REJECTED, UNDER_WAY, Path, outcome_of
from simkit.network.queue import Queue

if TYPE_CHECKING:
    from simkit.network.interface import Interface
    from simkit.network.network import Network

Known = Callable[..., object]


class RoutedPath(Path):
    """One ordered pair of hosts that are at different nodes of a mesh.

    What faults lay over the pair holds at its beginning; the links of the mesh follow.
    """

    __slots__ = ("_delays_ns", "_hops", "_mesh", "_nodes", "_way")

    def __init__(
        self, network: "Network", source: "Interface", target: "Interface", mesh: Mesh, nodes: tuple[str, str]
    ) -> None:
        self._mesh = mesh
        self._nodes = nodes
        self._hops: list[Hop] | None = None
        self._way: tuple[Link, Queue] | None = None
        super().__init__(network, source, target)

    def transit(self, size: int) -> int:
        """Return UNDER_WAY: ask with `carry`."""
        return UNDER_WAY

    def transit_all(self, size: int, count: int) -> None:
        """Return None: ask for each with `carry`."""

    def carry(self, size: int, known: Known, *details: Any) -> None:
        """See `Path.carry`."""
        self._send(size, self._collapsed, known, *details)

    def settle(self, outcome: int, size: int, known: Known, *details: Any) -> None:
        """See `Path.settle`."""
        self.carry(size, known, *details)

    def _collapsed(self, outcome: int, known: Known, *details: Any) -> None:
        known(self.crossing.arrival_ns if outcome == ODD else outcome, *details)

    def carry_data(self, size: int, known: Known, *details: Any) -> None:
        """See `Path.carry_data`."""
        self._send(size, known, *details)

    def _send(self, size: int, known: Known, *details: Any) -> None:
        outcome = super().transit(size)
        hops = self._hops
        crossing = self.crossing
        if self._plain:
            crossing = Crossing(size, self.frame_bytes, 0)
            crossing.arrival_ns = outcome
        delays_ns = [self._meet(hop, crossing) for hop in hops or ()]
        self.latency_ns = crossing.latency_ns
        if outcome in (BLOCKED, REJECTED) or hops is None:
            known(outcome if outcome in (BLOCKED, REJECTED) else REJECTED, *details)
            return
        self._advance(crossing, crossing.arrival_ns, hops, delays_ns, 0, known, details)

    def _meet(self, hop: Hop, crossing: Crossing) -> int:
        """Take the draws of one link for a packet; return how long the link takes."""
        before_ns = crossing.latency_ns
        crossing.latency_ns += max(0, round(hop.link.one_way.draw(self._stream)))
        luck = self._stream.random()
        if hop.link.loss:
            crossing.lost.update(struck_frames(luck, crossing.frames, hop.link.loss))
        for flaw in hop.flaws:
            flaw.strike(crossing)
        return crossing.latency_ns - before_ns

    def _advance(
        self,
        crossing: Crossing,
        time_ns: int,
        hops: list[Hop],
        delays_ns: list[int],
        place: int,
        known: Known,
        details: tuple[Any, ...],
    ) -> None:
        """Go on from the link at `place`, which the packet reaches at `time_ns`, as far as no queue has to be met."""
        world = self._world
        while place < len(hops):
            hop = hops[place]
            if not hop.up:
                known(BLOCKED, *details)
                return
            if hop.link.bandwidth is not None:
                if time_ns > world.now_ns:
                    world.post(
                        time_ns, world.control, self._advance, crossing, time_ns, hops, delays_ns, place, known, details
                    )
                    return
                time_ns = crossing.meet(hop.queue, time_ns, hop.link.bandwidth, hop.link.queue_limit)
            time_ns += delays_ns[place]
            place += 1
        crossing.arrival_ns = time_ns
        self.crossing = crossing
        known(outcome_of(crossing), *details)

    def _refresh(self) -> None:
        """See `Path._refresh`; the way may be another one now."""
        self._hops = self._mesh.route(*self._nodes)
        super()._refresh()
        self.shaped = self.shaped or any(hop.link.bandwidth is not None for hop in self._hops or ())

    def _current_link(self) -> tuple[Link, Queue]:
        """Return what stands for the link at the beginning: nothing but the smallest packet size of the way."""
        mtu = min((hop.link.mtu for hop in self._hops or ()), default=Link().mtu)
        if self._way is None or self._way[0].mtu != mtu:
            self._way = Link(one_way=Constant(0), mtu=mtu), Queue()
        return self._way
