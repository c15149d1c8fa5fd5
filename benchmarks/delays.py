"""The delays that all contenders of a work share, drawn before anything is timed.

They are whole nanoseconds, given both as integers and as float seconds, so that every contender gets its own unit. A
row of them lies in one piece: numbers that lie about in memory would cost every contender a part of what is measured.

The generator is numpy's, not simkit's: the input must not depend on what is measured.
"""

from array import array
from collections.abc import Sequence

import numpy as np
from xxhash import xxh3_64_intdigest


def exponential_ns(name: str, count: int, mean_s: float) -> list[int]:
    """Return `count` exponentially distributed delays in nanoseconds, at least one each; the same for one `name`."""
    generator = np.random.default_rng(xxh3_64_intdigest(name.encode()))
    drawn = np.rint(generator.exponential(mean_s * 1e9, count)).astype(np.int64)
    return np.maximum(drawn, 1).tolist()  # type: ignore[no-any-return]


def nanoseconds(delays_ns: Sequence[int]) -> Sequence[int]:
    """Return the same delays in a row."""
    return array("q", delays_ns)


def seconds(delays_ns: Sequence[int]) -> Sequence[float]:
    """Return the same delays in seconds, in a row."""
    return array("d", [delay_ns / 1e9 for delay_ns in delays_ns])
