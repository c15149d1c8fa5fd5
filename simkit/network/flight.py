"""A flight: bytes of a stream that travel together, as one event.

It corresponds to what a sender hands to the network card at once: one segment, or many in a row. Where some of its
segments are lost it is broken, and each part is a flight of its own. It deliberately knows nothing of windows and
timers; `sending.py` and `receiving.py` are its two ends.
"""

from typing import TYPE_CHECKING, Final

from simkit.network.link import SEGMENT_BYTES, SEGMENT_HEADER_BYTES

if TYPE_CHECKING:
    from simkit.kernel.posted import Posted

TRAVELLING: Final = 0
LOST: Final = 1
ARRIVED: Final = 2


class Flight:
    """Part of one direction of a stream.

    Attributes:
        serial: its place in its direction, counted in segments; what acknowledgements count.
        segment_bytes: bytes of each segment but the last.
        span: how many serial numbers it takes: its segments, or one without bytes.
        offset: place of the first byte in the stream.
        data: the bytes; empty for the last leg of a handshake, for a probe and for FIN.
        final: True for FIN.
        sent_ns, arrival_ns: when it left last, and when it arrives.
        attempts: how often it was sent.
        state: TRAVELLING, LOST (it, or the answer to it) or ARRIVED.
        counted: True while the sender holds it to be in the network.
        noticed: True once the sender has seen that it got lost, until it is sent again.
        heard: True once the sender has heard that it arrived, ahead of others.
        posted: its arrival in the queue of the receiving process.
    """

    __slots__ = (
        "arrival_ns",
        "attempts",
        "counted",
        "data",
        "final",
        "heard",
        "noticed",
        "offset",
        "posted",
        "segment_bytes",
        "sent_ns",
        "serial",
        "span",
        "state",
    )

    def __init__(self, serial: int, span: int, offset: int, data: bytes, segment_bytes: int, final: bool) -> None:
        self.serial = serial
        self.segment_bytes = segment_bytes
        self.span = span
        self.offset = offset
        self.data = data
        self.final = final
        self.sent_ns = self.arrival_ns = 0
        self.attempts = 0
        self.state = TRAVELLING
        self.counted = bool(data) or final
        self.noticed = self.heard = False
        self.posted: Posted | None = None

    def broken(self, missing: list[int]) -> list["Flight"]:
        """Return the parts of a flight of which some segments are missing: each of those, and what is between them."""
        parts: list[Flight] = []
        begin = 0
        for place in missing:
            if place > begin:
                parts.append(self._part(begin, place, TRAVELLING))
            parts.append(self._part(place, place + 1, LOST))
            begin = place + 1
        if begin < self.span:
            parts.append(self._part(begin, self.span, TRAVELLING))
        return parts

    def _part(self, begin: int, end: int, state: int) -> "Flight":
        size = self.segment_bytes
        data = self.data[begin * size : end * size]
        part = Flight(self.serial + begin, end - begin, self.offset + begin * size, data, size, False)
        part.sent_ns = self.sent_ns
        part.attempts = self.attempts
        part.state = state
        part.counted = self.counted
        return part


def wire_bytes(size: int, segment_bytes: int = SEGMENT_BYTES) -> int:
    """Return the bytes on the wire of `size` bytes of a stream: every segment has its headers."""
    if size <= segment_bytes:
        return size + SEGMENT_HEADER_BYTES
    return size + SEGMENT_HEADER_BYTES * -(-size // segment_bytes)
