"""What a link between two hosts does to a packet: delay, loss, and the time it takes to put the bits on the wire.

A link is a frozen value, the same for every pair of hosts that uses it; what differs from pair to pair (draws, queues)
belongs to `path.py`.

It deliberately knows no topology and no fault: a fault lays conditions over a path and leaves the link as it is.
"""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from simkit.kernel import Constant, Distribution

SEGMENT_BYTES = 1448
"""Payload of one full TCP segment in an Ethernet frame of 1500 bytes, with time stamps (RFC 6691, RFC 7323)."""

FRAME_BYTES = 1514
DATAGRAM_HEADER_BYTES = 42
SEGMENT_HEADER_BYTES = 66
"""A full Ethernet frame; Ethernet, IPv4 and UDP headers; Ethernet, IPv4 and TCP headers with time stamps."""


class Link(BaseModel):
    """The parameters of one direction of a link.

    Attributes:
        one_way: latency in nanoseconds, drawn for every packet by itself; draws below zero count as zero.
        loss: probability that one frame of up to 1514 bytes is lost, in [0, 1].
        bandwidth: bits per second; None for so many that sending takes no time.
        queue_limit: bytes that may wait for the wire; a packet that finds more waiting is dropped (drop-tail).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    one_way: Distribution = Constant(250_000)
    loss: float = Field(default=0.0, ge=0.0, le=1.0, allow_inf_nan=False)
    bandwidth: int | None = Field(default=None, gt=0)
    queue_limit: int = Field(default=1_048_576, gt=0)

    @classmethod
    def of_round_trip(cls, rtt: Distribution, **other: object) -> Self:
        """Return a link whose two directions together take `rtt` (ns) on average, half of it each way."""
        return cls(one_way=rtt.scaled(0.5), **other)


LOOPBACK = Link(one_way=Constant(15_000))
"""How a host reaches itself; no fault of the network touches it."""


def loss_of(size: int, loss_per_segment: float) -> float:
    """Return the probability that at least one of the frames of a packet of `size` bytes, headers included, is lost.

    By repeated multiplication: powers of the C library differ in their last bits from machine to machine.
    """
    survival = 1.0
    for _ in range(max(1, -(-size // FRAME_BYTES))):
        survival *= 1.0 - loss_per_segment
    return 1.0 - survival
