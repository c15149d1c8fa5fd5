"""A flight: bytes of a stream that travel together, as one event.

It corresponds to what a sender hands to the network card at once: one segment, or many in a row. It deliberately knows
nothing of windows and timers; `sending.py` and `receiving.py` are its two ends.
"""

from typing import TYPE_CHECKING, Final

from simkit.network.link import SEGMENT_BYTES, SEGMENT_HEADER_BYTES

if TYPE_CHECKING:
    from simkit.kernel.loop import Posted

TRAVELLING: Final = 0
LOST: Final = 1
ARRIVED: Final = 2


class Flight:
    """Part of one direction of a stream.

    Attributes:
        serial: place among the flights of its direction; what acknowledgements count.
        offset: place of the first byte in the stream.
        data: the bytes; empty for the last leg of a handshake, for a probe and for FIN.
        final: True for FIN.
        sent_ns, arrival_ns: when it left last, and when it arrives.
        attempts: how often it was sent.
        state: TRAVELLING, LOST (it, or the answer to it) or ARRIVED.
        missing: bytes that have to be sent again when it is lost; of a long flight only some segments are.
        noticed: True once its loss was seen by later arrivals, so that it is sent again before the time-out.
        posted: its arrival in the queue of the receiving process.
    """

    __slots__ = (
        "arrival_ns",
        "attempts",
        "data",
        "final",
        "missing",
        "noticed",
        "offset",
        "posted",
        "sent_ns",
        "serial",
        "state",
    )

    def __init__(self, serial: int, offset: int, data: bytes, final: bool) -> None:
        self.serial = serial
        self.offset = offset
        self.data = data
        self.final = final
        self.sent_ns = self.arrival_ns = 0
        self.attempts = 0
        self.state = TRAVELLING
        self.missing = 0
        self.noticed = False
        self.posted: Posted | None = None


def wire_bytes(size: int) -> int:
    """Return the bytes on the wire of `size` bytes of a stream: every segment has its headers."""
    if size <= SEGMENT_BYTES:
        return size + SEGMENT_HEADER_BYTES
    return size + SEGMENT_HEADER_BYTES * -(-size // SEGMENT_BYTES)
