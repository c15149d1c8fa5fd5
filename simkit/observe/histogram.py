"""A bag of values that is exact while it is small and a log-scaled integer histogram when it has grown.

The buckets are those of HdrHistogram (Gil Tene): each power of two is cut into 64 equal parts,
so a bucket's middle differs from any value in it by less than 0.8 %. A bucket's number comes from the exact binary
exponent of the value, never from a logarithm, so it is the same on every machine; two bags merge by adding counts.

It deliberately knows neither time nor names: metrics put one bag wherever they need one.
"""

from collections.abc import Iterable
from math import ceil, fsum, ldexp

import numpy as np
from numpy.typing import NDArray

PARTS = 64
"""Equal parts of one power of two; the relative error of a bucket's middle is at most 1 / (2 * PARTS)."""

_ZERO = 0
_OFFSET = 1_100 * PARTS  # larger than any binary exponent times PARTS, so that every bucket of a positive value is > 0


def buckets_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bucket number of each value; negative values mirror positive ones, zero has its own."""
    mantissa, exponent = np.frexp(np.abs(values))
    part = ((mantissa * 2.0 - 1.0) * PARTS).astype(np.int64)
    bucket = exponent.astype(np.int64) * PARTS + part + _OFFSET
    return np.where(values == 0.0, _ZERO, np.where(values < 0.0, -bucket, bucket))


def middle_of(bucket: int) -> float:
    """Return the middle of a bucket."""
    if bucket == _ZERO:
        return 0.0
    exponent, part = divmod(abs(bucket) - _OFFSET, PARTS)
    middle = ldexp(0.5 + (part + 0.5) / (2 * PARTS), exponent)
    return middle if bucket > 0 else -middle


class Bag:
    """Values of which count, mean, extremes and quantiles are wanted.

    `exact` says whether no value has been put into a bucket yet. Minimum, maximum, mean and count are always exact.
    """

    __slots__ = ("_counts", "_sums", "_values", "count", "maximum", "minimum")

    def __init__(self, values: Iterable[float] = ()) -> None:
        array = np.asarray(values if isinstance(values, np.ndarray) else list(values), dtype=np.float64)
        self._values: NDArray[np.float64] | None = np.sort(array)
        self._counts: dict[int, int] = {}
        self._sums: list[float] = []
        self.count = int(array.size)
        self.minimum = float(self._values[0]) if array.size else 0.0
        self.maximum = float(self._values[-1]) if array.size else 0.0

    @property
    def exact(self) -> bool:
        """Whether every value is still known."""
        return self._values is not None

    @property
    def mean(self) -> float:
        """The arithmetic mean, 0 for an empty bag; the sum is correctly rounded, so order cannot matter."""
        total = fsum(self._values) if self._values is not None else fsum(self._sums)
        return total / self.count if self.count else 0.0

    def fold(self) -> "Bag":
        """Put every value into its bucket, which frees the memory of exact values. Returns itself."""
        if self._values is not None:
            numbers, counts = np.unique(buckets_of(self._values), return_counts=True)
            self._counts = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
            self._sums = [fsum(self._values)]
            self._values = None
        return self

    def merge(self, other: "Bag") -> None:
        """Add the values of another bag; the result is exact when both are."""
        if other.count == 0:
            return
        lowest, highest = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        self.minimum, self.maximum = (lowest, highest) if self.count else (other.minimum, other.maximum)
        self.count += other.count
        if self._values is not None and other._values is not None:
            self._values = np.sort(np.concatenate((self._values, other._values)))
            return
        self.fold()
        counts, sums = other._counts, other._sums
        if other._values is not None:
            folded = Bag(other._values).fold()
            counts, sums = folded._counts, folded._sums
        for bucket, count in counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
        self._sums = [fsum(self._sums + sums)]

    def quantile(self, fraction: float) -> float:
        """Return the smallest value that at least `fraction` of all values do not exceed (nearest rank); 0 if empty."""
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"a quantile is a fraction between 0 and 1, not {fraction}")
        if self.count == 0:
            return 0.0
        rank = max(1, min(self.count, ceil(fraction * self.count)))
        if self._values is not None:
            return float(self._values[rank - 1])
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= rank:
                return min(max(middle_of(bucket), self.minimum), self.maximum)
        return self.maximum
