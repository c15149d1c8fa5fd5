"""Durations in integer nanoseconds, as people write and read them.

The language reads `90s`, `1.5ms`, `20 min`; reports show `20 min`, `1.4 s` and, for a moment of the run, `05:58.207`.
Deliberately not dates or calendars: virtual time starts at zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction as Exact
from typing import Any, ClassVar, Self

from simkit.language.problem import Refusal, quoted
from simkit.language.quantity import Written, in_largest_unit, plain_decimal, read_quantity, whole

NANOSECOND, MICROSECOND, MILLISECOND, SECOND = 1, 10**3, 10**6, 10**9
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
LONGEST_NS = 2**62
"""Durations end at 146 years: sums of two still fit a signed 64-bit integer."""

TIME_UNITS: Mapping[str, int] = {
    "ns": NANOSECOND, "us": MICROSECOND, "ms": MILLISECOND, "s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY,
}  # fmt: skip


class Duration(Written, int):
    """A length of time >= 0 in integer nanoseconds, written `90s`, `1.5ms`, `20 min`."""

    schema: ClassVar[dict[str, Any]] = {
        "pattern": r"^[0-9]+(\.[0-9]+)? ?(ns|us|ms|s|min|h|d)$",
        "description": "a duration: a number with ns, us, ms, s, min, h or d",
        "examples": ["90s", "1.5ms", "20min"],
    }

    @classmethod
    def parse(cls, text: object) -> Self:
        amount = whole(read_quantity(text, TIME_UNITS, "a duration", "60s"), "a duration", "a nanosecond", LONGEST_NS)
        if amount < 0:
            raise Refusal(f"a duration cannot be negative, found {quoted(text)}")
        return cls(amount)

    @property
    def seconds(self) -> float:
        """In seconds, for asyncio and arithmetic."""
        return int(self) / SECOND

    def __str__(self) -> str:
        return exact_duration(int(self))

    def __repr__(self) -> str:
        return f"Duration.parse({str(self)!r})"


class Offset(Duration):
    """A difference of two times, in integer nanoseconds; may be negative: `-5min`."""

    schema: ClassVar[dict[str, Any]] = {
        "pattern": r"^[-+]?[0-9]+(\.[0-9]+)? ?(ns|us|ms|s|min|h|d)$",
        "description": "a difference of times, negative or not: a number with ns, us, ms, s, min, h or d",
        "examples": ["-5min", "+200ms"],
    }

    @classmethod
    def parse(cls, text: object) -> Self:
        amount = read_quantity(text, TIME_UNITS, "a time offset", "-5min")
        return cls(whole(amount, "a time offset", "a nanosecond", LONGEST_NS))

    def __repr__(self) -> str:
        return f"Offset.parse({str(self)!r})"


def exact_duration(time_ns: int) -> str:
    """`1500ms`, `20min`: in the largest unit that keeps it a whole number; the language reads it back unchanged."""
    if time_ns == 0:
        return "0s"
    return ("-" if time_ns < 0 else "") + in_largest_unit(abs(time_ns), TIME_UNITS)


def format_duration(time_ns: int | float) -> str:
    """For people, three significant digits: `20 min`, `90 s`, `1.4 s`, `350 us`."""
    if time_ns < 0:
        return "-" + format_duration(-time_ns)
    amount = round(time_ns)
    if amount == 0:
        return "0 s"
    shown = _three_digits(amount)
    fitting = [(unit, size) for unit, size in reversed(list(TIME_UNITS.items())) if size <= shown]
    for unit, size in fitting:
        if amount % size == 0 and amount // size < 1000:
            return f"{amount // size} {unit}"
    unit, size = fitting[0]
    if size > SECOND and shown < 1000 * SECOND:
        unit, size = "s", SECOND
    return f"{plain_decimal(Exact(_three_digits(Exact(amount, size) * 10**6), 10**6))} {unit}"


def _three_digits(number: int | Exact) -> int:
    """Rounded to three significant digits."""
    step: int = 10 ** max(0, len(str(int(number))) - 3)
    return round(Exact(number) / step) * step


def format_clock(time_ns: int) -> str:
    """A moment of the run as a clock shows it, cut to milliseconds: `05:58.207`, `1:05:58.207`."""
    sign, time = ("-", -time_ns) if time_ns < 0 else ("", time_ns)
    minutes, milliseconds = divmod(time // MILLISECOND, 60_000)
    seconds = f"{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02d}:{seconds}" if hours else f"{sign}{minutes:02d}:{seconds}"
