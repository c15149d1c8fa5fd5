"""What became of one claim of a card: the row of a switch, the row of a figure.

Frozen values, as the table and the JSON show them.

They deliberately judge nothing: the audit makes them from the runs.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

from simkit.card import Figure, Switch
from simkit.explore.control_variate import Controlled
from simkit.explore.statistics import Estimate, FigureResult, Interval

Verdict = Literal["pass", "fail", "unknown", "error"]


@dataclass(frozen=True)
class Surprise:
    """A run that speaks against its row, and the command that shows it."""

    seed: int
    text: str
    command: str


@dataclass(frozen=True)
class SwitchRow:
    """What became of a switch.

    Attributes:
        wanted, seeds: how many pairs of runs were asked for, and made.
        broken_when_off, clean_when_on: in how many of them.
        share: of the seeds in which the check broke, with Wilson's interval; None before any run.
    """

    switch: Switch
    scenario: str
    wanted: int
    seeds: int
    broken_when_off: int
    clean_when_on: int
    share: Estimate | None
    verdict: Verdict
    surprises: tuple[Surprise, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        switch = self.switch
        return {
            "switch": switch.setting,
            "check": switch.check,
            "scenario": self.scenario,
            "variant": switch.variant,
            "broken_when_off": self.broken_when_off,
            "clean_when_on": self.clean_when_on,
            "seeds": self.seeds,
        }


@dataclass(frozen=True)
class FigureRow:
    """What became of a figure.

    Attributes:
        wanted, seeds: how many runs were asked for, and gave a number.
        items: how many items they measured together.
        result: against the published number; None before any run.
        seeds_needed: where the verdict is unknown, about how many would decide it; None where that cannot be said.
        controlled: what its control made of the runs; None before any run, and for a figure without one.
    """

    figure: Figure
    scenario: str
    wanted: int
    seeds: int
    items: int
    result: FigureResult | None
    verdict: Verdict
    seeds_needed: int | None
    surprises: tuple[Surprise, ...]
    controlled: Controlled | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data; an interval without ends is null, and `control` stands only where there is one."""
        figure, result = self.figure, self.result
        row = {
            "figure": figure.name,
            "source": figure.source,
            "published": figure.value,
            "measured": None if result is None else result.measured,
            "interval": None if result is None else _ends(result.interval),
            "tolerance": figure.tolerance,
            "verdict": self.verdict,
        }
        control, controlled = figure.control, self.controlled
        if control is not None and controlled is not None:
            row["control"] = {
                "model": control.in_words(),
                "slope": control.slope,
                "expected": controlled.expected,
                "measured": controlled.control.mean,
                "interval": _ends(controlled.control.interval),
                "plain": controlled.plain.mean,
                "plain_interval": _ends(controlled.plain.interval),
            }
        return row


Row = SwitchRow | FigureRow


def _ends(interval: Interval) -> list[float] | None:
    ends = [interval.low, interval.high]
    return ends if all(map(isfinite, ends)) else None
