"""The models of `network:`: links, with all that may happen to a packet on one, and how TCP behaves.

A link says only what differs from `default`. What becomes of packets is the network room's business
(`simkit.network.link`, `simkit.network.flaw`); deliberately nothing here knows hosts, so that which names a link is
between is judged later, in `wiring.py`.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simkit.language.problem import Refusal
from simkit.language.units import Bandwidth, Distribution, Duration, Fraction, Size
from simkit.network.flaw import AT_ONCE, CHECKSUM_MISSES, Bursts, Corruption, Duplication, Reordering
from simkit.network.link import MTU_BYTES_MIN, Link
from simkit.network.queue import CoDel
from simkit.network.tcp_parameters import TcpParameters

MILLISECOND = 10**6


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class BurstsModel(_Part):
    """Losses that come in bursts (Gilbert-Elliott)."""

    loss: Fraction = Field(description="share of packets lost in the long run")
    length: float = Field(ge=1.0, le=10**6, description="packets lost in a row, on average")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.flaw()
        return self

    def flaw(self) -> Bursts:
        """The flaw this describes; raises `Refusal` if there is none."""
        try:
            return Bursts.of_mean(float(self.loss), self.length)
        except ValueError as error:
            raise Refusal(str(error)) from None


class DuplicateModel(_Part):
    """Packets that arrive twice."""

    share: Fraction = Field(description="share of packets")
    after: Distribution = Field(default=AT_ONCE, description="how much later the copy comes")

    def flaw(self) -> Duplication:
        """The flaw this describes."""
        return Duplication(float(self.share), self.after)


class ReorderModel(_Part):
    """Packets that are held back, so that later ones overtake them."""

    share: Fraction = Field(description="share of packets")
    by: Distribution = Field(description="how long they are held back")

    def flaw(self) -> Reordering:
        """The flaw this describes."""
        return Reordering(float(self.share), self.by)


class CorruptModel(_Part):
    """Packets in which bits flip."""

    share: Fraction = Field(description="share of packets")
    unnoticed: Fraction = Field(
        default=Fraction(CHECKSUM_MISSES), description="share of those that pass their checksum and are delivered"
    )

    def flaw(self) -> Corruption:
        """The flaw this describes."""
        return Corruption(float(self.share), float(self.unnoticed))


class CoDelModel(_Part):
    """Active management of the queue: CoDel (RFC 8289)."""

    target: Duration = Field(default=Duration(5 * MILLISECOND), gt=0, description="the standing delay it tolerates")
    interval: Duration = Field(default=Duration(100 * MILLISECOND), gt=0, description="about the longest round trip")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.target >= self.interval:
            raise Refusal("the target delay of a queue lies below its interval")
        return self

    def discipline(self) -> CoDel:
        """The discipline this describes."""
        return CoDel(int(self.target), int(self.interval))


class LinkModel(_Part):
    """What a link does to a packet; what is not said comes from `default`."""

    rtt: Distribution | None = Field(default=None, description="time there and back; half of it each way")
    one_way: Distribution | None = Field(default=None, description="time one way")
    loss: Fraction | None = Field(default=None, description="share of packets lost")
    bursts: BurstsModel | None = Field(default=None, description="losses in bursts, besides")
    duplicate: DuplicateModel | None = Field(default=None, description="packets that arrive twice")
    reorder: ReorderModel | None = Field(default=None, description="packets that are overtaken")
    corrupt: CorruptModel | None = Field(default=None, description="packets in which bits flip")
    bandwidth: Bandwidth | None = Field(default=None, description="how fast bits go onto the wire")
    queue: Size | None = Field(default=None, gt=0, description="bytes that may wait for the wire")
    codel: CoDelModel | None = Field(default=None, description="active management of that queue")
    mtu: Size | None = Field(default=None, ge=MTU_BYTES_MIN, le=65_536, description="the largest IP packet")

    @model_validator(mode="after")
    def _one_way_to_say_latency(self) -> Self:
        if self.rtt is not None and self.one_way is not None:
            raise Refusal("`rtt` and `one_way` are both given; one of them says it")
        return self

    def over(self, below: Link) -> Link:
        """The network's link: this model's values, the others from `below`."""
        values: dict[str, Any] = {
            "one_way": self.rtt.scaled(0.5) if self.rtt is not None else self.one_way,
            "loss": self.loss,
            "bursts": self.bursts and self.bursts.flaw(),
            "duplication": self.duplicate and self.duplicate.flaw(),
            "reordering": self.reorder and self.reorder.flaw(),
            "corruption": self.corrupt and self.corrupt.flaw(),
            "bandwidth": self.bandwidth,
            "queue_limit": self.queue,
            "codel": self.codel and self.codel.discipline(),
            "mtu": self.mtu,
        }
        return below.model_copy(update={name: value for name, value in values.items() if value is not None})


class TcpModel(_Part):
    """How streams behave, on every host."""

    congestion: Literal["cubic", "reno"] | None = Field(default=None, description="the congestion control")
    initial_window: int | None = Field(default=None, ge=1, le=1000, description="segments before an acknowledgement")
    selective: bool | None = Field(default=None, description="selective acknowledgements")
    limited_transmit: bool | None = Field(default=None, description="reports of a gap let new segments leave")
    slow_start_after_idle: bool | None = Field(default=None, description="windows shrink while nothing is sent")
    window: Size | None = Field(
        default=None, ge=1448, le=1 << 30, description="bytes that a machine takes in and keeps for a connection"
    )
    rto_min: Duration | None = Field(
        default=None, ge=MILLISECOND, description="how much longer than a round trip a time-out is at least"
    )

    def parameters(self) -> TcpParameters:
        """The network's parameters."""
        values: dict[str, Any] = {
            "congestion": self.congestion,
            "initial_window": self.initial_window,
            "selective": self.selective,
            "limited_transmit": self.limited_transmit,
            "slow_start_after_idle": self.slow_start_after_idle,
            "receive_buffer": self.window,
            "send_buffer": self.window,
            "rto_min_ns": self.rto_min,
        }
        return TcpParameters(**{name: value for name, value in values.items() if value is not None})


class MeshLinkModel(LinkModel):
    """A link between two routers, or between a router and hosts."""

    weight: float | None = Field(default=None, gt=0, le=10**9, description="what routes add up; latency without it")


class _Filed(_Part):
    """What may stand in a file of its own, which is read with the scenario file that names it."""

    file: str | None = Field(default=None, description="a file in the folder of this one")

    @model_validator(mode="after")
    def _was_read(self) -> Self:
        if self.file is not None:
            raise Refusal("a `file` is named in the scenario file itself, not in a variant and not with `--set`")
        return self


class GraphModel(_Filed):
    """Routers and the links between them; a file is GraphML."""

    links: dict[str, MeshLinkModel] = Field(
        default={}, description="`a <-> b`, `a -> b`; names of no hosts are routers"
    )
    convergence: Duration = Field(default=Duration(0), description="how long a failure, or its end, goes unnoticed")


class MatrixModel(_Filed):
    """Measured round trips between hosts, groups, racks, zones or regions; a file is CSV."""

    rtt: dict[str, dict[str, Distribution]] = Field(default={}, description="from: {to: time there and back}")


class NetworkModel(_Part):
    """The network: links under their own names (`a <-> b`, `a -> b`), and what holds for all of them."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, LinkModel] = Field(init=False)

    default: LinkModel | None = Field(default=None, description="the link of every pair that has no other")
    same_zone: LinkModel | None = Field(default=None, description="the link of hosts that share a zone")
    same_rack: LinkModel | None = Field(default=None, description="the link of hosts that share a rack")
    same_region: LinkModel | None = Field(default=None, description="the link of hosts that share a region")
    matrix: MatrixModel | None = Field(default=None, description="measured round trips")
    graph: GraphModel | None = Field(default=None, description="routers, over which packets find their way")
    tcp: TcpModel | None = Field(default=None, description="how streams behave")

    @property
    def links(self) -> dict[str, LinkModel]:
        """The links by the names they have in the file."""
        return self.__pydantic_extra__ or {}
