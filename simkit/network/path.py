"""The way from one host to another: where every packet takes its draws, and learns whether and when it arrives.

A path is made once for an ordered pair and kept; it carries the pair's random streams, and the queue in front of the
wire. Conditions are read anew only when the network's epoch says that something changed.

It deliberately delivers nothing: it answers with a time, or with the reason why there is none.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from simkit.kernel import Distribution, Stream, arrays
from simkit.network.flaw import Crossing, Flawing, struck_frames
from simkit.network.link import FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES, Link, loss_of
from simkit.network.overlay import Conditions, Overlay
from simkit.network.queue import Queue

if TYPE_CHECKING:
    from simkit.network.handlers import Origin
    from simkit.network.interface import Interface
    from simkit.network.network import Network

LOST: Final = -1
BLOCKED: Final = -2
REJECTED: Final = -3
OVERFLOWED: Final = -4
CORRUPTED: Final = -5
OUTCOMES: Final = {
    LOST: "lost",
    BLOCKED: "blocked",
    REJECTED: "rejected",
    OVERFLOWED: "overflowed",
    CORRUPTED: "corrupted",
}
"""What `Path.transit` returns instead of a time, and the word for it in records."""

ODD: Final = -6
"""It arrives, but not as it was sent, or twice: see `Path.crossing`."""

UNDER_WAY: Final = -7
"""Only time will tell: ask with `Path.carry`."""

_UNKNOWN: Final = Link()
_NONE_YET: Final = Crossing(0, 1, 0)
"""What a new path begins with: its first look finds its link, and nothing has crossed it."""

Laid = TypeVar("Laid")


class Path:
    """One ordered pair of hosts.

    Args:
        network: whose epoch and overlays hold here.
        source, target: the ends.

    Attributes:
        latency_ns: the delay drawn for the last packet to which more than latency could happen, even if it was lost.
        crossing: what became of the last packet, unless nothing but latency can happen to packets.
        frame_bytes: the largest frame, in which long packets are cut, with its Ethernet header.
        segment_bytes: how much of a stream a full frame carries.
        shaped: True if some bandwidth is limited, so that sending takes time.
        records: the world's.
        origin: what handlers hear of who sent a datagram, once there was one.
    """

    __slots__ = (
        "_conditions",
        "_epoch",
        "_flaws",
        "_laid",
        "_link",
        "_loss_by_size",
        "_one_way",
        "_plain",
        "_queue",
        "_stream",
        "_world",
        "crossing",
        "frame_bytes",
        "latency_ns",
        "name",
        "network",
        "origin",
        "records",
        "segment_bytes",
        "shaped",
        "source",
        "target",
    )

    def __init__(self, network: "Network", source: "Interface", target: "Interface") -> None:
        self.network = network
        self.source = source
        self.target = target
        self.name = f"{source.name}->{target.name}"
        self.latency_ns = 0
        self.records = network.world.records
        self.origin: Origin | None = None
        self._world = network.world
        self._stream = network.world.stream(f"network/{self.name}")
        self._laid: dict[Overlay, object] = {}
        self._link = _UNKNOWN
        self.crossing = _NONE_YET
        self._refresh()

    # -- packets

    def transit(self, size: int) -> int:
        """Send a packet of `size` bytes now; return when it arrives (ns), or one of the outcomes below zero.

        Every packet takes two draws of the path's stream, whatever becomes of it, so that a fault moves no later draw.
        """
        if self._epoch != self.network.epoch:
            self._refresh()
        latency_ns = round(self._one_way.draw(self._stream))
        luck = self._stream.bits64()
        if latency_ns < 0:
            latency_ns = 0
        if self._plain:
            return self._world.now_ns + latency_ns
        return self._transit_conditions(size, latency_ns, (luck >> 11) * 2.0**-53)

    def transit_all(self, size: int, count: int) -> NDArray[np.int64] | None:
        """Send `count` packets of `size` bytes now, one after the other; return what `transit` would for each.

        None, and nothing is sent, where a packet's fate may depend on those before it or take more than a number to
        tell: queues, flaws, holes, long packets.
        """
        self.look()
        conditions, link = self._conditions, self._link
        streams = [self._stream, *(stream for _, stream in (*conditions.latencies, *conditions.losses))]
        if conditions.flaws or conditions.bottlenecks or conditions.hole or size > self.frame_bytes:
            return None
        if len(set(map(id, streams))) < len(streams):  # two that draw from one stream take turns
            return None
        bits = _bits(self._stream, 2 * count)
        latencies_ns = _whole(link.one_way, bits[::2])
        for extra, stream in conditions.latencies:
            latencies_ns += _whole(extra, _bits(stream, count))
        luck = arrays.unit(bits[1::2])
        lost = (luck < self._loss(size)) & (luck < link.loss)
        for loss, stream in conditions.losses:
            lost |= arrays.unit(_bits(stream, count)) < loss
        if conditions.cut:
            return np.full(count, REJECTED if conditions.rejected else BLOCKED)
        return np.where(lost, LOST, self._world.now_ns + latencies_ns)

    def carry(self, size: int, known: Callable[..., object], *details: Any) -> None:
        """Send a packet, and call `known(arrival or outcome, *details)` as soon as that is known: at once, mostly.

        For packets that are sound or nothing: `known` never hears of ODD.
        """
        self.settle(self.transit(size), size, known, *details)

    def settle(self, outcome: int, size: int, known: Callable[..., object], *details: Any) -> None:
        """Do for what `transit` returned, of a packet of `size` bytes, what `carry` does."""
        known(self.crossing.arrival_ns if outcome == ODD else outcome, *details)

    def carry_data(self, size: int, known: Callable[..., object], *details: Any) -> None:
        """Like `carry`, for who asks `crossing` what became of the bytes; it is right while `known` is called."""
        known(self.transit(size), *details)

    def _transit_conditions(self, size: int, latency_ns: int, luck: float) -> int:
        conditions = self._conditions
        self.crossing = crossing = Crossing(size, self.frame_bytes, latency_ns)
        for extra, stream in conditions.latencies:
            crossing.latency_ns += max(0, round(extra.draw(stream)))
        if luck < self._loss(size):
            crossing.lost.update(struck_frames(luck, crossing.frames, self._link.loss))
        for loss, stream in conditions.losses:
            crossing.lost.update(struck_frames(stream.random(), crossing.frames, loss))
        for flaw in conditions.flaws:
            flaw.strike(crossing)
        self.latency_ns = crossing.latency_ns
        if conditions.cut:
            return REJECTED if conditions.rejected else BLOCKED
        if conditions.hole is not None and min(size, self.frame_bytes) - FRAME_HEADER_BYTES > conditions.hole:
            return BLOCKED
        time_ns = self._world.now_ns
        for bandwidth, queue in conditions.bottlenecks:
            time_ns = crossing.meet(queue, time_ns, bandwidth, self._link.queue_limit)
        crossing.arrival_ns = time_ns + crossing.latency_ns
        return outcome_of(crossing)

    def _loss(self, size: int) -> float:
        if not self._link.loss:
            return 0.0
        loss = self._loss_by_size.get(size)
        if loss is None:
            loss = self._loss_by_size[size] = loss_of(size, self._link.loss, self.frame_bytes)
        return loss

    # -- what holds

    def _current_link(self) -> tuple[Link, Queue]:
        """Return the link of the pair as it is now, and the queue in front of its wire."""
        return self.network.link_of(self.source, self.target)

    def _follow(self, link: Link, queue: Queue) -> None:
        """Take a link and its queue for this path."""
        self._link = link
        self._queue = queue
        self._one_way: Distribution = link.one_way
        stream = self._world.stream(f"network/{self.name}/flaws") if link.flaws else self._stream
        self._flaws: list[Flawing] = [flaw.on(stream) for flaw in link.flaws]

    def _refresh(self) -> None:
        """Work out from the link and the overlays what holds now."""
        self._epoch = self.network.epoch
        link, queue = self._current_link()
        if link is not self._link:
            self._follow(link, queue)
        overlays = self.network.overlays if self.source is not self.target else []
        self._laid = {overlay: made for overlay, made in self._laid.items() if overlay in overlays}
        conditions = Conditions(flaws=[*self._flaws])
        for overlay in overlays:
            if overlay.selector.covers(self.source.host, self.target.host):
                overlay.impose(conditions, self)
        if link.bandwidth is not None:
            conditions.bottlenecks.append((link.bandwidth, self._queue))
        mtu = min(link.mtu, conditions.mtu or link.mtu)
        self.frame_bytes = mtu + FRAME_HEADER_BYTES
        self.segment_bytes = self.frame_bytes - SEGMENT_HEADER_BYTES
        self._loss_by_size: dict[int, float] = {}
        self._conditions = conditions
        self.shaped = bool(conditions.bottlenecks)
        self._plain = not link.loss and conditions.plain

    def look(self) -> Self:
        """Look whether something has changed, so that sizes are right; return the path."""
        if self._epoch != self.network.epoch:
            self._refresh()
        return self

    def fault_stream(self, name: str) -> Stream:
        """Return the stream from which faults of that name draw on this path."""
        return self._world.stream(f"fault/{name}/{self.name}")

    def laid(self, overlay: Overlay, make: Callable[[], Laid]) -> Laid:
        """Return what an overlay keeps on this path, the same as long as it is laid; `make` makes it."""
        if overlay not in self._laid:
            self._laid[overlay] = make()
        return cast(Laid, self._laid[overlay])


def outcome_of(crossing: Crossing) -> int:
    """Return the arrival of a packet that met its conditions, or what it is called that became of it."""
    if crossing.dropped:
        return OVERFLOWED
    if crossing.lost:
        return LOST
    if crossing.damaged:
        return CORRUPTED
    if crossing.damage >= 0 or crossing.copy_ns >= 0:
        return ODD
    return crossing.arrival_ns


def _bits(stream: Stream, count: int) -> arrays.Bits:
    return np.frombuffer(stream.bytes(8 * count), dtype="<u8")


def _whole(distribution: Distribution, bits: arrays.Bits) -> NDArray[np.int64]:
    """Return latencies in whole nanoseconds, none below zero."""
    return np.maximum(np.rint(distribution.values(bits)), 0.0).astype(np.int64)
