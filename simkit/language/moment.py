"""Moments: the one grammar for when something begins, ends or repeats.

    40s | 5s after split | 5s after split ends | when plan.apply | 12th plan.apply on enactors-1
    2s after 12th plan.apply | 3rd point after-write on broker | when point disk.sync
    every: 10s | every: exp(10min) each

A moment is a delay after an anchor: the start of the run, the beginning or end of another fault, the n-th time an
event is seen, or the n-th time a program reaches a fault point. `after split` counts from when the split begins; at a
point without a delay the fault strikes within the program's step, which never goes on from there. Deliberately not a
schedule: moments that hang on events are only known while the system runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from simkit.kernel import distribution
from simkit.kernel.stream import Stream
from simkit.language.problem import Refusal, quoted
from simkit.language.spread import read_distribution
from simkit.language.target import Target, parse_target
from simkit.language.units import Duration, exact_duration

_AFTER = re.compile(r"(?:(.+?) )?after (.+)\Z")
_EVENT = re.compile(r"(?:when )?(?:([0-9]{1,9})(st|nd|rd|th) )?([A-Za-z_][\w.-]{0,99})(?: on (.+))?\Z")
_POINT = re.compile(
    r"(?:when )?(?:([0-9]{1,9})(st|nd|rd|th) )?point(?: (?!on\b)([A-Za-z_][\w.-]{0,99}))?(?: on (.+))?\Z"
)
_FAULT = re.compile(r"([A-Za-z_][A-Za-z0-9_-]{0,62})(?: (ends|begins))?\Z")
_EACH = re.compile(r"(.+?) each\Z")


@dataclass(frozen=True, slots=True)
class Start:
    """The beginning of the run."""


@dataclass(frozen=True, slots=True)
class FaultEdge:
    """The moment another fault of the file begins or ends (its first strike, if it repeats)."""

    fault: str
    edge: Literal["begins", "ends"] = "begins"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """The n-th time an event is emitted, by anyone or by a host of `target`."""

    event: str
    ordinal: int = 1
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class PointReached:
    """The n-th time a program reaches a fault point, on any host or on one of `target`; without a name any point."""

    point: str | None
    ordinal: int = 1
    target: Target | None = None


Anchor: TypeAlias = Start | FaultEdge | Occurrence | PointReached


@dataclass(frozen=True, slots=True)
class Moment:
    """A delay after an anchor."""

    text: str
    delay_ns: int
    anchor: Anchor

    @property
    def at_point(self) -> bool:
        """Whether it lies within a program's step, at a fault point."""
        return isinstance(self.anchor, PointReached) and self.delay_ns == 0

    @property
    def time_ns(self) -> int | None:
        """The time since the start of the run, if the file alone decides it."""
        return self.delay_ns if isinstance(self.anchor, Start) else None


@dataclass(frozen=True, slots=True)
class Every:
    """A repetition: one strike after each interval; with `each`, independently for every host of the target."""

    text: str
    interval: distribution.Distribution
    each: bool = False

    def next_ns(self, stream: Stream) -> int:
        """The time to the next strike, at least 1 ns; one draw."""
        return max(1, round(self.interval.draw(stream)))


def parse_moment(text: object) -> Moment:
    """Read a moment; raises `Refusal`."""
    if not isinstance(text, str):
        return Moment(str(text), int(Duration.parse(text)), Start())
    phrase = " ".join(text.split())
    if match := _AFTER.match(phrase):
        delay_ns = int(Duration.parse(match[1])) if match[1] else 0
        return Moment(phrase, delay_ns, _anchor(match[2], phrase))
    if phrase.startswith("when ") or re.match(r"[0-9]+(st|nd|rd|th)\b", phrase):
        return Moment(phrase, 0, _occurrence(phrase, phrase))
    if _POINT.match(phrase):
        raise Refusal(f"{quoted(phrase)} is not a moment", quoted(f"when {phrase}"))
    if re.match(r"[A-Za-z_]", phrase):
        hint = f"when {phrase}" if "." in phrase else f"after {phrase}"
        raise Refusal(f"{quoted(phrase)} is not a moment; write for example `40s`, `5s after split`, {quoted(hint)}")
    delay_ns = int(Duration.parse(phrase))
    return Moment(exact_duration(delay_ns), delay_ns, Start())


def _anchor(phrase: str, whole: str) -> Anchor:
    if _POINT.match(phrase):
        return _occurrence(phrase, whole)
    if match := _FAULT.match(phrase):
        return FaultEdge(match[1], "ends" if match[2] == "ends" else "begins")
    return _occurrence(phrase, whole)


def _occurrence(phrase: str, whole: str) -> Occurrence | PointReached:
    point = _POINT.match(phrase)
    match = point or _EVENT.match(phrase)
    if not match:
        raise Refusal(f"cannot read moment {quoted(whole)}; write for example `12th plan.apply on enactors-1`")
    ordinal, ending, name, target = match.groups()
    number = int(ordinal) if ordinal else 1
    if number == 0:
        raise Refusal(f"in {quoted(whole)} events are counted from the 1st")
    if ordinal and ending != ordinal_ending(number):
        right = quoted(whole.replace(f"{ordinal}{ending}", f"{ordinal}{ordinal_ending(number)}"))
        raise Refusal(f"{quoted(ordinal + ending)} in {quoted(whole)}", right)
    whom = parse_target(target) if target else None
    return PointReached(name, number, whom) if point else Occurrence(name, number, whom)


def ordinal_ending(number: int) -> str:
    """`st`, `nd`, `rd` or `th`."""
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def parse_every(value: object) -> Every:
    """Read what stands after `every:`; raises `Refusal`."""
    each = False
    text = " ".join(value.split()) if isinstance(value, str) else str(value)
    if isinstance(value, str) and (match := _EACH.match(text)):
        value, each = match[1], True
    interval = read_distribution(value)
    if interval.mean <= 0:
        raise Refusal(f"every {quoted(text)} would repeat without end in one instant; the interval must be above zero")
    return Every(text, interval, each)
