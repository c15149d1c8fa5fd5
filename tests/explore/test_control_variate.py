"""A control narrows an interval and moves no mean, and draws that are not the law's are found out."""

import numpy as np
import pytest

from simkit.explore.control_variate import controlled
from simkit.laws import erlang

ARRIVALS_PER_S = 1.0
RUNS = 12_000
SEEDS = 30  # runs of one experiment
WARM_UP, JOBS = 50, 450


@pytest.fixture(scope="module")
def mean_waits() -> tuple[np.ndarray, np.ndarray]:
    """Mean waits of 12,000 runs of M/M/2 with a mean service of 1 s, and of the same arrivals where all take 0.9 s."""
    draws = np.random.default_rng(20_260_101)
    gaps = draws.exponential(1 / ARRIVALS_PER_S, (JOBS, RUNS))
    services = draws.exponential(1.0, (JOBS, RUNS))
    return kiefer_wolfowitz(gaps, services), kiefer_wolfowitz(gaps, 0.9 * services)


def kiefer_wolfowitz(gaps: np.ndarray, services: np.ndarray) -> np.ndarray:
    """Return the mean wait of each run (a column): the recursion of the work that each of two servers has left."""
    work = np.zeros((2, gaps.shape[1]))
    total = np.zeros(gaps.shape[1])
    for number in range(len(gaps)):
        work = np.sort(np.maximum(work - gaps[number], 0.0), axis=0)
        if number >= WARM_UP:
            total += work[0]
        work[0] += services[number]
    return total / (len(gaps) - WARM_UP)


def law(service_s: float) -> float:
    return erlang.mean_wait_s(servers=2, arrivals_per_s=ARRIVALS_PER_S, service_s=service_s)


def test_the_estimate_of_a_queue_is_unbiased_and_its_interval_holds_the_law(
    mean_waits: tuple[np.ndarray, np.ndarray],
) -> None:
    experiments = [
        controlled(samples.tolist(), controls.tolist(), law(0.9))
        for samples, controls in zip(*(np.split(each, RUNS // SEEDS) for each in mean_waits), strict=True)
    ]
    means = np.array([each.estimate.mean for each in experiments])
    assert means.mean() == pytest.approx(law(1.0), abs=4 * means.std() / np.sqrt(len(means)))
    assert np.mean([law(1.0) in each.estimate.interval for each in experiments]) == pytest.approx(0.95, abs=0.04)
    assert np.mean([each.fits for each in experiments]) > 0.98
    assert np.median([each.worth for each in experiments]) > 5


def test_a_control_that_has_nothing_to_do_with_the_number_makes_it_uncertain_and_not_wrong() -> None:
    draws = np.random.default_rng(7)
    experiments = [
        controlled(draws.normal(3, 1, 20).tolist(), draws.normal(5, 1, 20).tolist(), 5.0) for _ in range(1_000)
    ]
    assert np.mean([3.0 in each.estimate.interval for each in experiments]) == pytest.approx(0.95, abs=0.03)
    assert np.median([each.worth for each in experiments]) == pytest.approx(0.5, abs=0.05)


def test_a_correction_by_hand() -> None:
    one = controlled([1.0, 3.0, 2.0, 4.0], [0.0, 1.0, 2.0, 3.0], 1.0, slope=0.8)
    # What is left: 1.8, 3.0, 1.2, 2.4, which are 2.1 and -0.3, 0.9, -0.9, 0.3.
    assert one.estimate.mean == pytest.approx(2.5 - 0.8 * 0.5)
    assert one.estimate.standard_error == pytest.approx((1.8 / 3 / 4) ** 0.5)
    assert one.estimate.interval.half_width == pytest.approx(3.182 * one.estimate.standard_error, abs=1e-3)
    assert one.plain.mean == 2.5
    assert (one.control.mean, one.expected, one.estimate.degrees) == (1.5, 1.0, 3)


def test_draws_that_are_not_those_of_the_law_are_found_out(mean_waits: tuple[np.ndarray, np.ndarray]) -> None:
    samples, controls = (each[:50].tolist() for each in mean_waits)
    assert controlled(samples, controls, law(0.9)).fits
    wrong = controlled(samples, controls, law(1.0))
    assert not wrong.fits
    assert law(0.9) in wrong.control.interval


def test_one_run_tells_nothing_of_how_far_it_may_be_off() -> None:
    one = controlled([1.0], [2.0], 2.0)
    assert one.estimate.interval.half_width == np.inf
    assert one.worth == 1.0


def test_every_number_needs_its_control() -> None:
    with pytest.raises(ValueError, match="3 samples and 2 controls"):
        controlled([1.0, 2.0, 3.0], [1.0, 2.0], 1.0)
