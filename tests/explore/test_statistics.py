"""Intervals that cover what they promise, warm-ups that are found, and verdicts of figures."""

from math import inf, isinf

import numpy as np
import pytest

from simkit.explore.statistics import (
    Estimate,
    Interval,
    Tolerance,
    batch_means,
    compare,
    paired_differences,
    rate,
    replications,
    warm_up,
    welch_average,
)


@pytest.fixture
def draws() -> np.random.Generator:
    return np.random.default_rng(20_260_101)


def autoregressive(draws: np.random.Generator, length: int, memory: float, begin: float = 0.0) -> np.ndarray:
    """Return a series of mean 0 in which each value keeps a share of the last."""
    noise, value, series = draws.normal(size=length).tolist(), begin, []
    for shock in noise:
        value = memory * value + shock
        series.append(value)
    return np.array(series)


# -- replications


def test_a_mean_of_five_seeds_by_hand() -> None:
    estimate = replications([1.20, 1.10, 1.30, 1.00, 1.40])
    assert estimate.mean == pytest.approx(1.2)
    assert estimate.standard_error == pytest.approx(0.0707107)
    assert estimate.interval.half_width == pytest.approx(2.776 * 0.0707107, abs=1e-4)
    assert (estimate.count, estimate.degrees) == (5, 4)
    assert 1.2 in estimate.interval
    assert 1.4 not in estimate.interval


def test_intervals_hold_the_truth_as_often_as_they_say(draws: np.random.Generator) -> None:
    samples = draws.normal(3.0, 2.0, size=(1_000, 4))
    for confidence in (0.8, 0.95):
        held = [3.0 in replications(row, confidence=confidence).interval for row in samples.tolist()]
        assert np.mean(held) == pytest.approx(confidence, abs=0.03)


def test_one_seed_says_nothing_about_the_spread() -> None:
    interval = replications([4.2]).interval
    assert isinf(interval.low)
    assert interval.half_width == inf


def test_equal_samples_are_certain_in_spite_of_rounding() -> None:
    estimate = replications([0.1] * 7)
    assert (estimate.mean, estimate.standard_error) == (0.1, 0)
    assert estimate.interval == Interval(0.1, 0.1)


def test_samples_that_are_no_numbers_are_refused() -> None:
    for samples in ([], [1.0, float("nan")], [1.0, inf], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="sample"):
            replications(samples)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="confidence"):
        replications([1.0, 2.0], confidence=1.0)


def test_pairs_take_out_what_both_have_in_common(draws: np.random.Generator) -> None:
    shared = draws.normal(100, 30, 20)
    slow, fast = shared + draws.normal(1, 0.1, 20), shared
    difference = paired_differences(slow.tolist(), fast.tolist())
    assert 1.0 in difference.interval
    assert difference.interval.half_width < 0.1 < replications(slow.tolist()).interval.half_width
    with pytest.raises(ValueError, match="as many of each"):
        paired_differences([1.0, 2.0], [1.0])


# -- rates


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634)]
)
def test_wilsons_interval(successes: int, trials: int, low: float, high: float) -> None:
    interval = rate(successes, trials).interval
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_wilsons_ends_are_where_the_score_test_turns() -> None:
    interval = rate(7, 50).interval
    for edge in (interval.low, interval.high):
        assert abs(7 / 50 - edge) / (edge * (1 - edge) / 50) ** 0.5 == pytest.approx(1.959964, abs=1e-6)


def test_a_rate_needs_trials() -> None:
    for successes, trials in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="trials"):
            rate(successes, trials)


# -- one long run


def test_batches_of_a_series_without_memory_are_uncorrelated(draws: np.random.Generator) -> None:
    series = draws.normal(5.0, 1.0, (200, 203))
    results = [batch_means(row.tolist()) for row in series]
    assert {(result.batch_size, result.dropped) for result in results} == {(10, 3)}
    assert np.mean([result.uncorrelated for result in results]) == pytest.approx(0.95, abs=0.05)
    assert np.mean([5.0 in result.estimate.interval for result in results]) == pytest.approx(0.95, abs=0.05)


def test_batches_too_short_for_the_memory_are_told_of(draws: np.random.Generator) -> None:
    series = autoregressive(draws, 40_000, 0.98).tolist()
    assert batch_means(series, batches=20).uncorrelated
    short = batch_means(series, batches=2_000)
    assert not short.uncorrelated
    assert short.lag_1 > 0.5
    assert short.estimate.interval.half_width < batch_means(series).estimate.interval.half_width


def test_a_constant_series_is_certain() -> None:
    result = batch_means([0.1] * 45, batches=20)
    assert (result.estimate.mean, result.estimate.standard_error) == pytest.approx((0.1, 0), abs=1e-15)
    assert (result.lag_1, result.uncorrelated) == (0.0, True)


def test_too_few_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="5 batches"):
        batch_means([1.0] * 100, batches=4)
    with pytest.raises(ValueError, match="40 samples"):
        batch_means([1.0] * 39)


# -- the beginning


def test_a_slow_beginning_is_cut_off(draws: np.random.Generator) -> None:
    series = draws.normal(10.0, 1.0, 2_000) - 10 * np.exp(-np.arange(2_000) / 60)
    cut = warm_up(series.tolist())
    assert cut.adequate
    assert cut.observations % 5 == 0
    assert 120 <= cut.observations <= 500
    assert cut.mean == pytest.approx(10.0, abs=0.1)
    assert cut.mean == pytest.approx(series[cut.observations :].mean())


def test_the_cut_is_the_best_of_all_tried_one_by_one(draws: np.random.Generator) -> None:
    series = autoregressive(draws, 500, 0.9, begin=25.0)
    means = series.reshape(100, 5).mean(axis=1)
    scores = [means[cut:].var() / (100 - cut) for cut in range(51)]
    assert warm_up(series.tolist()).observations == 5 * int(np.argmin(scores))


def test_a_settled_series_keeps_nearly_all(draws: np.random.Generator) -> None:
    cut = warm_up(draws.normal(1e6, 1.0, 4_000).tolist())
    assert cut.adequate
    assert cut.observations < 800


def test_a_series_that_never_settles_is_told_of() -> None:
    assert not warm_up([float(moment) for moment in range(400)]).adequate


def test_a_warm_up_needs_some_length() -> None:
    with pytest.raises(ValueError, match="50 samples"):
        warm_up([1.0] * 49)


def test_runs_are_averaged_moment_by_moment() -> None:
    runs = [[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0], [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0]]
    assert welch_average(runs) == (0, 3, 6, 9, 12, 15, 18, 21)
    assert welch_average([[0.0, 0.0, 9.0, 0.0] * 2], window=2) == pytest.approx((0, 3, 1.8, 1.8, 3.6, 1.8))
    with pytest.raises(ValueError, match="one length"):
        welch_average([[1.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match="window"):
        welch_average(runs, window=3)


# -- figures


def estimated(low: float, high: float, count: int = 20) -> Estimate:
    half = (high - low) / 2
    return Estimate((low + high) / 2, half / 2.093, Interval(low, high), count, count - 1)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.97, 1.02, "pass"),
        (0.96, 1.04, "pass"),
        (1.05, 1.06, "fail"),
        (0.80, 0.95, "fail"),
        (0.94, 0.97, "unknown"),
        (1.02, 1.05, "unknown"),
        (0.90, 1.10, "unknown"),
    ],
)
def test_the_verdict_is_that_of_the_whole_interval(low: float, high: float, verdict: str) -> None:
    result = compare(1.0, estimated(low, high), 0.04)
    assert result.verdict == verdict
    assert (result.seeds_needed is None) == (verdict != "unknown")
    assert result.half_width == pytest.approx((high - low) / 2)


def test_seeds_are_enough_when_they_are_told_to_be(draws: np.random.Generator) -> None:
    samples = draws.normal(1.0, 0.1, 8)
    result = compare(1.0, samples.tolist(), 0.05)
    assert result.verdict == "unknown"
    assert result.seeds_needed is not None
    # As many samples of the same mean and spread decide it, and one fewer does not.
    for count, verdict in ((result.seeds_needed, "pass"), (result.seeds_needed - 1, "unknown")):
        shape = draws.normal(size=count)
        shape = (shape - shape.mean()) / shape.std(ddof=1) * samples.std(ddof=1) + samples.mean()
        assert compare(1.0, shape.tolist(), 0.05).verdict == verdict


def test_a_value_on_the_edge_is_decided_by_no_number_of_seeds() -> None:
    on_the_edge = Estimate(1.25, 0.01, Interval(1.23, 1.27), 20, 19)
    assert compare(1.0, on_the_edge, 0.25).verdict == "unknown"
    assert compare(1.0, on_the_edge, 0.25).seeds_needed is None


def test_one_seed_is_never_a_pass() -> None:
    result = compare(1.0, [1.0], 0.5)
    assert result.verdict == "unknown"
    assert result.seeds_needed == 5


def test_what_no_seed_changes_is_compared_as_it_is() -> None:
    assert compare(27, Estimate.certain(27), 0).verdict == "pass"
    assert compare(27, Estimate.certain(28), 0).verdict == "fail"
    assert compare(27, [27.0, 27.0, 27.0], 0).verdict == "pass"
    assert compare(27, [27.0, 27.0, 26.0], 0).verdict == "unknown"


def test_tolerances_of_every_kind() -> None:
    narrow = estimated(-0.0305, -0.0295)
    assert compare(-0.03, narrow, 0.02).verdict == "pass"
    assert compare(0.0, narrow, Tolerance.absolute(0.04)).verdict == "pass"
    assert compare(0.0, narrow, Tolerance.absolute(0.01)).verdict == "fail"
    assert compare(1.2533, estimated(1.22, 1.23), Tolerance.relative(1.2533, 0.03, 0.01)).verdict == "pass"
    assert compare(1.2533, estimated(1.27, 1.28), Tolerance.relative(1.2533, 0.03, 0.01)).verdict == "fail"
    with pytest.raises(ValueError, match="tolerance"):
        Tolerance.absolute(-0.1)


def test_a_rate_is_a_figure_too() -> None:
    assert compare(0.634, rate(63_400, 100_000), Tolerance.absolute(0.015)).verdict == "pass"
    few = compare(0.634, rate(63, 100), Tolerance.absolute(0.015))
    assert few.verdict == "unknown"
    assert few.seeds_needed is not None
    enough = 1.02 * few.seeds_needed  # a share of 63% rounds to whole trials
    assert compare(0.634, rate(round(0.63 * enough), round(enough)), Tolerance.absolute(0.015)).verdict == "pass"
    assert compare(0.5, rate(0, 40), Tolerance.absolute(0.1)).verdict == "fail"
