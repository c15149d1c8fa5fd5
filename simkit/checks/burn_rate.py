"""Alerts on how fast an error budget burns, as chapter 5 of the SRE workbook has them.

A burn rate of 1 spends exactly the budget over the period of the objective. An alert fires while the rate is above its
own over a long window, so that it matters, and over a short one, so that it is still going on (Beyer et al., The Site
Reliability Workbook, O'Reilly 2018, "Alerting on SLOs", multiwindow, multi-burn-rate alerts).

It deliberately sends nothing and makes nobody wait: it says when an alert would have fired.
"""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from simkit.observe.moment import NANOSECONDS, number, span

STEPS_PER_SHORT_WINDOW = 10
"""How often an alert is evaluated in the time of its short window."""

STEPS_MAX = 10_000
"""Steps of a long window; more is a short window that has nothing to do with the long one."""

FIRINGS_KEPT = 20
"""Times of firing that one alert remembers; the rest is counted."""

WORKBOOK_PERIOD_S = 30 * 86_400.0


@dataclass(frozen=True)
class BurnRateAlert:
    """An alert that fires while the budget burns faster than `rate` over both windows; lengths in seconds."""

    severity: str
    long_s: float
    short_s: float
    rate: float

    def __post_init__(self) -> None:
        if not (1e-6 <= self.short_s <= self.long_s < 1e9 and 0 < self.rate < 1e9):
            raise ValueError(f"{self!r} needs a rate above 0, and a short window of 1 us or more inside the long one")
        if self.long_s / self.short_s * STEPS_PER_SHORT_WINDOW > STEPS_MAX:
            times = STEPS_MAX // STEPS_PER_SHORT_WINDOW
            raise ValueError(f"{self!r}: a long window may be {times:,} times as long as the short one, not more")

    def __str__(self) -> str:
        windows = f"{span(round(self.long_s * NANOSECONDS))} and {span(round(self.short_s * NANOSECONDS))}"
        return f"{self.severity} (over {number(self.rate)}x for {windows})"


def workbook_alerts(period_s: float = WORKBOOK_PERIOD_S) -> tuple[BurnRateAlert, ...]:
    """Return the workbook's three alerts, their windows scaled to the period that the objective is promised for.

    For 30 days: a page at 14.4 times over 1 h and 5 min (2% of the budget in an hour), a page at 6 times over 6 h and
    30 min (5% in six hours), a ticket at 1 over 3 d and 6 h (10% in three days).
    """
    scale = period_s / WORKBOOK_PERIOD_S
    return (
        BurnRateAlert("page", 3_600 * scale, 300 * scale, 14.4),
        BurnRateAlert("page", 21_600 * scale, 1_800 * scale, 6.0),
        BurnRateAlert("ticket", 259_200 * scale, 21_600 * scale, 1.0),
    )


@dataclass
class Firing:
    """One time that an alert fired; `end_ns` is None while it does."""

    begin_ns: int
    end_ns: int | None = None


class Window:
    """The sums of the last steps, good or not and not good."""

    __slots__ = ("_length", "_steps", "bad", "total")

    def __init__(self, length: int) -> None:
        self._length = length
        self._steps: deque[tuple[int, int]] = deque()
        self.total = self.bad = 0

    def push(self, total: int, bad: int) -> None:
        """Let a step end; the oldest one falls out of a full window."""
        self.total += total
        self.bad += bad
        self._steps.append((total, bad))
        if len(self._steps) > self._length:
            old_total, old_bad = self._steps.popleft()
            self.total -= old_total
            self.bad -= old_bad


class BurnRate:
    """One alert at work on a stream of good and bad events, in order of time.

    Virtual time is cut into steps of a tenth of the short window, and the alert is evaluated at the end of each: over
    the steps of its windows, or over all there have been where the run is younger, but never before it is as old as
    the short window.

    Args:
        alert: what is watched for.
        budget: the share of events that may be bad; a ValueError says that the alert could never fire.

    Attributes:
        firings: the first times that it fired. fired: how often it did.
    """

    def __init__(self, alert: BurnRateAlert, budget: Fraction) -> None:
        limit = Fraction(str(alert.rate)) * budget
        if limit >= 1:
            raise ValueError(
                f"{alert} could never fire: the budget burns at most {number(float(1 / budget))}x; name other alerts"
            )
        self.alert = alert
        self.firings: list[Firing] = []
        self.fired = 0
        self._over, self._under = limit.numerator, limit.denominator
        self._step_ns = max(1, round(alert.short_s * NANOSECONDS) // STEPS_PER_SHORT_WINDOW)
        self._long = Window(-(-round(alert.long_s * NANOSECONDS) // self._step_ns))
        self._short = Window(STEPS_PER_SHORT_WINDOW)
        self._number = self._total = self._bad = 0
        self._firing: Firing | None = None

    def count(self, time_ns: int, bad: bool) -> None:
        """Note an event."""
        if time_ns // self._step_ns != self._number:
            self.advance(time_ns)
        self._total += 1
        self._bad += bad

    def advance(self, time_ns: int) -> None:
        """Evaluate the alert at the end of every step that is over."""
        number = time_ns // self._step_ns
        for step in range(self._number, number):
            self._long.push(self._total, self._bad)
            self._short.push(self._total, self._bad)
            self._total = self._bad = 0
            self._evaluate(step + 1)
            if not self._long.total:
                break  # after a whole window of silence every further step is as silent
        self._number = max(number, self._number)

    def _evaluate(self, steps: int) -> None:
        burning = steps >= STEPS_PER_SHORT_WINDOW and self._exceeded(self._long) and self._exceeded(self._short)
        if burning and self._firing is None:
            self._firing = Firing(steps * self._step_ns)
            self.fired += 1
            if self.fired <= FIRINGS_KEPT:
                self.firings.append(self._firing)
        elif not burning and self._firing is not None:
            self._firing.end_ns = steps * self._step_ns
            self._firing = None

    def _exceeded(self, window: Window) -> bool:
        return window.bad * self._under > self._over * window.total
