"""Distributions of delays, sizes and service times, as small frozen values.

A distribution is a value: a scenario file names it, a report prints it, and `draw` takes exactly one draw of the
stream it is given, `Constant` too, so that replacing one distribution by another moves nothing else in the run.

It deliberately has no unit: durations are drawn in nanoseconds, and the caller rounds.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import exp, isfinite
from typing import Self

import numpy as np

from simkit.kernel import arrays
from simkit.kernel.stream import Stream


class Distribution(ABC):
    """What can be drawn from."""

    @abstractmethod
    def draw(self, stream: Stream) -> float:
        """Return one value; takes exactly one draw of `stream`."""

    @abstractmethod
    def values(self, bits: arrays.Bits) -> arrays.Floats:
        """Return the value of each of many draws of 64 bits, as `draw` would."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The expected value."""

    @abstractmethod
    def scaled(self, factor: float) -> Self:
        """Return the distribution of `factor` times the value."""


def _require(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(text)


@dataclass(frozen=True, slots=True)
class Constant(Distribution):
    """Always the same value."""

    value: float

    def __post_init__(self) -> None:
        _require(isfinite(self.value), "a constant must be finite")

    def draw(self, stream: Stream) -> float:
        stream.bits64()
        return self.value

    def values(self, bits: arrays.Bits) -> arrays.Floats:
        return np.full(len(bits), float(self.value))

    @property
    def mean(self) -> float:
        return self.value

    def scaled(self, factor: float) -> Self:
        return type(self)(self.value * factor)


@dataclass(frozen=True, slots=True)
class Uniform(Distribution):
    """Every value in [low, high) alike."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _require(isfinite(self.low) and isfinite(self.high) and self.low <= self.high, "uniform needs low <= high")

    def draw(self, stream: Stream) -> float:
        return stream.uniform(self.low, self.high)

    def values(self, bits: arrays.Bits) -> arrays.Floats:
        return self.low + (self.high - self.low) * arrays.unit(bits)

    @property
    def mean(self) -> float:
        return (self.low + self.high) / 2

    def scaled(self, factor: float) -> Self:
        return type(self)(self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Exponential(Distribution):
    """Memoryless, with the given mean."""

    average: float

    def __post_init__(self) -> None:
        _require(isfinite(self.average) and self.average >= 0, "exponential needs a mean >= 0")

    def draw(self, stream: Stream) -> float:
        return stream.exponential(self.average)

    def values(self, bits: arrays.Bits) -> arrays.Floats:
        return -self.average * arrays.log(1.0 - arrays.unit(bits))

    @property
    def mean(self) -> float:
        return self.average

    def scaled(self, factor: float) -> Self:
        return type(self)(self.average * factor)


@dataclass(frozen=True, slots=True)
class Normal(Distribution):
    """Gaussian; a caller that needs a duration cuts it off at zero."""

    average: float
    std: float

    def __post_init__(self) -> None:
        _require(isfinite(self.average) and isfinite(self.std) and self.std >= 0, "normal needs std >= 0")

    def draw(self, stream: Stream) -> float:
        return stream.normal(self.average, self.std)

    def values(self, bits: arrays.Bits) -> arrays.Floats:
        return self.average + self.std * arrays.standard_normal(bits)

    @property
    def mean(self) -> float:
        return self.average

    def scaled(self, factor: float) -> Self:
        return type(self)(self.average * factor, self.std * factor)


@dataclass(frozen=True, slots=True)
class LogNormal(Distribution):
    """The shape of most measured latencies: a median, and a tail that grows with sigma."""

    median: float
    sigma: float

    def __post_init__(self) -> None:
        _require(isfinite(self.median) and self.median >= 0, "lognormal needs a median >= 0")
        _require(isfinite(self.sigma) and 0 <= self.sigma <= 10, "lognormal needs 0 <= sigma <= 10")

    def draw(self, stream: Stream) -> float:
        return stream.lognormal(self.median, self.sigma)

    def values(self, bits: arrays.Bits) -> arrays.Floats:
        return self.median * arrays.exp(self.sigma * arrays.standard_normal(bits))

    @property
    def mean(self) -> float:
        return self.median * exp(self.sigma * self.sigma / 2)

    def scaled(self, factor: float) -> Self:
        return type(self)(self.median * factor, self.sigma)


@dataclass(frozen=True, slots=True)
class Empirical(Distribution):
    """Measured values: equally spaced quantiles from the smallest to the largest, with straight lines between."""

    quantiles: tuple[float, ...]

    def __post_init__(self) -> None:
        _require(len(self.quantiles) >= 2, "empirical needs at least two quantiles")
        _require(all(isfinite(q) for q in self.quantiles), "quantiles must be finite")
        _require(list(self.quantiles) == sorted(self.quantiles), "quantiles must not decrease")

    def draw(self, stream: Stream) -> float:
        place = stream.random() * (len(self.quantiles) - 1)
        index = int(place)
        low, high = self.quantiles[index], self.quantiles[index + 1]
        return low + (high - low) * (place - index)

    def values(self, bits: arrays.Bits) -> arrays.Floats:
        quantiles: arrays.Floats = np.array(self.quantiles)
        place = arrays.unit(bits) * (len(quantiles) - 1)
        index = place.astype(np.intp)
        low, high = quantiles[index], quantiles[index + 1]
        found: arrays.Floats = low + (high - low) * (place - index)
        return found

    @property
    def mean(self) -> float:
        q = self.quantiles
        return (sum(q) - (q[0] + q[-1]) / 2) / (len(q) - 1)

    def scaled(self, factor: float) -> Self:
        return type(self)(tuple(q * factor for q in self.quantiles))
