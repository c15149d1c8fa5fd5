"""Distributions of durations as people write them: `40ms`, `exp(1s)`, `uniform(1s, 2s)`, `{median: 0.5ms, p99: 4ms}`.

What comes out is a distribution of the kernel, in nanoseconds. `Distribution` is that type made fit for a field of a
pydantic model. What was measured can be given as it is: samples, or quantiles at equal steps. It is deliberately not a
general expression language: six shapes, each one draw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction as Exact
from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from simkit.kernel import arithmetic, distribution
from simkit.language.duration import Duration, exact_duration
from simkit.language.problem import Refusal, nearest_quoted, quoted

NORMAL_99 = 2.3263478740408408
"""The 99 % quantile of the standard normal distribution."""

SAMPLES_MAX = 10_000
_MEASURED = ("samples", "quantiles")
_CALL = re.compile(r"([a-z]{1,20})\s{0,4}\(([^()]{0,200})\)\Z")
_SHAPES: Mapping[str, tuple[str, ...]] = {
    "exp": ("mean",), "uniform": ("low", "high"), "normal": ("mean", "std"), "lognormal": ("median", "p99"),
}  # fmt: skip


def read_distribution(value: object) -> distribution.Distribution:
    """The kernel's distribution, in nanoseconds; raises `Refusal`."""
    if isinstance(value, distribution.Distribution):
        return value
    if isinstance(value, Mapping):
        return _of_map(value)
    if isinstance(value, str) and (match := _CALL.match(value)):
        return _called(match.group(1), match.group(2), value)
    if isinstance(value, str) and "(" in value:
        raise Refusal(f"{quoted(value)} is not a distribution; write for example `exp(1s)`")
    return distribution.Constant(float(Duration.parse(value)))


def _called(name: str, inside: str, text: str) -> distribution.Distribution:
    if name not in _SHAPES:
        message = f"unknown distribution {quoted(name)} in {quoted(text)}; there are {', '.join(_SHAPES)}"
        raise Refusal(message, nearest_quoted("exp" if name.startswith("exp") else name, _SHAPES))
    wanted = _SHAPES[name]
    parts = [part.strip() for part in inside.split(",")]
    if len(parts) != len(wanted):
        raise Refusal(f"{quoted(text)} needs {len(wanted)} of them: {name}({', '.join(wanted)})")
    numbers = [int(Duration.parse(part)) for part in parts]
    if name == "lognormal":
        return _log_normal(numbers[0], numbers[1])
    if name == "uniform" and numbers[0] > numbers[1]:
        raise Refusal(f"{quoted(text)}: the low end lies above the high end")
    make: Callable[..., distribution.Distribution] = {
        "exp": distribution.Exponential, "uniform": distribution.Uniform, "normal": distribution.Normal,
    }[name]  # fmt: skip
    return make(*map(float, numbers))


def _of_map(value: Mapping[Any, object]) -> distribution.Distribution:
    for key in value:
        if key not in ("median", "p99", *_MEASURED):
            message = f"unknown key {quoted(key)} in a distribution; write {{median: 0.5ms, p99: 4ms}}"
            raise Refusal(message, nearest_quoted(str(key), ("median", "p99", *_MEASURED)))
    for key in _MEASURED:
        if key in value:
            return _empirical(key, value)
    if len(value) != 2:
        raise Refusal("a distribution written as a map needs both `median` and `p99`")
    return _log_normal(int(Duration.parse(value["median"])), int(Duration.parse(value["p99"])))


def _empirical(key: str, value: Mapping[Any, object]) -> distribution.Distribution:
    measured = value[key]
    if len(value) != 1 or not isinstance(measured, (list, tuple)) or not 2 <= len(measured) <= SAMPLES_MAX:
        raise Refusal(f"{quoted(key)} takes a list of 2 to {SAMPLES_MAX:,} durations, and stands alone")
    numbers = [float(Duration.parse(each)) for each in measured]
    if key == "quantiles" and numbers != sorted(numbers):
        raise Refusal("quantiles do not decrease: they go from the smallest value to the largest at equal steps")
    return distribution.Empirical(tuple(sorted(numbers)))


def _log_normal(median_ns: int, p99_ns: int) -> distribution.Distribution:
    if median_ns <= 0 or p99_ns < median_ns:
        raise Refusal("a distribution needs 0 < median <= p99")
    sigma = arithmetic.log(p99_ns / median_ns) / NORMAL_99
    if sigma > 10:
        raise Refusal("a distribution whose p99 lies that far above its median has no use; at most about 10^10 times")
    return distribution.LogNormal(float(median_ns), sigma)


def format_distribution(value: distribution.Distribution) -> str:
    """As the language writes it; reads back to the same distribution up to a nanosecond."""
    match value:
        case distribution.Constant(value=ns):
            return exact_duration(round(ns))
        case distribution.Exponential():
            return f"exp({exact_duration(round(value.mean))})"
        case distribution.Uniform(low=low, high=high):
            return f"uniform({exact_duration(round(low))}, {exact_duration(round(high))})"
        case distribution.Normal(std=std):
            return f"normal({exact_duration(round(value.mean))}, {exact_duration(round(std))})"
        case distribution.LogNormal(median=median, sigma=sigma):
            p99 = median * arithmetic.exp(sigma * NORMAL_99)
            return f"lognormal({exact_duration(round(median))}, {exact_duration(_rounded(p99))})"
        case distribution.Empirical(quantiles=quantiles):
            return f"{{quantiles: [{', '.join(exact_duration(round(each)) for each in quantiles)}]}}"
    return str(value)


def _rounded(time_ns: float) -> int:
    """Ten significant digits, so that 4 ms that went through a logarithm is 4 ms again."""
    return round(Exact(f"{time_ns:.9e}"))


class _Annotation:
    """Teaches pydantic the kernel's type."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        shown = core_schema.plain_serializer_function_ser_schema(format_distribution, when_used="json")
        return core_schema.no_info_plain_validator_function(read_distribution, serialization=shown)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        duration = {"type": "string", "pattern": Duration.schema["pattern"]}
        number = Duration.schema["pattern"].strip("^$")
        call = rf"^(exp\( *{number} *\)|(uniform|normal|lognormal)\( *{number} *, *{number} *\))$"
        return {
            "description": "a distribution of durations",
            "examples": ["40ms", "exp(1s)", "uniform(1s, 2s)", "normal(10ms, 2ms)", "lognormal(0.5ms, 4ms)"],
            "anyOf": [
                duration,
                {"type": "string", "pattern": call},
                {
                    "type": "object",
                    "properties": {"median": duration, "p99": duration},
                    "required": ["median", "p99"],
                    "additionalProperties": False,
                },
                *(
                    {
                        "type": "object",
                        "description": meaning,
                        "properties": {key: {"type": "array", "items": duration, "minItems": 2}},
                        "required": [key],
                        "additionalProperties": False,
                    }
                    for key, meaning in (("samples", "measured values"), ("quantiles", "from the smallest on"))
                ),
            ],
        }


Distribution: TypeAlias = Annotated[distribution.Distribution, _Annotation]
"""A field of this type reads any of the forms above."""
