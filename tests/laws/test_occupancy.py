"""Birthdays and coupons against every sequence of draws, and against a round of draws that is really made."""

from itertools import product
from math import prod

import numpy as np
import pytest

from simkit.laws import occupancy


@pytest.mark.parametrize(("draws_made", "kinds"), [(1, 3), (2, 3), (4, 3), (5, 4), (4, 6)])
def test_every_sequence_counted(draws_made: int, kinds: int) -> None:
    sequences = list(product(range(kinds), repeat=draws_made))
    collided = sum(len(set(sequence)) < draws_made for sequence in sequences) / len(sequences)
    different = sum(len(set(sequence)) for sequence in sequences) / len(sequences)
    alone = sum(sum(sequence.count(kind) == 1 for kind in sequence) for sequence in sequences) / len(sequences)
    shared = sum(sequence[0] in sequence[1:] for sequence in sequences) / len(sequences)
    system = {"draws": draws_made, "kinds": kinds}
    assert occupancy.collision_probability(**system) == pytest.approx(collided)
    assert occupancy.mean_different(**system) == pytest.approx(different)
    assert occupancy.mean_alone(**system) == pytest.approx(alone)
    assert occupancy.shared_probability(**system) == pytest.approx(shared)
    assert occupancy.collision_bound(**system) >= collided


def test_twenty_three_people() -> None:
    assert occupancy.collision_probability(draws=23, kinds=365) == pytest.approx(
        1 - prod(1 - k / 365 for k in range(23))
    )
    assert occupancy.collision_probability(draws=23, kinds=365) == pytest.approx(0.5073, abs=5e-5)
    assert occupancy.collision_probability(draws=366, kinds=365) == 1


def test_the_long_and_the_short_way_agree() -> None:
    for kinds in (10**9, 10**10, 10**12):
        product_of_all = 1 - np.exp(np.log1p(-np.arange(100_001) / kinds).sum())
        assert occupancy.collision_probability(draws=100_001, kinds=kinds) == pytest.approx(product_of_all, abs=1e-9)


def test_identifiers_of_122_random_bits() -> None:
    assert occupancy.collision_probability(draws=10**12, kinds=2**122) == pytest.approx(
        occupancy.collision_bound(draws=10**12, kinds=2**122), rel=1e-9
    )
    assert occupancy.collision_probability(draws=10**12, kinds=2**122) == pytest.approx(9.4e-14, rel=0.01)


def test_collecting_all_kinds(draws: np.random.Generator) -> None:
    rolls = draws.integers(6, size=(20_000, 150))
    first_seen = np.stack([(rolls == kind).argmax(axis=1) for kind in range(6)])
    needed = first_seen.max(axis=0) + 1
    assert occupancy.mean_draws_to_collect(kinds=6) == pytest.approx(14.7)
    assert np.mean(needed) == pytest.approx(14.7, rel=0.02)
    assert np.var(needed) == pytest.approx(occupancy.variance_draws_to_collect(kinds=6), rel=0.05)


def test_collecting_some_kinds() -> None:
    assert occupancy.mean_draws_to_collect(kinds=6, wanted=1) == 1
    assert occupancy.mean_draws_to_collect(kinds=6, wanted=2) == pytest.approx(1 + 6 / 5)


@pytest.mark.parametrize(("attempts", "collides"), [(10, 0.1548), (30, 0.4185), (54, 0.6287)])
def test_fifty_four_preambles(attempts: int, collides: float) -> None:
    assert occupancy.shared_probability(draws=attempts, kinds=54) == pytest.approx(collides, abs=5e-5)
    assert occupancy.mean_alone(draws=54, kinds=54) == pytest.approx(20.05, abs=0.005)
