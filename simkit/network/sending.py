"""The sending side of one direction of a stream: window, acknowledgements, retransmission.

Acknowledgements travel without an event: the receiver notes when each arrives, and the sender looks at those that have
arrived by now when it next has something to do. Only a sender that waits for one is woken. Time-outs work the same
way: a timer is set when something was lost, not for every flight. (RFC 9293; RFC 6298 for the time-out; RFC 6675 in
spirit for losses that later arrivals give away.)

It deliberately has no congestion window: what is in flight is bounded by the receiver's window alone.
"""

from collections import deque
from typing import TYPE_CHECKING

from simkit.network.flight import LOST, TRAVELLING, Flight, wire_bytes
from simkit.network.link import SEGMENT_BYTES
from simkit.network.path import LOST as LOST_ON_THE_WAY
from simkit.network.path import OUTCOMES, REJECTED, Path

if TYPE_CHECKING:
    from simkit.kernel.loop import Posted
    from simkit.network.receiving import Receiver
    from simkit.network.tcp import Half

_DUPLICATE_ACKNOWLEDGEMENTS = 3


class Sender:
    """What one end of a connection sends.

    Attributes:
        path: to the other machine.
        receiver: the other machine's receiving side; set when the connection is made.
        sent, handed, written: bytes of the stream sent at least once, handed to the machine, written by the process.
        in_flight_bytes: bytes sent and, as far as the sender looked, not acknowledged.
        credits: acknowledgements under way: (arrival, first serial not received, first offset outside the window).
        blocked: True while it waits for an acknowledgement, or for the recovery from a loss, to send on.
    """

    __slots__ = (
        "_backoff",
        "_finished",
        "_finishing",
        "_head",
        "_in_flight",
        "_last_arrival_ns",
        "_limit",
        "_parameters",
        "_probe",
        "_progress",
        "_recovering",
        "_rtt_deviation_ns",
        "_serial",
        "_smoothed_rtt_ns",
        "_timer",
        "_unsent",
        "_wake",
        "_world",
        "blocked",
        "credits",
        "half",
        "handed",
        "in_flight_bytes",
        "path",
        "receiver",
        "sent",
        "written",
    )

    receiver: "Receiver"

    def __init__(self, half: "Half", path: Path) -> None:
        self.half = half
        self.path = path
        self.sent = self.handed = self.written = 0
        self.in_flight_bytes = 0
        self.credits: deque[tuple[int, int, int]] = deque()
        self.blocked = False
        self._world = path.network.world
        self._parameters = path.network.tcp
        self._limit = self._parameters.receive_buffer
        self._unsent: deque[bytes] = deque()
        self._head = 0  # bytes of the first piece of `_unsent` that are sent already
        self._in_flight: deque[Flight] = deque()
        self._serial = 0
        self._last_arrival_ns = 0
        self._finished = self._finishing = False
        self._recovering = self._progress = False
        self._backoff = 0
        self._smoothed_rtt_ns = self._rtt_deviation_ns = 0
        self._timer: Posted | None = None
        self._wake: Posted | None = None
        self._probe: Posted | None = None

    # -- what the process asks for

    def write(self, data: bytes) -> None:
        """Take bytes from the process and send what the window allows."""
        size = len(data)
        self.written += size
        if self.credits:
            self.collect()
        if not self.blocked and size <= self._parameters.flight_limit and self.sent + size <= self._limit:
            self.handed = self.written
            self._send(data, False)
        else:
            self._unsent.append(data)
            self.pump()

    def finish(self) -> None:
        """Send FIN after everything that was written."""
        if not self._finished:
            self._finished = self._finishing = True
            self.pump()

    @property
    def ended(self) -> bool:
        """True once FIN was asked for."""
        return self._finished

    def room(self) -> int:
        """Return how many more bytes fit into the machine's send buffer; below zero, how many wait with the process."""
        self.collect()
        return self._parameters.send_buffer - (self.written - self.sent + self.in_flight_bytes)

    def buffered_by_process(self) -> int:
        """Return the bytes that do not fit into the machine's send buffer, and so are with the process still."""
        return max(0, -self.room())

    def process_ended(self) -> None:
        """Forget what the machine had not taken over from the process."""
        self._hand_over()
        surplus = self.written - self.handed
        self.written = self.handed
        while surplus:
            last = self._unsent.pop()
            if len(last) > surplus:
                self._unsent.append(last[: len(last) - surplus])
            surplus -= min(surplus, len(last))
        if len(self._unsent) == 1 and self._head == len(self._unsent[0]):
            self._unsent.clear()
            self._head = 0

    # -- sending

    def pump(self) -> None:
        """Send as much as windows and buffers allow; nothing new before the recovery from a time-out."""
        if self._recovering:
            return
        self.collect()
        self._hand_over()
        limit = min(self._limit, self.handed)
        while self._unsent and self.sent < limit:
            self._send(self._take(min(limit - self.sent, self._parameters.flight_limit)), False)
        if self._finishing and not self._unsent:
            self._finishing = False
            self._send(b"", True)
        self.blocked = self._finishing or bool(self._unsent)
        self._expect_credit()

    def acknowledge_handshake(self) -> None:
        """Send the last leg of the handshake; it is repeated like any other flight when it is lost."""
        self._send(b"", False)

    def probe(self) -> None:
        """Ask for the window: what opened it was lost (RFC 9293, 3.8.6.1)."""
        self._probe = None
        if not self.half.gone and not self._in_flight:
            self._send(b"", False)

    def probe_later(self) -> None:
        """Probe after a time-out, unless that is under way."""
        if self._probe is None and not self.half.gone:
            self._probe = self._world.post(self._world.now_ns + self._timeout_ns(), self._world.control, self.probe)

    def divert(self) -> None:
        """Let what travels arrive at the machine alone: the process there stands still, or has ended."""
        for flight in self._in_flight:
            if flight.state == TRAVELLING and flight.posted is not None:
                flight.posted.cancel()
                flight.posted = None
                self._world.post(flight.arrival_ns, self._world.control, self.receiver.arrive_at_machine, flight)

    def stop(self) -> None:
        """Send nothing any more: the connection is gone."""
        for posted in (self._timer, self._wake, self._probe):
            if posted is not None:
                posted.cancel()
        self._timer = self._wake = self._probe = None
        self._unsent.clear()
        self._in_flight.clear()
        self.credits.clear()
        self.written = self.handed = self.sent
        self.in_flight_bytes = self._head = 0
        self._finishing = self.blocked = self._recovering = False

    def _hand_over(self) -> None:
        # A process that stands still, or has ended, hands nothing over to its machine.
        if self.half.stack.direct:
            self.handed = min(self.written, self.sent - self.in_flight_bytes + self._parameters.send_buffer)

    def _take(self, count: int) -> bytes:
        """Remove up to `count` bytes from what is unsent."""
        pieces: list[bytes] = []
        while count and self._unsent:
            piece = self._unsent[0]
            end = min(len(piece), self._head + count)
            pieces.append(piece if end - self._head == len(piece) else piece[self._head : end])
            count -= end - self._head
            if end == len(piece):
                self._unsent.popleft()
                self._head = 0
            else:
                self._head = end
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _send(self, data: bytes, final: bool) -> None:
        flight = Flight(self._serial, self.sent, data, final)
        self._serial += 1
        self.sent += len(data)
        self.in_flight_bytes += len(data)
        self._in_flight.append(flight)
        self._launch(flight, len(data))

    def _launch(self, flight: Flight, size: int) -> None:
        world = self._world
        flight.sent_ns = world.now_ns
        flight.attempts += 1
        arrival_ns = self.path.transit(wire_bytes(size))
        if arrival_ns < 0:
            self._failed(flight, size, arrival_ns)
            return
        # The stream keeps its order: what overtakes on the way waits in the receiver for what it has overtaken.
        if arrival_ns < self._last_arrival_ns:
            arrival_ns = self._last_arrival_ns
        self._last_arrival_ns = flight.arrival_ns = arrival_ns
        flight.state = TRAVELLING
        receiver = self.receiver
        stack = receiver.half.stack
        if stack.direct:
            flight.posted = world.post(arrival_ns, stack.loop, receiver.arrive, flight)
        else:
            world.post(arrival_ns, world.control, receiver.arrive_at_machine, flight)

    def after_all_ns(self, arrival_ns: int) -> int:
        """Return when something arrives that must not overtake any flight."""
        return max(arrival_ns, self._last_arrival_ns + 1)

    # -- acknowledgements

    def collect(self) -> None:
        """Look at the acknowledgements that have arrived by now."""
        credits = self.credits
        now_ns = self._world.now_ns
        if not credits or credits[0][0] > now_ns:
            return
        while credits and credits[0][0] <= now_ns:
            arrival_ns, serial, limit = credits.popleft()
        self._limit = max(self._limit, limit)
        in_flight = self._in_flight
        flight = None
        while in_flight and in_flight[0].serial < serial:
            flight = in_flight.popleft()
            self.in_flight_bytes -= len(flight.data)
        if flight is not None:
            self._backoff = 0
            self._progress = True
            self.half.soft_error = False
            if flight.attempts == 1:
                # Only what was sent once can be measured (Karn's algorithm).
                self.measured(arrival_ns - flight.sent_ns)

    def measured(self, rtt_ns: int) -> None:
        """Take a measured round trip into the estimate of RFC 6298."""
        if not self._smoothed_rtt_ns:
            self._smoothed_rtt_ns, self._rtt_deviation_ns = rtt_ns, rtt_ns >> 1
        else:
            self._rtt_deviation_ns += (abs(rtt_ns - self._smoothed_rtt_ns) - self._rtt_deviation_ns) >> 2
            self._smoothed_rtt_ns += (rtt_ns - self._smoothed_rtt_ns) >> 3

    def wake_at(self, time_ns: int) -> None:
        """Look at acknowledgements at `time_ns`, or when that is planned already."""
        if self._wake is None:
            self._wake = self._world.post(time_ns, self._world.control, self._woken)

    def _expect_credit(self) -> None:
        if self.blocked and self.credits:
            self.wake_at(self.credits[0][0])

    def _woken(self) -> None:
        self._wake = None
        self.collect()
        if self._recovering and self._progress:
            self._recovering = False
            for flight in [f for f in self._in_flight if f.state == LOST]:
                self._launch(flight, flight.missing)
        if self._recovering:
            self._expect_credit()
        else:
            self.pump()
            self.half.sent_on()

    # -- losses

    def unanswered(self, flight: Flight, missing: int) -> None:
        """Take note that a flight, or its acknowledgement, got lost: it is repeated after the time-out."""
        flight.state = LOST
        flight.missing = missing
        self._arm(flight.sent_ns)

    def gap_before(self, flight: Flight, arrival_ns: int) -> None:
        """Take note that at `arrival_ns` the sender hears of `flight`, but not of some before it."""
        lost = [f for f in self._in_flight if f.serial < flight.serial and f.state == LOST and not f.noticed]
        if lost:
            for missed in lost:
                missed.noticed = True
            self._world.post(arrival_ns, self._world.control, self._repeat, lost)

    def _repeat(self, lost: list[Flight]) -> None:
        self.collect()
        for flight in lost:
            if flight.state == LOST and flight.attempts == 1 and self._awaits(flight):
                self._launch(flight, flight.missing)

    def _awaits(self, flight: Flight) -> bool:
        return bool(self._in_flight) and flight.serial >= self._in_flight[0].serial

    def _failed(self, flight: Flight, size: int, outcome: int) -> None:
        half = self.half
        half.recorded_at_peer(flight.offset, OUTCOMES[outcome], payload=flight.data)
        if outcome == REJECTED:
            half.soft_error = True
        if outcome != LOST_ON_THE_WAY:
            self.unanswered(flight, size)
            return
        self.unanswered(flight, min(size, SEGMENT_BYTES))
        if size > _DUPLICATE_ACKNOWLEDGEMENTS * SEGMENT_BYTES and flight.attempts == 1:
            # Enough segments of the flight itself get through to tell the sender of the loss within a round trip.
            flight.noticed = True
            heard_ns = self._world.now_ns + max(self._smoothed_rtt_ns, 2 * self.path.latency_ns)
            self._world.post(heard_ns, self._world.control, self._repeat, [flight])

    def _timeout_ns(self) -> int:
        parameters = self._parameters
        if not self._smoothed_rtt_ns:
            timeout_ns = parameters.rto_initial_ns
        else:
            timeout_ns = max(parameters.rto_min_ns, self._smoothed_rtt_ns + 4 * self._rtt_deviation_ns)
        return min(parameters.rto_max_ns, timeout_ns << self._backoff)

    def _arm(self, sent_ns: int) -> None:
        if self._timer is None and not self.half.gone:
            at_ns = max(self._world.now_ns, sent_ns + self._timeout_ns())
            self._timer = self._world.post(at_ns, self._world.control, self._timed_out)

    def _timed_out(self) -> None:
        self._timer = None
        self.collect()
        lost = next((flight for flight in self._in_flight if flight.state == LOST), None)
        if lost is None or self.half.gone or self.half.stack.vanished:
            return
        if self._world.now_ns < lost.sent_ns + self._timeout_ns():
            self._arm(lost.sent_ns)
        elif self._backoff >= self._parameters.retries:
            self.half.timed_out()
        else:
            self._backoff += 1
            self._recovering = self.blocked = True
            self._progress = False
            self._launch(lost, lost.missing)
            self._expect_credit()
