"""What a link between two hosts does to a packet: delay, loss, damage, and the time that its bits take.

A link is a frozen value, the same for every pair of hosts that uses it, and it describes one direction: a pair may have
another link each way. What differs from pair to pair (draws, queues, the state of a burst) belongs to `path.py`.

It deliberately knows no topology and no fault: a fault lays conditions over a path and leaves the link as it is. Nor
does it know time: a link that changes as somebody moves is a topology's business (`topology.py`).
"""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

from simkit.kernel import Constant, Distribution
from simkit.network.flaw import Bursts, Corruption, Duplication, Flaw, Reordering
from simkit.network.queue import DROP_TAIL, CoDel, Discipline

MTU_BYTES: Final = 1500
"""The largest IP packet of Ethernet."""

MTU_BYTES_MIN: Final = 576
"""What every host takes (RFC 791); smaller ones leave no room for headers."""

FRAME_HEADER_BYTES: Final = 14
DATAGRAM_HEADER_BYTES: Final = 42
SEGMENT_HEADER_BYTES: Final = 66
"""Ethernet; Ethernet, IPv4 and UDP; Ethernet, IPv4 and TCP with time stamps (RFC 7323)."""

FRAME_BYTES: Final = MTU_BYTES + FRAME_HEADER_BYTES
SEGMENT_BYTES: Final = FRAME_BYTES - SEGMENT_HEADER_BYTES
"""A full Ethernet frame, and the part of a stream that it carries: 1514 and 1448 (RFC 6691)."""

_IP_HEADER_BYTES: Final = 20
_UDP_HEADER_BYTES: Final = 8


class Link(BaseModel):
    """The parameters of one direction of a link.

    Attributes:
        one_way: latency in nanoseconds, drawn for every packet by itself; draws below zero count as zero.
        loss: probability that one frame is lost, in [0, 1], each by itself.
        bursts: or losses that come in bursts, besides.
        duplication, reordering, corruption: what else happens to some packets.
        bandwidth: bits per second; None for so many that sending takes no time.
        queue_limit: bytes that may wait for the wire; a frame that finds more waiting is dropped.
        codel: the queue's active management; None for a queue that only drops at its tail.
        mtu: bytes of the largest IP packet; what is longer travels in fragments, or in several segments.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    one_way: Distribution = Constant(250_000)
    loss: float = Field(default=0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    bursts: Bursts | None = None
    duplication: Duplication | None = None
    reordering: Reordering | None = None
    corruption: Corruption | None = None
    bandwidth: int | None = Field(default=None, gt=0)
    queue_limit: int = Field(default=1_048_576, gt=0)
    codel: CoDel | None = None
    mtu: int = Field(default=MTU_BYTES, ge=MTU_BYTES_MIN, le=65_536)

    @classmethod
    def of_round_trip(cls, rtt: Distribution, **other: object) -> Self:
        """Return a link whose two directions together take `rtt` (ns) on average, half of it each way."""
        return cls(one_way=rtt.scaled(0.5), **other)

    @property
    def flaws(self) -> tuple[Flaw, ...]:
        """What happens to some packets besides plain loss, in the order in which it does."""
        flaws = (self.bursts, self.duplication, self.reordering, self.corruption)
        return tuple(flaw for flaw in flaws if flaw is not None)

    @property
    def discipline(self) -> Discipline:
        """How the queue in front of the wire decides whom to drop."""
        return DROP_TAIL if self.codel is None else self.codel


LOOPBACK = Link(one_way=Constant(15_000), mtu=65_536)
"""How a host reaches itself; no fault of the network touches it."""


def loss_of(size: int, loss_per_frame: float, frame_bytes: int = FRAME_BYTES) -> float:
    """Return the probability that at least one of the frames of a packet of `size` bytes, headers included, is lost.

    By repeated multiplication: powers of the C library differ in their last bits from machine to machine.
    """
    survival = 1.0
    for _ in range(max(1, -(-size // frame_bytes))):
        survival *= 1.0 - loss_per_frame
    return 1.0 - survival


def datagram_bytes(payload: int, mtu: int = MTU_BYTES) -> int:
    """Return the bytes on the wire of a datagram, of several fragments if it is longer than `mtu` (RFC 791)."""
    room = mtu - _IP_HEADER_BYTES
    body = payload + _UDP_HEADER_BYTES
    if body <= room:
        return payload + DATAGRAM_HEADER_BYTES
    fragments = -(-body // (room - room % 8))  # a fragment's place is told in units of eight bytes
    return body + fragments * (FRAME_HEADER_BYTES + _IP_HEADER_BYTES)
