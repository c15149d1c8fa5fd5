"""Conditions that faults lay over the network: cuts, added latency and loss, flaws, less bandwidth, smaller packets.

Overlays stack. A path works out what holds for it from its link and the overlays that cover it, from the start every
time something changes, so that undoing one, in whatever order, leaves exactly what the others say.

They deliberately never touch a packet that is already on its way.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simkit.kernel import Distribution, Stream
from simkit.network.flaw import Flaw, Flawing
from simkit.network.queue import DROP_TAIL, Discipline, Queue
from simkit.network.selector import Selector

if TYPE_CHECKING:
    from simkit.network.path import Path


@dataclass
class Conditions:
    """What holds for one path at the moment, gathered from its link and its overlays.

    Attributes:
        cut: packets are dropped; `rejected`: and the sender is told so (ICMP host unreachable).
        hole: bytes of the largest IP packet that gets through, where nobody tells the sender; None without such a hole.
        mtu: bytes of the largest IP packet, where senders are told; None for the link's own.
        latencies: latencies added to each packet, with the stream each is drawn from.
        losses: additional probabilities of loss per frame, with their streams.
        flaws: what else happens to packets, the link's own first.
        bottlenecks: bandwidths in bits per second, each with the queue in front of it, in the order of passing.
    """

    bottlenecks: list[tuple[int, Queue]] = field(default_factory=list)
    cut: bool = False
    rejected: bool = False
    hole: int | None = None
    mtu: int | None = None
    latencies: list[tuple[Distribution, Stream]] = field(default_factory=list)
    losses: list[tuple[float, Stream]] = field(default_factory=list)
    flaws: list[Flawing] = field(default_factory=list)

    @property
    def plain(self) -> bool:
        """True if nothing can happen to a packet that fits."""
        return not (
            self.cut or self.bottlenecks or self.latencies or self.losses or self.flaws or self.hole is not None
        )


@dataclass(frozen=True, eq=False)
class Overlay:
    """One condition; `name` names the streams it draws from, one for each path."""

    selector: Selector
    name: str

    def impose(self, conditions: Conditions, path: "Path") -> None:
        """Add what this overlay does to the conditions of a path."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Cut(Overlay):
    """Packets do not get through; with `reject` their sender hears that the host is unreachable."""

    reject: bool = False

    def impose(self, conditions: Conditions, path: "Path") -> None:
        """See `Overlay.impose`. Of two cuts, the one that drops in silence stands nearer."""
        conditions.rejected = self.reject and (conditions.rejected or not conditions.cut)
        conditions.cut = True


@dataclass(frozen=True, eq=False)
class AddedLatency(Overlay):
    """Every packet takes longer by one draw of `extra`, in nanoseconds."""

    extra: Distribution

    def impose(self, conditions: Conditions, path: "Path") -> None:
        """See `Overlay.impose`."""
        conditions.latencies.append((self.extra, path.fault_stream(self.name)))


@dataclass(frozen=True, eq=False)
class AddedLoss(Overlay):
    """Every frame is lost with probability `loss`, besides what the link itself loses."""

    loss: float

    def impose(self, conditions: Conditions, path: "Path") -> None:
        """See `Overlay.impose`."""
        conditions.losses.append((self.loss, path.fault_stream(self.name)))


@dataclass(frozen=True, eq=False)
class Flawed(Overlay):
    """A flaw strikes packets besides those of the link. Its state on a path is its own, and goes with it."""

    flaw: Flaw

    def impose(self, conditions: Conditions, path: "Path") -> None:
        """See `Overlay.impose`."""
        conditions.flaws.append(path.laid(self, lambda: self.flaw.on(path.fault_stream(self.name))))


@dataclass(frozen=True, eq=False)
class LimitedBandwidth(Overlay):
    """No more than `bandwidth` bits per second get through each path: a bottleneck in front of its link."""

    bandwidth: int
    discipline: Discipline = DROP_TAIL

    def impose(self, conditions: Conditions, path: "Path") -> None:
        """See `Overlay.impose`. Its queue is its own, and goes with it."""
        conditions.bottlenecks.append((self.bandwidth, path.laid(self, self.discipline.queue)))


@dataclass(frozen=True, eq=False)
class LimitedPackets(Overlay):
    """IP packets of more than `mtu` bytes do not fit; with `silent` they vanish, and nobody tells their senders."""

    mtu: int
    silent: bool = False

    def impose(self, conditions: Conditions, path: "Path") -> None:
        """See `Overlay.impose`. The smallest limit of each kind holds."""
        if self.silent:
            conditions.hole = min(self.mtu, conditions.hole or self.mtu)
        else:
            conditions.mtu = min(self.mtu, conditions.mtu or self.mtu)
