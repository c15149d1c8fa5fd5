"""Many random streams at once, one for each individual of a population, drawn from by arrays.

Draw k of individual i is a pure function of the seed, the name, i and k, as with `stream`: neither who else draws at
the same time nor in which order moves anything. The function is SplitMix64 (Steele, Lea and Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014), a counter through a mixing function: each individual's generator begins
where mixing the key and its number leads. What is kept is how often each has drawn, four bytes.

They deliberately have no method that takes a number of draws that depends on what is drawn.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from simkit.kernel import arrays
from simkit.kernel.core import compiled

Floats = NDArray[np.float64]
Individuals = NDArray[np.integer[Any]]

GOLDEN_GAMMA: Final = 0x9E37_79B9_7F4A_7C15
"""The odd integer nearest to 2**64 divided by the golden ratio, by which SplitMix64 counts."""

_GAMMA = np.uint64(GOLDEN_GAMMA)
_FIRST, _SECOND = np.uint64(0xBF58_476D_1CE4_E5B9), np.uint64(0x94D0_49BB_1331_11EB)
_30, _27, _31, _32 = (np.uint64(bits) for bits in (30, 27, 31, 32))
_LOW = np.uint64(2**32 - 1)


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix in place: Stafford's variant 13 of the finalizer of MurmurHash3, as in SplitMix64."""
    z ^= z >> _30
    z *= _FIRST
    z ^= z >> _27
    z *= _SECOND
    z ^= z >> _31
    return z


def _draw(key: int, individuals: NDArray[np.int64], counts: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return the next draw of each individual, and count it. IndexError if there is no such individual."""
    if len(individuals) and individuals.min() < 0:
        raise IndexError(f"there is no individual {individuals.min()} among {len(counts)}")
    z = individuals.astype(np.uint64)
    z *= _GAMMA
    z += np.uint64(key)
    _mix(z)
    taken = counts[individuals] + np.uint32(1)
    counts[individuals] = taken
    z += taken * _GAMMA
    return _mix(z)


def _draw_compiled(key: int, individuals: NDArray[np.int64], counts: NDArray[np.uint32]) -> NDArray[np.uint64]:
    drawn = np.empty(len(individuals), dtype=np.uint64)
    compiled.draw_all(key, individuals, counts, drawn)
    return drawn


draw = _draw if compiled is None else _draw_compiled


class Streams:
    """The streams of one name, of a population; every method takes one draw of each individual that it is given.

    Individuals are given by their numbers, from 0, each at most once; IndexError if there is none of a number.

    Args:
        seed: the seed of the run.
        name: what the draws are for.
        count: how many individuals there are.
    """

    __slots__ = ("__weakref__", "_counts", "_key", "name")

    def __init__(self, seed: int, name: str, count: int) -> None:
        self.name = name
        self._counts = np.zeros(count, dtype=np.uint32)
        self.begin_anew(seed)

    def begin_anew(self, seed: int) -> None:
        """Draw from now on what the streams of this name draw with another seed, from their first draws on."""
        self._key = xxh3_64_intdigest(self.name.encode(), seed & 0xFFFF_FFFF_FFFF_FFFF)
        self._counts[:] = 0

    def bits64(self, individuals: Individuals) -> NDArray[np.uint64]:
        """Return the next draw of each as an integer in [0, 2**64)."""
        return draw(self._key, np.ascontiguousarray(individuals, dtype=np.int64), self._counts)

    def random(self, individuals: Individuals) -> Floats:
        """Return floats in [0, 1) with 53 random bits."""
        return arrays.unit(self.bits64(individuals))

    def below(self, individuals: Individuals, n: int) -> NDArray[np.int64]:
        """Return integers in [0, n), n at most 2**32; the bias is below n / 2**64. ValueError if there are none."""
        if not 0 < n <= 2**32:
            raise ValueError(f"an integer is drawn from [0, n) with n from 1 to 2**32, not {n}")
        bits, wide = self.bits64(individuals), np.uint64(n)
        # The upper half of a product of 96 bits, in two steps of 64.
        carried = ((bits & _LOW) * wide) >> _32
        return (((bits >> _32) * wide + carried) >> _32).astype(np.int64)

    def chance(self, individuals: Individuals, p: float | Floats) -> NDArray[np.bool_]:
        """Return True with probability `p`."""
        return self.random(individuals) < p

    def uniform(self, individuals: Individuals, low: float | Floats, high: float | Floats) -> Floats:
        """Return floats in [low, high)."""
        return low + (high - low) * self.random(individuals)

    def exponential(self, individuals: Individuals, mean: float | Floats) -> Floats:
        """Return exponentially distributed floats with the given mean."""
        return -mean * arrays.log(1.0 - self.random(individuals))

    def standard_normal(self, individuals: Individuals) -> Floats:
        """Return normally distributed floats with mean 0 and standard deviation 1."""
        return arrays.standard_normal(self.bits64(individuals))

    def normal(self, individuals: Individuals, mean: float | Floats, std: float | Floats) -> Floats:
        """Return normally distributed floats."""
        return mean + std * self.standard_normal(individuals)

    def lognormal(self, individuals: Individuals, median: float | Floats, sigma: float | Floats) -> Floats:
        """Return floats whose logarithm is normal; `sigma` is the standard deviation of the logarithm."""
        return median * arrays.exp(sigma * self.standard_normal(individuals))
