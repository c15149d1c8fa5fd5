"""Quantities as people write them: `90s`, `17/s total`, `1Gbit/s`, `64KiB`, `0.01%`, `20ppm`.

Every type here can be a field of any pydantic model, of the language or of a system's config: it reads text with a
unit, refuses a bare number with a message that says what to write, and describes itself in JSON Schema. This page is
the public face; durations and distributions, deliberately apart, are re-exported from `duration.py` and `spread.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction as Exact
from typing import Any, ClassVar, Literal, Self

from simkit.language.duration import Duration, Offset, exact_duration, format_clock, format_duration
from simkit.language.problem import Refusal, nearest_name, nearest_quoted, quoted
from simkit.language.quantity import (
    COMMON_SLIPS,
    Written,
    in_largest_unit,
    kind_of,
    plain_decimal,
    read_quantity,
    whole,
)
from simkit.language.spread import Distribution, format_distribution, read_distribution

__all__ = [
    "Bandwidth", "Distribution", "Drift", "Duration", "Fraction", "Frequency", "Offset", "Rate", "Size",
    "exact_duration", "format_clock", "format_distribution", "format_duration", "read_distribution",
]  # fmt: skip

BIT_UNITS: Mapping[str, int] = {
    f"{prefix}{unit}": scale * bits
    for unit, bits in (("bit/s", 1), ("B/s", 8))
    for prefix, scale in (("", 1), ("k", 10**3), ("M", 10**6), ("G", 10**9), ("T", 10**12))
} | {"KiB/s": 8 << 10, "MiB/s": 8 << 20, "GiB/s": 8 << 30}
BYTE_UNITS: Mapping[str, int] = {
    "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}  # fmt: skip
SHARE_UNITS: Mapping[str, Exact] = {"%": Exact(1, 100), "ppm": Exact(1, 10**6)}
PERIODS: Mapping[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 86_400}

_RATE = re.compile(
    r"([0-9]{1,20}(?:\.[0-9]{1,20})?)\s{0,4}([kM]?)\s{0,4}/\s{0,4}([a-z]{1,10})(?:\s{1,4}([a-z]{1,10}))?\Z"
)


class Bandwidth(Written, int):
    """Bits per second, > 0, written `1Gbit/s` or `100MB/s`."""

    schema: ClassVar[dict[str, Any]] = {
        "pattern": r"^[0-9]+(\.[0-9]+)? ?([kMGT]?(bit|B)|[KMG]iB)/s$",
        "description": "a bandwidth: a number with bit/s or B/s, with k M G T or Ki Mi Gi before it",
        "examples": ["1Gbit/s", "100MB/s"],
    }

    @classmethod
    def parse(cls, text: object) -> Self:
        amount = read_quantity(text, BIT_UNITS, "a bandwidth", "1Gbit/s")
        bits = whole(amount, "a bandwidth", "a bit per second", 10**18)
        if bits <= 0:
            raise Refusal(f"a bandwidth must be above zero, found {quoted(text)}")
        return cls(bits)

    def __str__(self) -> str:
        return in_largest_unit(int(self), {u: n for u, n in BIT_UNITS.items() if u.endswith("bit/s")})


class Size(Written, int):
    """Bytes, >= 0, written `64KiB` or `1MB`."""

    schema: ClassVar[dict[str, Any]] = {
        "pattern": r"^[0-9]+(\.[0-9]+)? ?([kMGT]|[KMGT]i)?B$",
        "description": "a size: a number with B, kB MB GB TB or KiB MiB GiB TiB",
        "examples": ["64KiB", "1MB"],
    }

    @classmethod
    def parse(cls, text: object) -> Self:
        size = whole(read_quantity(text, BYTE_UNITS, "a size", "64KiB"), "a size", "a byte", 1 << 60)
        if size < 0:
            raise Refusal(f"a size cannot be negative, found {quoted(text)}")
        return cls(size)

    def __str__(self) -> str:
        return in_largest_unit(int(self), BYTE_UNITS)


class Fraction(Written, float):
    """A share of a whole, 0 to 1, written `0.01%` or `20ppm`."""

    schema: ClassVar[dict[str, Any]] = {
        "pattern": r"^[0-9]+(\.[0-9]+)? ?(%|ppm)$",
        "description": "a share between 0% and 100%: a number with % or ppm",
        "examples": ["0.01%", "20ppm"],
    }

    @classmethod
    def parse(cls, text: object) -> Self:
        share = read_quantity(text, SHARE_UNITS, "a fraction", "1%")
        if not 0 <= share <= 1:
            raise Refusal(f"a fraction lies between 0% and 100%, found {quoted(text)}")
        return cls(share.numerator / share.denominator)

    def __str__(self) -> str:
        return f"{plain_decimal(Exact(repr(float(self))) * 100)}%"


class Drift(Written, int):
    """How much too fast (or, negative, too slow) a clock runs, in integer parts per billion, written `20ppm`."""

    schema: ClassVar[dict[str, Any]] = {
        "pattern": r"^[-+]?[0-9]+(\.[0-9]+)? ?(%|ppm)$",
        "description": "how much too fast a clock runs: a number with ppm or %",
        "examples": ["20ppm", "-50ppm"],
    }

    @classmethod
    def parse(cls, text: object) -> Self:
        amount = read_quantity(text, SHARE_UNITS, "a drift", "20ppm") * 10**9
        ppb = whole(amount, "a drift", "0.001ppm", 10**9)
        if ppb <= -(10**9) // 2:
            raise Refusal(f"a clock cannot run slower than -50%, found {quoted(text)}")
        return cls(ppb)

    def __str__(self) -> str:
        return f"{plain_decimal(Exact(int(self), 1000))}ppm"


@dataclass(frozen=True, slots=True)
class Rate(Written):
    """So many a second: `17/s total` for all hosts together, `3/s each` for every one of them."""

    per_second: float
    scope: Literal["total", "each"]

    schema: ClassVar[dict[str, Any]] = {
        "pattern": r"^[0-9]+(\.[0-9]+)? ?[kM]? ?/ ?(s|min|h|d) +(total|each)$",
        "description": "a rate: a number with /s, /min, /h or /d and then total (all hosts together) or each",
        "examples": ["17/s total", "3/min each"],
    }

    @classmethod
    def parse(cls, text: object) -> Self:
        per_second, scope = _read_rate(text, "17/s total")
        if scope is None:
            raise Refusal(f"say whose rate: {quoted(f'{text} total')} (all hosts together) or {quoted(f'{text} each')}")
        if scope == "total":
            return cls(per_second, "total")
        if scope == "each":
            return cls(per_second, "each")
        near = nearest_quoted(scope, ("total", "each"))
        raise Refusal(f"unknown word {quoted(scope)} in rate {quoted(text)}; say total or each", near)

    def of_one(self, hosts: int) -> float:
        """Events per second of one of `hosts` hosts."""
        return self.per_second if self.scope == "each" else self.per_second / hosts

    def __str__(self) -> str:
        return f"{plain_decimal(Exact(repr(self.per_second)))}/s {self.scope}"


class Frequency(Written, float):
    """Events per second, > 0, where nobody has to say whose: `5/s`, `100/min`."""

    schema: ClassVar[dict[str, Any]] = {
        "pattern": r"^[0-9]+(\.[0-9]+)? ?[kM]? ?/ ?(s|min|h|d)$",
        "description": "a frequency: a number with /s, /min, /h or /d",
        "examples": ["5/s", "100/min"],
    }

    @classmethod
    def parse(cls, text: object) -> Self:
        per_second, scope = _read_rate(text, "5/s")
        if scope is not None:
            without = str(text).removesuffix(scope).rstrip()
            raise Refusal(f"{quoted(scope)} has no meaning here; write {quoted(without)}")
        return cls(per_second)

    def __str__(self) -> str:
        return f"{plain_decimal(Exact(repr(float(self))))}/s"


def _read_rate(text: object, example: str) -> tuple[float, str | None]:
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        with_unit = f"{text}{example.lstrip('0123456789')}"
        raise Refusal(f"a rate needs a unit: write for example {quoted(with_unit)}, not {quoted(text)}")
    if not isinstance(text, str):
        raise Refusal(f"expected a rate such as {quoted(example)}, found {kind_of(text)}")
    match = _RATE.match(text)
    if not match:
        raise Refusal(f"{quoted(text)} is not a rate; write for example {quoted(example)}")
    number, prefix, period, scope = match.groups()
    if period not in PERIODS:
        right = COMMON_SLIPS.get(period) or nearest_name(period, PERIODS)
        near = quoted(f"{number}{prefix}/{right}{f' {scope}' if scope else ''}") if right else None
        raise Refusal(f"unknown period {quoted(period)} in rate {quoted(text)}; say /s, /min, /h or /d", near)
    amount = Exact(number) * {"": 1, "k": 10**3, "M": 10**6}[prefix] / PERIODS[period]
    if not 0 < amount <= 10**12:
        raise Refusal(f"a rate lies above zero and below 1e12/s, found {quoted(text)}")
    return amount.numerator / amount.denominator, scope
