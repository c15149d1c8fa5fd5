"""The receiving side of one direction of a stream: order, the window, and what the process has not read yet.

A flight usually arrives on the loop of its process, which reads it at once. When the process stands still, or has
ended, the machine takes it alone: it acknowledges, and keeps the bytes up to the window.

It deliberately acknowledges every flight; delayed acknowledgements (RFC 1122, 4.2.3.2) are not modelled.
"""

from collections import deque
from typing import TYPE_CHECKING

from simkit.network.flight import ARRIVED, Flight, wire_bytes

if TYPE_CHECKING:
    from simkit.network.sending import Sender
    from simkit.network.tcp import Half

_BARE_SEGMENT_BYTES = wire_bytes(0)


class Receiver:
    """What one end of a connection receives.

    Attributes:
        sender: the other machine's sending side; set when the connection is made.
        unread: bytes that arrived in order and that the process has not read.
        read_bytes: how many bytes of the stream the process has read.
        finished: True once FIN has arrived, behind everything else.
    """

    __slots__ = (
        "_ahead",
        "_capacity",
        "_expected",
        "_last_credit_ns",
        "_told_bytes",
        "_write",
        "finished",
        "half",
        "read_bytes",
        "sender",
        "unread",
    )

    sender: "Sender"

    def __init__(self, half: "Half") -> None:
        self.half = half
        self.unread: deque[bytes] = deque()
        self.finished = False
        network = half.stack.network
        self._write = network.world.records.write
        self._capacity = network.tcp.receive_buffer
        self._expected = 0  # the serial of the next segment in order
        self.read_bytes = 0
        self._told_bytes = 0  # read, as the sender was last told
        self._ahead: dict[int, Flight] = {}  # flights that arrived before one that was sent before them
        self._last_credit_ns = 0

    def arrive(self, flight: Flight) -> None:
        """Take a flight on the loop of the process, and let the process read."""
        if self._take(flight):
            self.half.readable()
            self.acknowledge(flight)

    def arrive_at_machine(self, flight: Flight) -> None:
        """Take a flight while the process stands still or is gone."""
        if self._take(flight):
            self.acknowledge(flight)
            self.half.notify()

    def read(self) -> bytes:
        """Hand all unread bytes to the process."""
        unread = self.unread
        data = unread.popleft() if len(unread) == 1 else b"".join(unread)
        unread.clear()
        self.read_bytes += len(data)
        return data

    def read_some(self, size: int) -> bytes:
        """Hand up to `size` unread bytes to the process."""
        unread = self.unread
        pieces: list[bytes] = []
        while unread and size:
            piece = unread.popleft()
            if len(piece) > size:
                unread.appendleft(piece[size:])
                piece = piece[:size]
            size -= len(piece)
            pieces.append(piece)
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.read_bytes += len(data)
        return data

    def tell_window(self) -> None:
        """Tell the sender that the process has read, once it is worth a segment (RFC 9293, 3.8.6.2.2)."""
        if not self.unread or 2 * (self.read_bytes - self._told_bytes) >= self._capacity:
            self.acknowledge()

    def acknowledge(self, flight: Flight | None = None) -> None:
        """Tell the sender what has arrived and how far the window reaches; without a flight, only that it opened."""
        half = self.half
        if half.gone:
            return
        limit = self.read_bytes + self._capacity
        path = half.sender.path
        arrival_ns = path.transit(_BARE_SEGMENT_BYTES)
        if arrival_ns >= 0:
            self._acknowledged(arrival_ns, flight, self._expected, limit)
        else:
            path.settle(arrival_ns, _BARE_SEGMENT_BYTES, self._acknowledged, flight, self._expected, limit)

    def _acknowledged(self, arrival_ns: int, flight: Flight | None, expected: int, limit: int) -> None:
        """Take note of when an acknowledgement arrives, if it does."""
        sender = self.sender
        if arrival_ns < 0:
            if flight is None:
                sender.probe_later()
            else:
                sender.unanswered(flight)
            return
        if arrival_ns < self._last_credit_ns:
            arrival_ns = self._last_credit_ns
        self._last_credit_ns = arrival_ns
        self._told_bytes = limit - self._capacity
        sender.credits.append((arrival_ns, expected, limit))
        if sender.blocked:
            sender.wake_at(arrival_ns)

    def _take(self, flight: Flight) -> bool:
        """Return True if the flight was the next in order."""
        flight.posted = None
        half = self.half
        if half.gone:
            half.stray(flight)
            return False
        if flight.serial != self._expected:
            self._out_of_order(flight)
            return False
        self._accept(flight)
        while self._ahead and (following := self._ahead.pop(self._expected, None)) is not None:
            self._accept(following)
        return True

    def _accept(self, flight: Flight) -> None:
        flight.state = ARRIVED
        self._expected += flight.span
        half = self.half
        if flight.data:
            detail = half.peer_name, half.connection, flight.offset
            self._write("stream", half.host_name, *detail, payload=flight.data, value=flight.sent_ns)
            if half.closed:
                half.reset()
            else:
                self.unread.append(flight.data)
        elif flight.final:
            self._write("stream", half.host_name, half.peer_name, half.connection, "fin", value=flight.sent_ns)
            self.finished = True
            if half.closed:
                half.forget()
        if not half.established:
            half.handshake_ended()

    def _out_of_order(self, flight: Flight) -> None:
        flight.state = ARRIVED
        if flight.serial < self._expected:
            self.acknowledge(flight)  # seen before: its acknowledgement was lost
            return
        self._ahead[flight.serial] = flight
        self.half.sender.path.carry(_BARE_SEGMENT_BYTES, self._reported, flight)

    def _reported(self, arrival_ns: int, flight: Flight) -> None:
        """Take note of when the sender hears that something is missing, if it does."""
        if arrival_ns >= 0:
            self.sender.reported(flight, arrival_ns)
