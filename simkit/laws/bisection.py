"""Where an increasing function reaches a value, by halving an interval.

It is deliberately slow and certain rather than fast: no derivative, no starting guess, and an answer as exact as
floating point can tell apart.
"""

from collections.abc import Callable
from math import isfinite

_STEPS = 2_000  # halving spans all of floating point in about 1,100 steps; more means that the function misbehaves


def crossing(function: Callable[[float], float], target: float, *, low: float = 0.0, high: float = 1.0) -> float:
    """Return the x >= `low` at which the increasing `function` reaches `target`.

    `high` is a first guess that is doubled as often as needed. A function that never gets there is a ValueError.
    """
    while function(high) < target:
        low, high = high, 2 * high
        if not isfinite(high):
            raise ValueError(f"the function never reaches {target}")
    for _ in range(_STEPS):
        middle = low + (high - low) / 2
        if middle <= low or middle >= high:
            break
        if function(middle) < target:
            low = middle
        else:
            high = middle
    return high
