"""Expectations: what a scenario says must come out.

    always CHECK | eventually CHECK within 2min | sometimes EVENT | METRIC p99 < 2s in steady | fails CHECK
    drop SUBJECT            (in a variant or a file that extends another: an inherited expectation no longer holds)

Reading one and looking its names up on the card are here. Judging a run is deliberately not: that is done with the
checks, the metrics and the windows of the run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction as Exact
from typing import Literal, TypeAlias

from simkit.language.duration import TIME_UNITS, Duration
from simkit.language.problem import Position, Refusal, listed, nearest_quoted, quoted
from simkit.language.quantity import COMMON_SLIPS
from simkit.language.units import BIT_UNITS, BYTE_UNITS, PERIODS, SHARE_UNITS
from simkit.language.vocabulary import CardWords, event_names

Statistic = Literal["p50", "p90", "p95", "p99", "p999", "mean", "max", "min", "count", "rate", "last"]
Window = Literal["steady", "faults", "recovery", "all"]
STATISTICS: tuple[Statistic, ...] = (
    "p50", "p90", "p95", "p99", "p999", "mean", "max", "min", "count", "rate", "last",
)  # fmt: skip
WINDOWS: tuple[Window, ...] = ("steady", "faults", "recovery", "all")
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip

_EVENTUALLY = re.compile(r"(\S+)(?: within (.+))?\Z")
_METRIC = re.compile(r"(\S+)(?: ([a-z]+[0-9.]*))? ?(<=|>=|==|!=|<|>|=) ?(.+?)(?: in (\S+))?\Z")
_AMOUNT = re.compile(r"([-+]?[0-9]{1,20}(?:\.[0-9]{1,20})?) ?([A-Za-z%/]{0,8})\Z")
_STARTS = ("always", "eventually", "sometimes", "fails", "drop")


@dataclass(frozen=True, slots=True)
class Always:
    """A check that may never be violated."""

    text: str
    check: str
    kind: Literal["always"] = "always"


@dataclass(frozen=True, slots=True)
class Eventually:
    """A goal state that must be reached within a time after the last fault heals."""

    text: str
    check: str
    within: Duration
    kind: Literal["eventually"] = "eventually"


@dataclass(frozen=True, slots=True)
class Sometimes:
    """An event that must be seen at least once, so that the scenario shows what it is about."""

    text: str
    event: str
    kind: Literal["sometimes"] = "sometimes"


@dataclass(frozen=True, slots=True)
class MetricBound:
    """A statistic of a metric over a window; `bound` is in seconds, bytes, bits/s, 1/s, a share of 1, or plain."""

    text: str
    metric: str
    statistic: Statistic
    comparison: str
    bound: float
    unit: str
    window: Window
    kind: Literal["metric"] = "metric"

    def met_by(self, value: float) -> bool:
        """Whether a measured value satisfies the bound."""
        return COMPARISONS[self.comparison](value, self.bound)


@dataclass(frozen=True, slots=True)
class Fails:
    """A check that must be violated: the scenario shows what a missing protection does."""

    text: str
    check: str
    kind: Literal["fails"] = "fails"


Expectation: TypeAlias = Always | Eventually | Sometimes | MetricBound | Fails


@dataclass(frozen=True, slots=True)
class Expected:
    """An expectation with its place in the file."""

    expectation: Expectation
    position: Position = field(compare=False)


def parse_expectation(text: object) -> Expectation:
    """Read one line of `expect:`; raises `Refusal`."""
    if not isinstance(text, str):
        raise Refusal("an expectation is a phrase such as `always effect_once` or `task.latency p99 < 2s in steady`")
    phrase = " ".join(text.split())
    word, _, rest = phrase.partition(" ")
    if word == "drop":
        raise Refusal(f"{quoted(phrase)}: there is no such expectation to drop")
    if word not in _STARTS:
        return _metric_bound(phrase, word)
    if not rest:
        raise Refusal(f"{quoted(phrase)} needs a name after it")
    if word == "eventually":
        return _eventually(phrase, rest)
    if " " in rest:
        raise Refusal(f"{quoted(phrase)}: {word} takes one name", quoted(f"{word} {rest.split()[0]}"))
    if word == "always":
        return Always(phrase, rest)
    return Fails(phrase, rest) if word == "fails" else Sometimes(phrase, rest)


def _eventually(phrase: str, rest: str) -> Eventually:
    match = _EVENTUALLY.match(rest)
    if not match or match[2] is None:
        name = rest.split()[0]
        raise Refusal(f"{quoted(phrase)} does not say by when", quoted(f"eventually {name} within 2min"))
    return Eventually(phrase, match[1], Duration.parse(match[2]))


def _metric_bound(phrase: str, word: str) -> MetricBound:
    match = _METRIC.match(phrase)
    if not match:
        near = nearest_quoted(word, _STARTS[:4])
        example = "`always CHECK`, `eventually CHECK within 2min`, `sometimes EVENT` or `METRIC p99 < 2s in steady`"
        raise Refusal(f"cannot read expectation {quoted(phrase)}; write {example}", near)
    metric, statistic, comparison, amount, window = match.groups()
    if statistic is None:
        raise Refusal(f"{quoted(phrase)} does not say which statistic: {' '.join(STATISTICS)}")
    found = [known for known in STATISTICS if known == statistic]
    if not found:
        message = f"unknown statistic {quoted(statistic)} in {quoted(phrase)}; there are {' '.join(STATISTICS)}"
        raise Refusal(message, nearest_quoted(statistic, STATISTICS))
    windows = [known for known in WINDOWS if known == (window or "all")]
    if not windows:
        message = f"unknown window {quoted(window)} in {quoted(phrase)}; there are {' '.join(WINDOWS)}"
        raise Refusal(message, nearest_quoted(window, WINDOWS))
    if comparison not in COMPARISONS:
        raise Refusal(f"unknown comparison {quoted(comparison)} in {quoted(phrase)}", quoted("=="))
    bound, unit = _amount(amount, phrase)
    return MetricBound(phrase, metric, found[0], comparison, bound, unit, windows[0])


_SCALES: Mapping[str, tuple[Exact, str]] = {
    **{unit: (Exact(size, 10**9), "s") for unit, size in TIME_UNITS.items()},
    **{unit: (Exact(size), "B") for unit, size in BYTE_UNITS.items()},
    **{unit: (Exact(size), "bit/s") for unit, size in BIT_UNITS.items()},
    **{unit: (size, "") for unit, size in SHARE_UNITS.items()},
    **{f"/{period}": (Exact(1, seconds), "/s") for period, seconds in PERIODS.items()},
}


def _amount(text: str, phrase: str) -> tuple[float, str]:
    """A number with any unit of the language, in the base unit of its kind, and that unit."""
    match = _AMOUNT.match(text)
    if not match:
        raise Refusal(f"cannot read the bound {quoted(text)} in {quoted(phrase)}; write a number with its unit")
    number, unit = match.groups()
    if not unit:
        return float(number), ""
    if unit not in _SCALES:
        near = nearest_quoted(COMMON_SLIPS.get(unit, unit), _SCALES)
        raise Refusal(f"unknown unit {quoted(unit)} in {quoted(phrase)}", near)
    scale, base = _SCALES[unit]
    return float(Exact(number) * scale), base


def check_names(expectation: Expectation, card: CardWords) -> None:
    """Raise `Refusal` unless the card knows the check, event or metric."""
    match expectation:
        case Always(check=name) | Eventually(check=name) | Fails(check=name):
            noun, known = "check", tuple(card.checks)
        case Sometimes(event=name):
            noun, known = "event", event_names(card)
        case MetricBound(metric=name):
            noun, known = "metric", tuple(card.metrics)
    if name not in known:
        there = f"; {card.name} has {listed(known)}" if known else f"; {card.name} has none"
        message = f"unknown {noun} {quoted(name)} in {quoted(expectation.text)}{there}"
        raise Refusal(message, nearest_quoted(name, known))
    if isinstance(expectation, MetricBound):
        _check_unit(expectation, getattr(card.metrics[expectation.metric], "unit", None))


def _check_unit(expectation: MetricBound, unit: str | None) -> None:
    """A time is compared with a time and a size with a size, where the card says what the metric is measured in."""
    if unit is None or expectation.statistic in ("count", "rate"):
        return
    wanted = unit if unit in ("s", "B", "bit/s", "/s") else ""
    if expectation.unit != wanted:
        measured = f"{quoted(expectation.metric)} is measured in {unit or 'plain numbers'}"
        raise Refusal(f"{measured}; the bound in {quoted(expectation.text)} needs {_NEEDED[wanted]}")


_NEEDED = {
    "s": "a duration such as `2s`", "B": "a size such as `1MB`", "bit/s": "a bandwidth such as `1Gbit/s`",
    "/s": "a frequency such as `5/s`", "": "a number without a unit, or a share such as `1%`",
}  # fmt: skip


def subject_of(text: str) -> str:
    """What a line of `expect:` speaks about; a line about the same subject replaces an inherited one."""
    words = text.split()
    if len(words) >= 2 and words[0] in ("always", "eventually", "fails"):
        return f"check {words[1]}"
    if len(words) >= 2 and words[0] == "sometimes":
        return f"event {words[1]}"
    match = _METRIC.match(" ".join(words))
    return f"metric {match[1]} {match[2]} {match[5] or 'all'}" if match else " ".join(words)


def is_about(text: str, dropped: str) -> bool:
    """Whether `drop DROPPED` means this line: by the name it speaks about, or by the whole line."""
    words = subject_of(text).split()
    return dropped == " ".join(text.split()) or (len(words) > 1 and dropped == words[1])
