"""What a sender knows of the flights it has not been told to be received: arrived ahead of others, lost, or neither.

It is the scoreboard of RFC 6675: a flight counts as lost once the receiver has reported three segments that were sent
after it. Without selective acknowledgements (RFC 6582, "NewReno") reports do not say what has arrived, and only the
oldest flight can be seen to be missing.

It deliberately decides nothing: windows, time-outs and what to send are the sender's. And it knows the truth: only what
is really lost is ever taken for lost, so that reordering makes nobody send twice.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from simkit.network.flight import ARRIVED, LOST, Flight

REPORTS: Final = 3
"""Segments reported from behind a gap that make it a loss (RFC 5681, 3.2)."""


class Scoreboard:
    """The flights of one direction that are not acknowledged, the oldest first.

    Attributes:
        flights: what was sent and not acknowledged in order.
        bytes: how many bytes that is.
        pipe: segments that are in the network, as far as the sender knows.
    """

    __slots__ = ("_departed", "_held", "_reports", "_selective", "bytes", "flights", "pipe")

    def __init__(self, *, selective: bool) -> None:
        self.flights: deque[Flight] = deque()
        self.bytes = 0
        self.pipe = 0
        self._selective = selective
        self._reports = 0  # segments reported since the last acknowledgement in order
        self._held = 0  # of those, how many still count as in the network
        self._departed = 0  # of those that count as in the network, how many are reported not to be any more

    def add(self, flight: Flight) -> None:
        """Take a new flight, which is on its way."""
        self.flights.append(flight)
        self.bytes += len(flight.data)
        if flight.counted:
            self.pipe += flight.span

    def replace(self, flight: Flight, parts: list[Flight]) -> None:
        """Take the parts of a flight instead of it."""
        flights = self.flights
        if flights and flights[-1] is flight:
            flights.pop()
            flights.extend(parts)
            return
        self.flights = deque(each for held in flights for each in (parts if held is flight else (held,)))

    def acknowledge(self, serial: int) -> tuple[Flight | None, int]:
        """Drop everything before `serial`; return the last flight dropped and how many segments all of them had."""
        flights = self.flights
        flight, segments = None, 0
        while flights and flights[0].serial < serial:
            flight = flights.popleft()
            self.bytes -= len(flight.data)
            segments += flight.span
            if flight.counted:
                self.pipe -= flight.span
        if flight is not None:
            self._reports = self._held = 0
            if self._departed:
                # What is acknowledged now was reported before, all but what had been missing.
                returned = min(self._departed, segments - 1)
                self._departed -= returned
                self.pipe += returned
        return flight, segments

    def report(self, until_ns: int, segments: int) -> None:
        """Take note that `segments` more arrived behind a gap, and with selective reports all that did `until_ns`."""
        self._reports += segments
        self._held += segments
        if self._selective:
            for flight in self.flights:
                if flight.state == ARRIVED and flight.arrival_ns <= until_ns:
                    flight.heard = True

    def depart(self) -> None:
        """Take what was reported to be in the network no more (RFC 5681, 3.2)."""
        if self._selective:
            for flight in self.flights:
                if flight.heard:
                    self._discount(flight)
        else:
            left = min(self._held, self.pipe)  # whatever they are
            self.pipe -= left
            self._departed += left
        self._held = 0

    def notice(self) -> list[Flight]:
        """Return the flights that the reports show to be lost, sent once, and not noticed before."""
        if not self._selective:
            first = self.flights[0] if self.flights else None
            found = [first] if first is not None and self._reports >= REPORTS and self._is_new(first) else []
        else:
            found = list(self._overtaken())
        for flight in found:
            self._give_up(flight)
        return found

    def notice_first(self) -> list[Flight]:
        """Return the oldest flight if it is lost: a partial acknowledgement tells (RFC 6582, 3.2)."""
        if self._selective or not self.flights or not self._is_new(self.flights[0]):
            return []
        self._give_up(self.flights[0])
        return [self.flights[0]]

    def give_up_all(self) -> None:
        """Take nothing to be in the network: the time-out has passed."""
        self._reports = self._held = self._departed = 0
        for flight in self.flights:
            flight.noticed = flight.state == LOST
            flight.counted = False
        self.pipe = 0

    def repeated(self, flight: Flight) -> None:
        """Take note that a lost flight is sent again."""
        flight.noticed = False
        if flight.data or flight.final:
            flight.counted = True
            self.pipe += flight.span

    def first_lost(self) -> Flight | None:
        """Return the oldest flight that is lost, whether or not that was noticed."""
        return next((flight for flight in self.flights if flight.state == LOST), None)

    def noticed(self) -> list[Flight]:
        """Return the flights that are to be sent again, the oldest first."""
        return [flight for flight in self.flights if flight.noticed]

    def _overtaken(self) -> Iterator[Flight]:
        heard = sum(flight.span for flight in self.flights if flight.heard)
        for flight in self.flights:
            if flight.heard:
                heard -= flight.span
            if heard < REPORTS:
                return
            if self._is_new(flight):
                yield flight

    @staticmethod
    def _is_new(flight: Flight) -> bool:
        return flight.state == LOST and flight.attempts == 1 and not flight.noticed

    def _give_up(self, flight: Flight) -> None:
        flight.noticed = True
        self._discount(flight)

    def _discount(self, flight: Flight) -> None:
        if flight.counted:
            flight.counted = False
            self.pipe -= flight.span
