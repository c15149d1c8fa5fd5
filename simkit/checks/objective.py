"""A service level objective: so many of all requests are good, and the rest is an error budget that may be spent.

A system marks the methods that see its events and calls `good` and `bad`, or `answered` with a latency where being late
is being bad. The objective is judged over the whole run; which burn rate alerts would have fired, and when, is told
beside it (`burn_rate`).

It deliberately judges no run before its end: with requests still to come, a budget is spent by how many there will be.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from simkit.checks.burn_rate import BurnRate, BurnRateAlert, workbook_alerts
from simkit.checks.check import Check, Step
from simkit.observe.moment import moment, number, span

SLOTS = 512
"""Parts of a run in which bad requests are counted, to say when the budget was spent."""

FAULTS_NAMED = 3
"""Faults that a violation blames, those with the most bad requests first."""


class Spending:
    """When an error budget was spent, in bounded memory: a count of bad requests for each of at most `SLOTS` slots.

    Slots begin at a millisecond and double whenever the run outgrows them, so that one is never longer than 1/256 of
    the run so far (or a millisecond).
    """

    def __init__(self) -> None:
        self._width_ns = 1_000_000
        self._counts = [0] * SLOTS
        self._last_ns = [0] * SLOTS

    def add(self, time_ns: int) -> None:
        """Count one; times never go back."""
        while time_ns >= SLOTS * self._width_ns:
            counts, last_ns, rest = self._counts, self._last_ns, [0] * (SLOTS // 2)
            self._counts = [one + other for one, other in zip(counts[::2], counts[1::2], strict=True)] + rest
            self._last_ns = [max(pair) for pair in zip(last_ns[::2], last_ns[1::2], strict=True)] + rest
            self._width_ns *= 2
        slot = time_ns // self._width_ns
        self._counts[slot] += 1
        self._last_ns[slot] = time_ns

    def reached_ns(self, count: int) -> int:
        """Return by when so many had been counted: the last one of that slot. ValueError if there were not so many."""
        for counted, last_ns in zip(self._counts, self._last_ns, strict=True):
            count -= counted
            if count <= 0 < counted:
                return last_ns
        raise ValueError("there were not so many")


class ServiceLevelObjective(Check):
    """So many of all requests are good: answered, and in time.

    Attributes:
        objective: the share that must be good, such as 0.999; what is left is the error budget.
        threshold_s: how long an answer may take, for `answered`; None where being late is not being bad.
        alerts: which burn rates would wake somebody; the workbook's three for a promise over 30 days.
    """

    objective: ClassVar[float]
    threshold_s: ClassVar[float | None] = None
    alerts: ClassVar[Sequence[BurnRateAlert]] = workbook_alerts()

    def __init__(self) -> None:
        super().__init__()
        if not 0 < self.objective < 1:
            raise ValueError(f"{type(self).__name__}.objective is a share between 0 and 1, not {self.objective}")
        # What the author wrote, not the nearest binary fraction: 0.1% of 1,000 is one request.
        self._goal = Fraction(str(self.objective))
        self.total = self.spent = 0
        self._watched = [BurnRate(alert, 1 - self._goal) for alert in self.alerts]
        self._spending = Spending()
        self._holding: Counter[tuple[str, str]] = Counter()
        self._blamed: Counter[tuple[str, str]] = Counter()
        self._first: Step | None = None

    # -- what the system says

    def good(self, time_ns: int) -> None:
        """Note a good request."""
        self.total += 1
        for watched in self._watched:
            watched.count(time_ns, False)

    def bad(self, time_ns: int, host: str, reason: str) -> None:
        """Note a bad one, and why it is."""
        self.total += 1
        self.spent += 1
        for watched in self._watched:
            watched.count(time_ns, True)
        self._spending.add(time_ns)
        for fault in self._holding:
            self._blamed[fault] += 1
        if self._first is None:
            self._first = Step(time_ns, host, f"the first bad request: {reason}")

    def answered(self, time_ns: int, host: str, latency_s: float) -> None:
        """Note an answer: good unless it took longer than `threshold_s`."""
        if self.threshold_s is not None and latency_s > self.threshold_s:
            self.bad(time_ns, host, f"took {span(round(latency_s * 1e9))}")
        else:
            self.good(time_ns)

    # -- what the run says

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self._holding[name, ", ".join(targets)] += 1

    def fault_ended(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        fault = (name, ", ".join(targets))
        self._holding[fault] -= 1
        if not self._holding[fault]:
            del self._holding[fault]

    @property
    def holds(self) -> bool:
        """Whether the budget suffices for the requests so far."""
        return self.spent <= self._budget

    @property
    def _budget(self) -> int:
        """How many of the requests so far may be bad."""
        return int((1 - self._goal) * self.total)

    def conclude(self, end_ns: int) -> None:
        for watched in self._watched:
            watched.advance(end_ns)
        if not self.total:
            self.undecided = "no request was counted"
        if self.holds:
            return
        spent_ns = self._spending.reached_ns(self._budget + 1)
        text = (
            f"{self._share()} of {self.total:,} requests were good, not {number(self.objective * 100)}%: "
            f"{self.spent:,} bad ones, {self._budget:,} allowed; {self._alarm()}"
        )
        self.violated(spent_ns, "", text, *self._story(spent_ns))

    def _story(self, spent_ns: int) -> list[Step]:
        assert self._first is not None
        steps = [self._first]
        for watched in self._watched:
            for firing in watched.firings[:1]:
                if firing.begin_ns <= spent_ns:
                    steps.append(Step(firing.begin_ns, "", f"{watched.alert} fires"))
        for (name, targets), count in self._blamed.most_common(FAULTS_NAMED):
            steps.append(Step(spent_ns, "", f"{count:,} of {self.spent:,} bad while {name} held ({_short(targets)})"))
        steps.append(Step(spent_ns, "", f"the error budget of {self._budget:,} requests is spent"))
        return sorted(steps, key=lambda step: step.time_ns)

    def _share(self) -> str:
        """Return the good share, cut rather than rounded: 99.999% is not 100%."""
        decimals = max(2, -int(Decimal(str(self.objective)).as_tuple().exponent))
        cut = (self.total - self.spent) * 10 ** (decimals + 2) // self.total
        return f"{cut / 10**decimals:.{decimals}f}%"

    def _alarm(self) -> str:
        """Say which alert fired first."""
        fired = [watched for watched in self._watched if watched.fired]
        if not fired:
            return "no alert fired"
        first = min(fired, key=lambda watched: watched.firings[0].begin_ns)
        firing = first.firings[0]
        times = sum(watched.fired for watched in fired)
        until = "to the end" if firing.end_ns is None else f"until {moment(firing.end_ns)}"
        more = f", {times:,} alerts in all" if times > 1 else ""
        return f"{first.alert} fired {moment(firing.begin_ns)} {until}{more}"

    def summary(self) -> str:
        used = 100 * self.spent / (float(1 - self._goal) * self.total) if self.total else 0.0
        share = f"{self._share()} of {self.total:,} requests good, " if self.total else ""
        return f"{share}{number(round(used, 1))}% of the error budget spent; {self._alarm()}"


def _short(targets: str) -> str:
    return targets if len(targets) <= 60 else f"{targets[:57]}..."
