"""Reading `NUMBER UNIT` exactly, and what all quantity types share.

Numbers are read as exact fractions, never through binary floats, and a bare number is refused with a message that says
what to write. Deliberately not a units library: no arithmetic of dimensions, no conversion between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction as Exact
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from simkit.language.problem import Refusal, nearest_name, quoted

_NUMBER = r"[-+]?[0-9]{1,20}(?:\.[0-9]{1,20})?"
_QUANTITY = re.compile(rf"({_NUMBER})\s{{0,4}}([A-Za-zµ%][A-Za-z/%]{{0,9}})\Z")
_BARE = re.compile(rf"{_NUMBER}\Z")
COMMON_SLIPS: Mapping[str, str] = {
    "m": "min", "mins": "min", "minute": "min", "minutes": "min",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "µs": "us", "usec": "us", "msec": "ms", "hr": "h", "hour": "h", "hours": "h", "day": "d", "days": "d",
    "KB": "kB", "K": "KiB", "M": "MiB", "G": "GiB", "b": "B", "mb": "MB", "gb": "GB", "kb": "kB",
    "Mbps": "Mbit/s", "Gbps": "Gbit/s", "kbps": "kbit/s", "bps": "bit/s", "Gbit": "Gbit/s", "Mbit": "Mbit/s",
}  # fmt: skip


def read_quantity(text: object, units: Mapping[str, int] | Mapping[str, Exact], noun: str, example: str) -> Exact:
    """A number with one of `units`, exactly, in the base unit; raises `Refusal` saying what to write instead."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        raise Refusal(f"{noun} needs a unit: write for example {quoted(_with_unit(text, example))}, not {quoted(text)}")
    if not isinstance(text, str):
        raise Refusal(f"expected {noun} such as {quoted(example)}, found {kind_of(text)}")
    if _BARE.match(text):
        raise Refusal(f"{noun} needs a unit: write for example {quoted(_with_unit(text, example))}, not {quoted(text)}")
    match = _QUANTITY.match(text)
    if not match:
        raise Refusal(f"{quoted(text)} is not {noun}; write for example {quoted(example)}")
    number, unit = match.groups()
    if unit not in units:
        slip = COMMON_SLIPS.get(unit)
        right = slip if slip in units else nearest_name(unit, units)
        message = f"unknown unit {quoted(unit)} in {quoted(text)}; the units of {noun} are {' '.join(units)}"
        raise Refusal(message, quoted(f"{number}{right}") if right else None)
    return Exact(number) * units[unit]


def _with_unit(number: object, example: str) -> str:
    match = _QUANTITY.match(example)
    return f"{number}{match.group(2)}" if match else example


def kind_of(value: object) -> str:
    """What a plain value is, in words for an error."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return quoted("true" if value else "false")
    if isinstance(value, (dict, list, tuple)):
        return "a map" if isinstance(value, dict) else "a list"
    return quoted(value)


def whole(amount: Exact, noun: str, finest: str, most: int) -> int:
    if amount.denominator != 1:
        raise Refusal(f"{noun} finer than {finest}")
    if abs(amount.numerator) > most:
        raise Refusal(f"{noun} too large")
    return amount.numerator


class Written:
    """What the types below share: read from text, shown as text, described in JSON Schema."""

    schema: ClassVar[dict[str, Any]]

    @classmethod
    def parse(cls, text: object) -> Self:
        raise NotImplementedError

    @classmethod
    def _validate(cls, value: object) -> Self:
        return value if isinstance(value, cls) else cls.parse(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        shown = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(cls._validate, serialization=shown)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", **cls.schema}


def plain_decimal(number: Exact) -> str:
    """The number without exponent, trailing zeros or rounding, as far as 20 decimals go."""
    sign, size = ("-", -number) if number < 0 else ("", number)
    scaled = round(size * 10**20)
    whole, rest = divmod(scaled, 10**20)
    decimals = f"{rest:020d}".rstrip("0")
    return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"


def in_largest_unit(amount: int, units: Mapping[str, int]) -> str:
    """`amount` in the largest unit that divides it."""
    fitting = [(size, unit) for unit, size in units.items() if amount % size == 0]
    size, unit = max(fitting) if amount else min(fitting)
    return f"{amount // size}{unit}"
