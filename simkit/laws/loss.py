"""Sessions of several sizes on one pool of units: who does not find all the units it needs free is turned away.

Symbols: C units in all; class k offers a_k erlangs (arrival rate times mean holding time) of sessions of b_k units
each. Holds for every distribution of the holding time. Sources: J. S. Kaufman, "Blocking in a Shared Resource
Environment", IEEE Transactions on Communications 29(10) (1981); J. W. Roberts (1981), independently.

It deliberately has no reservation: all classes share all units (complete sharing).
"""

from collections.abc import Sequence
from math import fsum

from simkit.laws import arguments

_LARGE = 1e200


def occupancy_probabilities(
    *, capacity_units: int, loads_erlangs: Sequence[float], sizes_units: Sequence[int]
) -> tuple[float, ...]:
    """Return the shares of time with 0, 1, ..., C units taken.

    n q(n) = sum_k a_k b_k q(n - b_k), normalised (the Kaufman-Roberts recursion).
    """
    arguments.count(capacity_units=capacity_units)
    arguments.same_length(loads_erlangs=len(loads_erlangs), sizes_units=len(sizes_units))
    for load_erlangs, size_units in zip(loads_erlangs, sizes_units, strict=True):
        arguments.not_negative(loads_erlangs=load_erlangs)
        arguments.count(sizes_units=size_units)
    weights = [1.0]
    for taken in range(1, capacity_units + 1):
        flow = fsum(
            load * size * weights[taken - size]
            for load, size in zip(loads_erlangs, sizes_units, strict=True)
            if size <= taken
        )
        weights.append(flow / taken)
        if weights[-1] > _LARGE:
            weights = [weight / _LARGE for weight in weights]
    total = fsum(weights)
    return tuple(weight / total for weight in weights)


def blocking_probabilities(
    *, capacity_units: int, loads_erlangs: Sequence[float], sizes_units: Sequence[int]
) -> tuple[float, ...]:
    """Return the share of each class's sessions that is turned away, sum_{n > C - b_k} q(n)."""
    shares = occupancy_probabilities(
        capacity_units=capacity_units, loads_erlangs=loads_erlangs, sizes_units=sizes_units
    )
    return tuple(fsum(shares[max(0, capacity_units - size + 1) :]) for size in sizes_units)
