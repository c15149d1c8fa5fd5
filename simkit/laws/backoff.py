"""Bounds of capped exponential backoff, with the usual kinds of jitter.

Symbols: the ceiling of the delay after failed attempt k (the first is 1) is min(cap, base factor^{k-1}). Jitter draws
the delay evenly between two bounds: `none` the ceiling itself, `equal` [ceiling/2, ceiling], `full` [0, ceiling],
`decorrelated` [base, 3 times the last delay], capped. Sources: M. Brooker, "Exponential Backoff And Jitter", AWS
Architecture Blog (2015); RFC 7252 section 4.8.2 for a timer stretched by a random factor.

It deliberately does not say how long contending clients take: that depends on what they contend for.
"""

from math import fsum, log
from typing import Literal

from simkit.laws import arguments

Jitter = Literal["none", "equal", "full", "decorrelated"]


def ceiling_s(attempt: int, *, base_s: float, cap_s: float, factor: float = 2.0) -> float:
    """Return the longest delay after failed attempt number `attempt` without jitter, min(cap, base factor^{k-1})."""
    arguments.count(attempt=attempt)
    _check(base_s, cap_s, factor)
    # The power is only taken while it is sure to be below the cap; beyond, it may not be a number any more.
    if factor > 1 and (attempt - 1) * log(factor) > log(cap_s / base_s) + 1:
        return cap_s
    return min(cap_s, base_s * factor ** (attempt - 1))


def delay_bounds_s(
    attempt: int, *, base_s: float, cap_s: float, jitter: Jitter = "full", factor: float = 2.0
) -> tuple[float, float]:
    """Return the shortest and the longest delay after failed attempt number `attempt`.

    `factor` is not used by decorrelated jitter, whose bound grows threefold.
    """
    longest_s = ceiling_s(attempt, base_s=base_s, cap_s=cap_s, factor=factor)
    match jitter:
        case "none":
            return longest_s, longest_s
        case "equal":
            return longest_s / 2, longest_s
        case "full":
            return 0.0, longest_s
        case "decorrelated":
            return base_s, ceiling_s(attempt + 1, base_s=base_s, cap_s=cap_s, factor=3.0)
        case _:
            raise ValueError(f"jitter must be none, equal, full or decorrelated, not {jitter!r}")


def mean_delay_s(
    attempt: int, *, base_s: float, cap_s: float, jitter: Literal["none", "equal", "full"] = "full", factor: float = 2.0
) -> float:
    """Return the mean delay after failed attempt number `attempt`: the middle between its bounds."""
    if jitter not in ("none", "equal", "full"):
        raise ValueError(f"jitter must be none, equal or full, not {jitter!r}: a capped chain has no simple mean")
    shortest_s, longest_s = delay_bounds_s(attempt, base_s=base_s, cap_s=cap_s, jitter=jitter, factor=factor)
    return (shortest_s + longest_s) / 2


def total_bounds_s(
    attempts: int, *, base_s: float, cap_s: float, jitter: Jitter = "full", factor: float = 2.0
) -> tuple[float, float]:
    """Return the shortest and the longest sum of the delays after the first `attempts` failed attempts."""
    arguments.count(0, attempts=attempts)
    _check(base_s, cap_s, factor)
    bounds = [
        delay_bounds_s(attempt, base_s=base_s, cap_s=cap_s, jitter=jitter, factor=factor)
        for attempt in range(1, attempts + 1)
    ]
    return fsum(shortest for shortest, _ in bounds), fsum(longest for _, longest in bounds)


def _check(base_s: float, cap_s: float, factor: float) -> None:
    arguments.positive(base_s=base_s, cap_s=cap_s, factor=factor)
    if factor < 1:
        raise ValueError(f"factor must be at least 1, not {factor}")
    if cap_s < base_s:
        raise ValueError(f"cap_s must be at least base_s, not {cap_s} < {base_s}")
