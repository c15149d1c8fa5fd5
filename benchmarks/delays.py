"""The delays that all contenders of a work share, drawn before anything is timed.

They are whole nanoseconds, given both as integers and as float seconds, so that every contender gets its own unit.

The generator is numpy's, not simkit's: the input must not depend on what is measured.
"""

import numpy as np
from xxhash import xxh3_64_intdigest


def exponential_ns(name: str, count: int, mean_s: float) -> list[int]:
    """Return `count` exponentially distributed delays in nanoseconds, at least one each; the same for one `name`."""
    generator = np.random.default_rng(xxh3_64_intdigest(name.encode()))
    drawn = np.rint(generator.exponential(mean_s * 1e9, count)).astype(np.int64)
    return np.maximum(drawn, 1).tolist()  # type: ignore[no-any-return]


def seconds(delays_ns: list[int]) -> list[float]:
    """Return the same delays in seconds."""
    return [delay_ns / 1e9 for delay_ns in delays_ns]
