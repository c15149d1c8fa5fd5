"""The sending side of one direction of a stream: windows, acknowledgements, retransmission.

Acknowledgements travel without an event: the receiver notes when each arrives, and the sender looks at those that have
arrived by now when it next has something to do. Only a sender that waits for one is woken. Time-outs work the same
way: a timer is set when something was lost, not for every flight. (RFC 9293; RFC 5681 for what congestion asks for, the
window itself being `congestion.py`; RFC 6675 for recovery; RFC 6298 for the time-out.)

It deliberately sends flights: what windows allow at once travels as one event, and is acknowledged as one.
"""

from collections import deque
from typing import TYPE_CHECKING, Final

from simkit.network.congestion import congestion
from simkit.network.flaw import Crossing, damaged
from simkit.network.flight import LOST, TRAVELLING, Flight, wire_bytes
from simkit.network.path import CORRUPTED, ODD, OUTCOMES, OVERFLOWED, REJECTED, UNDER_WAY, Path
from simkit.network.path import LOST as LOST_ON_THE_WAY
from simkit.network.scoreboard import Scoreboard

if TYPE_CHECKING:
    from simkit.kernel.posted import Posted
    from simkit.network.receiving import Receiver
    from simkit.network.tcp import Half

_PARTIAL: Final = frozenset({LOST_ON_THE_WAY, OVERFLOWED, CORRUPTED})
"""Outcomes that strike some segments of a flight, and not the flight."""

_SHARE: Final = 8
"""No flight is smaller than this part of the window while there is more to send, lest flights crumble."""

OPEN: Final = 0
RECOVERING: Final = 1
TIMED_OUT: Final = 2


class Sender:
    """What one end of a connection sends.

    Attributes:
        path: to the other machine.
        receiver: the other machine's receiving side; set when the connection is made.
        sent, handed, written: bytes of the stream sent at least once, handed to the machine, written by the process.
        credits: acknowledgements under way: (arrival, first serial not received, first offset outside the window).
        blocked: True while it waits for an acknowledgement, or for the recovery from a loss, to send on.
        congestion: its congestion window.
        board: what is in flight.
    """

    __slots__ = (
        "_backoff",
        "_finished",
        "_finishing",
        "_head",
        "_last_arrival_ns",
        "_limit",
        "_parameters",
        "_phase",
        "_probe",
        "_progress_ns",
        "_recovered",
        "_rtt_deviation_ns",
        "_sent_ns",
        "_serial",
        "_smoothed_rtt_ns",
        "_timer",
        "_unsent",
        "_wake",
        "_world",
        "blocked",
        "board",
        "congestion",
        "credits",
        "half",
        "handed",
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
        self.credits: deque[tuple[int, int, int]] = deque()
        self.blocked = False
        self._world = path.network.world
        self._parameters = path.network.tcp
        self.congestion = congestion(self._parameters.congestion, self._parameters.initial_window)
        self.board = Scoreboard(selective=self._parameters.selective)
        self._limit = self._parameters.receive_buffer
        self._unsent: deque[bytes] = deque()
        self._head = 0  # bytes of the first piece of `_unsent` that are sent already
        self._serial = 0
        self._sent_ns = self._last_arrival_ns = 0
        self._finished = self._finishing = False
        self._phase = OPEN
        self._recovered = 0  # the serial whose acknowledgement ends the recovery
        self._progress_ns = 0  # when something new was last acknowledged
        self._backoff = 0
        self._smoothed_rtt_ns = self._rtt_deviation_ns = 0
        self._timer: Posted | None = None
        self._wake: Posted | None = None
        self._probe: Posted | None = None

    # -- what the process asks for

    def write(self, data: bytes) -> None:
        """Take bytes from the process and send what the windows allow."""
        size = len(data)
        self.written += size
        if self.credits:
            self.collect()
        if not self.board.flights and self._world.now_ns - self._sent_ns > self._parameters.rto_min_ns:
            self._begin_again()
        segments = -(-size // self.path.segment_bytes)
        if (
            not self.blocked
            and size <= self._parameters.flight_limit
            and self.sent + size <= self._limit
            and self.board.pipe + segments <= self.congestion.window
            and (segments == 1 or not self.path.shaped)
        ):
            self.handed = self.written
            self._send(data, segments)
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
        return self._parameters.send_buffer - (self.written - self.sent + self.board.bytes)

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
        """Send as much as windows and buffers allow, what was lost first."""
        self.collect()
        self._repeat_noticed()
        self._hand_over()
        limit = min(self._limit, self.handed)
        while self._unsent and self.sent < limit:
            count = self._allowed(limit - self.sent)
            if count == 0:
                break
            self._send(self._take(count), -(-count // self.path.segment_bytes))
        if self._finishing and not self._unsent:
            self._finishing = False
            self._send_empty(final=True)
        self.blocked = self._finishing or bool(self._unsent) or self._phase != OPEN
        self._expect_credit()

    def acknowledge_handshake(self) -> None:
        """Send the last leg of the handshake; it is repeated like any other flight when it is lost."""
        self._send_empty()

    def probe(self) -> None:
        """Ask for the window: what opened it was lost (RFC 9293, 3.8.6.1)."""
        self._probe = None
        if not self.half.gone and not self.board.flights:
            self._send_empty()

    def probe_later(self) -> None:
        """Probe after a time-out, unless that is under way."""
        if self._probe is None and not self.half.gone:
            self._probe = self._world.post(self._world.now_ns + self._timeout_ns(), self._world.control, self.probe)

    def divert(self) -> None:
        """Let what travels arrive at the machine alone: the process there stands still, or has ended."""
        for flight in self.board.flights:
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
        self.board = Scoreboard(selective=self._parameters.selective)
        self.credits.clear()
        self.written = self.handed = self.sent
        self._head = 0
        self._finishing = self.blocked = False
        self._phase = OPEN

    def _begin_again(self) -> None:
        """Shrink the window where nothing was sent for longer than a time-out (RFC 5681, 4.1)."""
        idle_ns = self._world.now_ns - self._sent_ns
        timeout_ns = self._timeout_ns()
        if idle_ns > timeout_ns and self._parameters.slow_start_after_idle:
            self.congestion.idled(idle_ns // timeout_ns)

    def _hand_over(self) -> None:
        # A process that stands still, or has ended, hands nothing over to its machine.
        if self.half.stack.direct:
            self.handed = min(self.written, self.sent - self.board.bytes + self._parameters.send_buffer)

    def _allowed(self, wanted: int) -> int:
        """Return how many bytes of `wanted` may leave as one flight now; 0 to wait for an acknowledgement."""
        window = int(self.congestion.window)
        room = window - self.board.pipe
        if room <= 0:
            return 0
        # Where sending takes time, a window that travels as one would leave the wire idle while it is acknowledged.
        part = max(1, window // _SHARE)
        size = self.path.segment_bytes
        if room < part and self.board.pipe and wanted > room * size:
            return 0
        segments = min(room, part) if self.path.shaped else room
        return min(wanted, segments * size, max(1, self._parameters.flight_limit // size) * size)

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

    def _send(self, data: bytes, segments: int) -> None:
        flight = Flight(self._serial, segments, self.sent, data, self.path.segment_bytes, False)
        self._serial += segments
        self.sent += len(data)
        self.board.add(flight)
        self._launch(flight)

    def _send_empty(self, *, final: bool = False) -> None:
        flight = Flight(self._serial, 1, self.sent, b"", self.path.segment_bytes, final)
        self._serial += 1
        self.board.add(flight)
        self._launch(flight)

    def _launch(self, flight: Flight) -> None:
        flight.sent_ns = self._sent_ns = self._world.now_ns
        flight.attempts += 1
        flight.state = TRAVELLING
        size = wire_bytes(len(flight.data), flight.segment_bytes)
        arrival_ns = self.path.transit(size)
        if arrival_ns == UNDER_WAY:
            self.path.carry_data(size, self._launched, flight)
        else:
            self._launched(arrival_ns, flight)

    def _launched(self, arrival_ns: int, flight: Flight) -> None:
        """Take note of when a flight arrives, or what became of it."""
        if arrival_ns < 0:
            if arrival_ns != ODD:
                self._failed(flight, arrival_ns)
                return
            crossing = self.path.crossing
            arrival_ns = crossing.arrival_ns
            if crossing.damage >= 0:
                flight.data = damaged(flight.data, crossing.damage)
        self._travel(flight, arrival_ns)

    def _travel(self, flight: Flight, arrival_ns: int) -> None:
        # The stream keeps its order: what overtakes on the way waits in the receiver for what it has overtaken.
        if arrival_ns < self._last_arrival_ns:
            arrival_ns = self._last_arrival_ns
        self._last_arrival_ns = flight.arrival_ns = arrival_ns
        receiver = self.receiver
        stack = receiver.half.stack
        if stack.direct:
            flight.posted = self._world.post(arrival_ns, stack.loop, receiver.arrive, flight)
        else:
            self._world.post(arrival_ns, self._world.control, receiver.arrive_at_machine, flight)

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
        board, window = self.board, self.congestion.window
        pipe = board.pipe
        flight, segments = board.acknowledge(serial)
        if flight is None:
            return
        self._backoff = 0
        self._progress_ns = arrival_ns
        self.half.soft_error = False
        if flight.attempts == 1 and self._phase == OPEN:
            # Only what was sent once (Karn's algorithm), and did not wait for what was sent again.
            self.measured(arrival_ns - flight.sent_ns)
        if self._phase != OPEN and serial >= self._recovered:
            self._phase = OPEN
        elif self._phase == RECOVERING:
            board.notice_first()
            return
        # A window that is not used up says nothing about the network, and does not grow (RFC 7661; Linux).
        if 2 * pipe + 1 >= window and flight.data:
            slow_start = window < self.congestion.threshold
            if slow_start or pipe + window / _SHARE + 1 >= window:
                self.congestion.acknowledged(segments, now_ns, self._smoothed_rtt_ns)

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
        self.pump()
        self.half.sent_on()

    # -- losses

    def unanswered(self, flight: Flight) -> None:
        """Take note that a flight, or its acknowledgement, got lost: it is repeated after the time-out."""
        flight.state = LOST
        self._arm(flight.sent_ns)

    def reported(self, flight: Flight, arrival_ns: int) -> None:
        """Take note that at `arrival_ns` the sender hears of `flight`, but not of some before it."""
        self._world.post(arrival_ns, self._world.control, self._report, flight)

    def _report(self, flight: Flight) -> None:
        if self.half.gone:
            return
        self.collect()
        self.board.report(flight.arrival_ns, flight.span)
        noticed = self.board.notice()
        if noticed or self._phase != OPEN or self._parameters.limited_transmit:
            self.board.depart()
        if noticed and self._phase == OPEN:
            self._phase = RECOVERING
            self._recovered = self._serial
            self.congestion.lost()
            self._repeat(self.board.noticed()[0])  # the first at once, whatever the window says (RFC 6675, 5)
        self.pump()

    def _repeat_noticed(self) -> None:
        """Send again what is known to be lost, as far as the window allows."""
        if self._phase == OPEN:
            return
        for flight in self.board.noticed():
            if self.board.pipe + flight.span > max(1.0, self.congestion.window):
                break
            self._repeat(flight)

    def _repeat(self, flight: Flight) -> None:
        self.board.repeated(flight)
        self._launch(flight)

    def _failed(self, flight: Flight, outcome: int) -> None:
        self.half.soft_error |= outcome == REJECTED
        crossing = self.path.crossing
        whole = flight.span == 1 or (outcome in _PARTIAL and crossing.frames != flight.span)
        if whole:
            self._told(flight, outcome)
            self.unanswered(flight)
            return
        if outcome in _PARTIAL:
            self._fall_apart(flight, crossing, outcome)
            return
        self._told(flight, outcome)
        parts = flight.broken(list(range(flight.span)))
        self.board.replace(flight, parts)
        self.unanswered(parts[0])

    def _fall_apart(self, flight: Flight, crossing: Crossing, outcome: int) -> None:
        """Let some segments of a flight be lost, and the rest arrive."""
        parts = flight.broken(crossing.missing)
        self.board.replace(flight, parts)
        for part in parts:
            if part.state == LOST:
                self._told(part, outcome)
                self.unanswered(part)
            else:
                self._travel(part, crossing.arrival_ns)

    def _told(self, flight: Flight, outcome: int) -> None:
        self.half.recorded_at_peer(flight.offset, OUTCOMES[outcome], payload=flight.data)

    def _timeout_ns(self) -> int:
        parameters = self._parameters
        if not self._smoothed_rtt_ns:
            timeout_ns = parameters.rto_initial_ns
        else:
            timeout_ns = self._smoothed_rtt_ns + max(parameters.rto_min_ns, 4 * self._rtt_deviation_ns)
        return min(parameters.rto_max_ns, timeout_ns << self._backoff)

    def _arm(self, sent_ns: int) -> None:
        if self._timer is None and not self.half.gone:
            at_ns = max(self._world.now_ns, sent_ns + self._timeout_ns())
            self._timer = self._world.post(at_ns, self._world.control, self._timed_out)

    def _timed_out(self) -> None:
        self._timer = None
        self.collect()
        lost = self.board.first_lost()
        if lost is None or self.half.gone or self.half.stack.vanished:
            return
        since_ns = max(lost.sent_ns, self._progress_ns)
        if self._world.now_ns < since_ns + self._timeout_ns():
            self._arm(since_ns)
        elif self._backoff >= self._parameters.retries:
            self.half.timed_out()
        else:
            self._begin_anew(lost)

    def _begin_anew(self, lost: Flight) -> None:
        """Repeat the oldest flight alone, and everything after it as acknowledgements come (RFC 5681, 3.1)."""
        if lost.counted and self._backoff == 0:
            self.congestion.timed_out()
        self._backoff += 1
        self._phase = TIMED_OUT
        self._recovered = self._serial
        self.blocked = True
        self.board.give_up_all()
        self._repeat(lost)
        self._expect_credit()
