"""The congestion window of one sender: how many segments it may have in the network, as its algorithm sees it.

Windows are counted in segments, as Linux does, and may have a fraction. A sender tells what was acknowledged and what
was lost; whether it is at its limit, and what it sends next, it decides itself.

It deliberately measures no bandwidth and no delay: an algorithm here learns from losses alone. No pacing, no HyStart.
"""

from abc import ABC, abstractmethod
from math import frexp, inf, ldexp
from typing import Final, Literal

Algorithm = Literal["cubic", "reno"]

WINDOW_MIN: Final = 2.0
"""Segments that remain after a loss (RFC 5681, equation 4)."""


class Congestion(ABC):
    """A congestion window.

    Attributes:
        window: segments that may be in the network.
        threshold: below it a window grows by what is acknowledged (slow start).
    """

    __slots__ = ("_initial", "threshold", "window")

    def __init__(self, initial: int) -> None:
        self._initial = float(initial)
        self.window = self._initial
        self.threshold = inf

    def acknowledged(self, segments: float, now_ns: int, rtt_ns: int) -> None:
        """Grow, because so many segments have arrived; only while the window is what limits the sender."""
        if self.window < self.threshold:
            grown = min(segments, self.threshold - self.window)
            self.window += grown
            segments -= grown
        if segments > 0:
            self._avoid(segments, now_ns, rtt_ns)

    def lost(self) -> None:
        """Shrink, because segments were lost; once for all losses of one window."""
        self.threshold = max(WINDOW_MIN, self._reduced())
        self.window = self.threshold

    def timed_out(self) -> None:
        """Begin anew with one segment: nothing was heard for the whole of the time-out."""
        self.threshold = max(WINDOW_MIN, self._reduced())
        self.window = 1.0

    def idled(self, timeouts: int) -> None:
        """Halve for each time-out that passed without anything to send, down to the initial window (RFC 2861)."""
        for _ in range(min(timeouts, 64)):
            if self.window <= self._initial:
                break
            self.threshold = max(self.threshold, 0.75 * self.window)
            self.window = max(self._initial, self.window / 2)

    @abstractmethod
    def _avoid(self, segments: float, now_ns: int, rtt_ns: int) -> None:
        """Grow in congestion avoidance."""

    @abstractmethod
    def _reduced(self) -> float:
        """Return the window after a loss."""


class Reno(Congestion):
    """One segment more in each round trip, half after a loss (RFC 5681)."""

    __slots__ = ()

    def _avoid(self, segments: float, now_ns: int, rtt_ns: int) -> None:
        self.window += segments / self.window

    def _reduced(self) -> float:
        return self.window / 2


class Cubic(Congestion):
    """A cubic function of the time since the last loss, flat at the window where that happened (RFC 9438)."""

    __slots__ = ("_begun_ns", "_estimate", "_largest", "_plateau_s")

    SCALE: Final = 0.4
    FACTOR: Final = 0.7
    SLOPE: Final = 3 * (1 - FACTOR) / (1 + FACTOR)
    """C, beta and alpha of the RFC."""

    def __init__(self, initial: int) -> None:
        super().__init__(initial)
        self._begun_ns = -1  # when the present growth began; -1 if it has not
        self._largest = 0.0  # where the curve is flat
        self._estimate = 0.0  # the window that Reno would have
        self._plateau_s = 0.0  # how long after its begin the curve is flat

    def idled(self, timeouts: int) -> None:
        """See `Congestion.idled`; the time that was idle is not one of growth."""
        super().idled(timeouts)
        self._begun_ns = -1

    def _avoid(self, segments: float, now_ns: int, rtt_ns: int) -> None:
        window = self.window
        if self._begun_ns < 0:
            self._begun_ns = now_ns
            self._estimate = window
            self._largest = max(self._largest, window)
            self._plateau_s = cube_root((self._largest - window) / self.SCALE)
        ahead_s = (now_ns - self._begun_ns) / 10**9 - self._plateau_s
        self._estimate += (self.SLOPE if self._estimate < self._largest else 1.0) * segments / window
        if self._largest + self.SCALE * ahead_s * ahead_s * ahead_s < self._estimate:
            self.window = max(window, self._estimate)
            return
        ahead_s += rtt_ns / 10**9
        target = self._largest + self.SCALE * ahead_s * ahead_s * ahead_s
        self.window += (min(max(target, window), 1.5 * window) - window) * segments / window

    def _reduced(self) -> float:
        # Who is overtaken before it got back to its last window leaves room for whoever is new ("fast convergence").
        shrinks = self.window < self._largest
        self._largest = self.window * (1 + self.FACTOR) / 2 if shrinks else self.window
        self._begun_ns = -1
        return self.window * self.FACTOR


def congestion(algorithm: Algorithm, initial: int) -> Congestion:
    """Return the window of a new connection."""
    return Reno(initial) if algorithm == "reno" else Cubic(initial)


def cube_root(x: float) -> float:
    """Return the cube root of `x` >= 0 by Newton's method, from IEEE 754 operations alone."""
    if x <= 0.0:
        return 0.0
    root = ldexp(1.0, -(-frexp(x)[1] // 3))
    for _ in range(8):
        root = (2.0 * root + x / (root * root)) / 3.0
    return root
