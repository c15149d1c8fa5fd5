"""The way from one host to another: where every packet takes its draws, and learns whether and when it arrives.

A path is made once for an ordered pair and kept; it carries the pair's random stream, and the queue in front of the
wire. Conditions are read anew only when the network's epoch says that something changed.

It deliberately delivers nothing: it answers with a time, or with the reason why there is none.
"""

from typing import TYPE_CHECKING, Final

from simkit.kernel import Station, Stream
from simkit.network.link import Link, loss_of
from simkit.network.overlay import Conditions, Overlay

if TYPE_CHECKING:
    from simkit.network.interface import Interface
    from simkit.network.network import Network

LOST: Final = -1
BLOCKED: Final = -2
REJECTED: Final = -3
OVERFLOWED: Final = -4
OUTCOMES: Final = {LOST: "lost", BLOCKED: "blocked", REJECTED: "rejected", OVERFLOWED: "overflowed"}
"""What `Path.transit` returns instead of a time, and the word for it in records."""


class Path:
    """One ordered pair of hosts.

    Args:
        network: whose epoch and overlays hold here.
        source, target: the ends.
        link: the parameters without faults.
        pipe: the queue in front of the wire; several paths may share one.

    Attributes:
        latency_ns: the delay drawn for the last packet, whether or not it got through.
    """

    __slots__ = (
        "_conditions",
        "_draw",
        "_epoch",
        "_link",
        "_loss_by_size",
        "_pipe",
        "_plain",
        "_queues",
        "_stream",
        "_world",
        "latency_ns",
        "name",
        "network",
        "source",
        "target",
    )

    def __init__(self, network: "Network", source: "Interface", target: "Interface", link: Link, pipe: Station) -> None:
        self.network = network
        self.source = source
        self.target = target
        self.name = f"{source.name}->{target.name}"
        self.latency_ns = 0
        self._world = network.world
        self._link = link
        self._pipe = pipe
        self._stream = network.world.stream(f"network/{self.name}")
        self._draw = link.one_way.draw
        self._loss_by_size: dict[int, float] = {}
        self._queues: dict[Overlay, Station] = {}
        self._refresh()

    def transit(self, size: int) -> int:
        """Send a packet of `size` bytes now; return when it arrives (ns), or one of the outcomes below zero.

        Every packet takes two draws of the path's stream, whatever becomes of it, so that a fault moves no later draw.
        """
        if self._epoch != self.network.epoch:
            self._refresh()
        latency_ns = round(self._draw(self._stream))
        luck = self._stream.bits64()
        if latency_ns < 0:
            latency_ns = 0
        self.latency_ns = latency_ns
        if self._plain:
            return self._world.now_ns + latency_ns
        return self._transit_conditions(size, latency_ns, (luck >> 11) * 2.0**-53)

    def _transit_conditions(self, size: int, latency_ns: int, luck: float) -> int:
        conditions = self._conditions
        for extra, stream in conditions.latencies:
            latency_ns += max(0, round(extra.draw(stream)))
        self.latency_ns = latency_ns
        lost = luck < self._loss(size)
        for loss, stream in conditions.losses:
            lost = stream.random() < loss_of(size, loss) or lost
        if conditions.cut:
            return REJECTED if conditions.rejected else BLOCKED
        time_ns = self._world.now_ns
        for bandwidth, queue in conditions.bottlenecks:
            # In bits times 10**9, so that the comparison of backlog and limit stays in integers.
            if queue.backlog_ns(time_ns) * bandwidth > self._link.queue_limit * 8 * 10**9:
                return OVERFLOWED
            time_ns = queue.admit(time_ns, -(-size * 8 * 10**9 // bandwidth))
        return LOST if lost else time_ns + latency_ns

    def _loss(self, size: int) -> float:
        if not self._link.loss:
            return 0.0
        loss = self._loss_by_size.get(size)
        if loss is None:
            loss = self._loss_by_size[size] = loss_of(size, self._link.loss)
        return loss

    def _refresh(self) -> None:
        """Work out from the link and the overlays what holds now."""
        self._epoch = self.network.epoch
        overlays = self.network.overlays if self.source is not self.target else []
        self._queues = {overlay: queue for overlay, queue in self._queues.items() if overlay in overlays}
        conditions = Conditions()
        for overlay in overlays:
            if overlay.selector.covers(self.source.host, self.target.host):
                overlay.impose(conditions, self)
        if self._link.bandwidth is not None:
            conditions.bottlenecks.append((self._link.bandwidth, self._pipe))
        self._conditions = conditions
        self._plain = not self._link.loss and conditions == Conditions()

    def fault_stream(self, name: str) -> Stream:
        """Return the stream from which faults of that name draw on this path."""
        return self._world.stream(f"fault/{name}/{self.name}")

    def queue_of(self, overlay: Overlay) -> Station:
        """Return the queue that an overlay puts into this path, the same as long as it is laid."""
        queue = self._queues.get(overlay)
        if queue is None:
            queue = self._queues[overlay] = Station()
        return queue
