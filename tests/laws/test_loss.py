"""Kaufman-Roberts against the product form, summed over every mix of sessions that fits."""

from itertools import product
from math import factorial

import pytest

from simkit.laws import erlang, loss


def by_enumeration(capacity, loads, sizes):
    weights = {}
    for mix in product(*(range(capacity // size + 1) for size in sizes)):
        if sum(number * size for number, size in zip(mix, sizes, strict=True)) <= capacity:
            weight = 1.0
            for number, load in zip(mix, loads, strict=True):
                weight *= load**number / factorial(number)
            weights[mix] = weight
    total = sum(weights.values())

    def blocked(size):
        return sum(
            weight
            for mix, weight in weights.items()
            if sum(number * each for number, each in zip(mix, sizes, strict=True)) > capacity - size
        )

    return [blocked(size) / total for size in sizes]


def test_narrow_and_wide_sessions() -> None:
    blocked = loss.blocking_probabilities(capacity_units=20, loads_erlangs=(6, 2), sizes_units=(1, 4))
    assert blocked == pytest.approx((0.03979, 0.19738), abs=5e-6)


@pytest.mark.parametrize(
    ("capacity", "loads", "sizes"),
    [(20, (6, 2), (1, 4)), (12, (1.5, 1.0, 0.5), (1, 2, 5)), (7, (3.0, 2.0), (2, 3)), (6, (40.0, 9.0), (1, 2))],
)
def test_every_mix_counted(capacity: int, loads: tuple[float, ...], sizes: tuple[int, ...]) -> None:
    law = loss.blocking_probabilities(capacity_units=capacity, loads_erlangs=loads, sizes_units=sizes)
    assert law == pytest.approx(by_enumeration(capacity, loads, sizes))


def test_sessions_of_one_unit_are_erlang_b() -> None:
    (blocked,) = loss.blocking_probabilities(capacity_units=900, loads_erlangs=(880,), sizes_units=(1,))
    assert blocked == pytest.approx(erlang.blocking_probability(servers=900, load_erlangs=880))


def test_what_is_larger_than_the_pool_never_fits() -> None:
    blocked = loss.blocking_probabilities(capacity_units=3, loads_erlangs=(1, 1), sizes_units=(1, 4))
    assert blocked[1] == pytest.approx(1)
