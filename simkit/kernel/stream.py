"""Named streams of random numbers in which draw k is a pure function of (seed, name, k).

The generator is Philox4x64-10 (Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011):
counter-based, so that the size of the blocks in which numbers are computed cannot matter, and one more draw in one
stream cannot move a draw in another. Every distribution takes exactly one draw, for the same reason.

It is deliberately not `random.Random`: no hidden state, no rejection loops, no C library on the way.
"""

from collections.abc import MutableSequence, Sequence
from struct import pack
from typing import TypeVar

import numpy as np
from numpy.random import Philox
from xxhash import xxh3_64_intdigest, xxh3_128_intdigest

from simkit.kernel import arithmetic
from simkit.kernel.core import compiled

T = TypeVar("T")

# One generator for all streams: making one reads the machine's entropy, and only its counter and key matter here.
_PHILOX = Philox(key=0)
_WORD = 2**64 - 1


def philox(key: int, counter: int, count: int) -> list[int]:
    """Return `count` outputs of Philox4x64-10 for counters from `counter` + 1 on, four for each counter.

    Args:
        key: 128 bits.
        counter: 64 bits are used; a stream has room for 2**66 draws.
        count: how many 64-bit integers, a multiple of four.
    """
    _PHILOX.state = {
        "bit_generator": "Philox",
        "state": {
            "counter": np.array([counter & _WORD, 0, 0, 0], dtype=np.uint64),
            "key": np.array([key & _WORD, key >> 64], dtype=np.uint64),
        },
        "buffer": np.zeros(4, dtype=np.uint64),
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    outputs: list[int] = _PHILOX.random_raw(count).tolist()
    return outputs


_TO_UNIT = 2.0**-53
_BLOCK_MIN, _BLOCK_MAX = 8, 2048


class Draws:
    """The draws of a stream, one after the other.

    Twin of `core/stream.c`, which takes its place where the compiled core runs.

    Args:
        name: of the stream.
        key: 128 bits.
    """

    __slots__ = ("_block", "_counter", "_key", "_size", "name")

    def __init__(self, name: str, key: int) -> None:
        self.name = name
        self._key = key
        self._counter = 0
        self._size = _BLOCK_MIN
        self._block: list[int] = []

    def bits64(self) -> int:
        """Return the next draw as an integer in [0, 2**64)."""
        if not self._block:
            self._refill()
        return self._block.pop()

    def _refill(self) -> None:
        # Four numbers a counter value; blocks grow because most streams of a large world are hardly used.
        self._block = philox(self._key, self._counter, self._size)
        self._block.reverse()
        self._counter += self._size // 4
        self._size = min(_BLOCK_MAX, self._size * 4)

    def random(self) -> float:
        """Return a float in [0, 1) with 53 random bits."""
        return (self.bits64() >> 11) * _TO_UNIT

    def below(self, n: int) -> int:
        """Return an integer in [0, n); the bias is below n / 2**64, the price of taking exactly one draw."""
        if n <= 0:
            raise ValueError(f"no integer in [0, {n})")
        return (self.bits64() * n) >> 64

    def chance(self, p: float) -> bool:
        """Return True with probability `p`."""
        return self.random() < p

    def uniform(self, low: float, high: float) -> float:
        """Return a float in [low, high)."""
        return low + (high - low) * self.random()

    def exponential(self, mean: float) -> float:
        """Return an exponentially distributed float with the given mean."""
        return -mean * arithmetic.log(1.0 - self.random())

    def standard_normal(self) -> float:
        """Return a normally distributed float with mean 0 and standard deviation 1."""
        return arithmetic.normal_quantile(((self.bits64() >> 12) + 0.5) * 2.0**-52)

    def normal(self, mean: float, std: float) -> float:
        """Return a normally distributed float."""
        return mean + std * self.standard_normal()

    def lognormal(self, median: float, sigma: float) -> float:
        """Return a float whose logarithm is normal; `sigma` is the standard deviation of the logarithm."""
        return median * arithmetic.exp(sigma * self.standard_normal())

    def bytes(self, n: int) -> bytes:
        """Return `n` random bytes; takes one draw for every eight."""
        count = -(-n // 8)
        block = self._block
        if 0 < count <= len(block):
            words = block[: -count - 1 : -1]
            del block[-count:]
        else:
            words = [self.bits64() for _ in range(count)]
        return pack(f"<{count}Q", *words)[:n]


if compiled is not None:
    Draws = compiled.Draws  # type: ignore[misc]


def _key(seed: int, name: str) -> int:
    return xxh3_128_intdigest(name.encode(), seed & _WORD)


def branched(seed: int, time_ns: int, number: int) -> int:
    """Return the seed of branch `number` of what has been drawn with `seed` until `time_ns`."""
    return xxh3_64_intdigest(f"branch {number} at {time_ns}".encode(), seed & _WORD)


class Stream(Draws):
    """One named stream of draws.

    Args:
        seed: the seed of the run; one seed rules all streams.
        name: what the draws are for, for example ``"network/a->b"``.
    """

    __slots__ = ()

    def __init__(self, seed: int, name: str) -> None:
        super().__init__(name, _key(seed, name))

    def begin_anew(self, seed: int) -> None:
        """Draw from now on what the stream of this name draws with another seed, from its first draw on."""
        super().__init__(self.name, _key(seed, self.name))

    def choice(self, sequence: Sequence[T]) -> T:
        """Return one element of a non-empty sequence."""
        return sequence[self.below(len(sequence))]

    def sample(self, sequence: Sequence[T], k: int) -> list[T]:
        """Return `k` different elements in random order; takes k draws."""
        if not 0 <= k <= len(sequence):
            raise ValueError(f"cannot take {k} of {len(sequence)}")
        pool = list(sequence)
        for i in range(k):
            j = i + self.below(len(pool) - i)
            pool[i], pool[j] = pool[j], pool[i]
        return pool[:k]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Put `items` into random order in place (Fisher-Yates); takes len(items) draws."""
        items[:] = self.sample(items, len(items))
