"""The slowest of n against n that are really drawn."""

from math import log

import numpy as np
import pytest

from simkit.laws import order_statistics


@pytest.mark.parametrize("rank", [1, 3, 5])
def test_the_kth_of_five(rank: int, draws: np.random.Generator) -> None:
    times = np.sort(draws.exponential(2.0, (100_000, 5)), axis=1)[:, rank - 1]
    mean_s = order_statistics.mean_kth_of_exponentials_s(rank, number=5, mean_s=2)
    variance_s2 = order_statistics.variance_kth_of_exponentials_s2(rank, number=5, mean_s=2)
    assert times.mean() == pytest.approx(mean_s, rel=0.02)
    assert times.var() == pytest.approx(variance_s2, rel=0.03)


def test_the_longest_of_five(draws: np.random.Generator) -> None:
    times = draws.exponential(2.0, (100_000, 5)).max(axis=1)
    assert times.mean() == pytest.approx(order_statistics.mean_maximum_of_exponentials_s(number=5, mean_s=2), rel=0.02)
    late_s = order_statistics.maximum_quantile_of_exponentials_s(0.99, number=5, mean_s=2)
    assert (times > late_s).mean() == pytest.approx(0.01, rel=0.1)


@pytest.mark.parametrize(("number", "sum_of_parts"), [(0, 0.0), (1, 1.0), (4, 2.0833), (8, 2.7179), (16, 3.3807)])
def test_harmonic_numbers(number: int, sum_of_parts: float) -> None:
    assert order_statistics.harmonic(number) == pytest.approx(sum_of_parts, abs=5e-5)


def test_the_median_of_one_is_that_of_the_exponential() -> None:
    assert order_statistics.maximum_quantile_of_exponentials_s(0.5, number=1, mean_s=3) == pytest.approx(3 * log(2))


@pytest.mark.parametrize(
    ("number", "probability", "some"), [(100, 0.01, 0.634), (2_000, 1e-4, 0.1813), (1_000, 0.001, 0.6323)]
)
def test_rare_becomes_common_in_a_fan_out(number: int, probability: float, some: float) -> None:
    assert order_statistics.any_of(number=number, probability=probability) == pytest.approx(some, abs=5e-5)
    assert order_statistics.any_of(number=number, probability=probability) == pytest.approx(
        1 - (1 - probability) ** number
    )


def test_certain_and_impossible() -> None:
    assert order_statistics.any_of(number=0, probability=1) == 0
    assert order_statistics.any_of(number=3, probability=1) == 1
    assert order_statistics.any_of(number=3, probability=0) == 0


def test_half_of_the_queries_exceed_the_tail_of_one_shard() -> None:
    assert order_statistics.any_of(number=69, probability=0.01) == pytest.approx(0.5002, abs=5e-5)
    assert order_statistics.member_quantile(0.5, number=69) == pytest.approx(0.99, abs=5e-5)
