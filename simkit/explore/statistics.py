"""What the output of simulations says: estimates with their intervals, and the verdict of a figure.

A run is one sample of a random experiment, however long it is and however many jobs it holds: jobs of one run wait
behind one another and are not independent. So an estimate comes from independent seeds (`replications`), or from
batches of one long run that are shown to be nearly uncorrelated (`batch_means`), after the beginning that still
remembers the empty system is cut off (`warm_up`). Textbook for all of it: A. M. Law, "Simulation Modeling and
Analysis" (5th edition, 2015; with W. D. Kelton up to the 3rd), chapters 9 and 10.

It deliberately runs nothing and looks at no simulation: numbers in, frozen values out. Nor does it correct for many
figures at once: of twenty 95% intervals one is expected to miss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, inf, isfinite, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simkit.laws import student

Floats = NDArray[np.float64]
FigureVerdict = Literal["pass", "fail", "unknown"]

CONFIDENCE = 0.95
_SEEDS_MAX = 1_000_000  # more are not advice any more
_MSER_BATCH = 5
_MSER_BATCHES_LEFT = 5


@dataclass(frozen=True)
class Interval:
    """A confidence interval: in `confidence` of all repetitions of the experiment it holds the true value."""

    low: float
    high: float
    confidence: float = CONFIDENCE

    @property
    def half_width(self) -> float:
        """Half the distance of the ends, in the unit of what was measured."""
        return (self.high - self.low) / 2 if isfinite(self.low) and isfinite(self.high) else inf

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Estimate:
    """A number measured from several samples.

    Attributes:
        mean: the measured value, in the unit of the samples.
        standard_error: of that value; 0 where all samples were alike.
        interval: where the true value lies.
        count: how many independent samples were used (seeds, batches, trials).
        degrees: degrees of freedom of Student's t behind the interval; None where the normal distribution is.
    """

    mean: float
    standard_error: float
    interval: Interval
    count: int
    degrees: int | None = None

    @classmethod
    def certain(cls, value: float) -> "Estimate":
        """Return a value that no seed changes: a count of messages, a size in bytes."""
        return cls(value, 0.0, Interval(value, value, 1.0), 1)


@dataclass(frozen=True)
class BatchMeans:
    """An estimate from one long series.

    Attributes:
        estimate: of the mean; its `count` is the number of batches.
        batch_size: observations in a batch.
        dropped: observations at the begin that fill no batch.
        lag_1: autocorrelation of neighbouring batch means.
        uncorrelated: whether `lag_1` is small enough for the interval to be believed; otherwise the series is too
            short (or the batches are too many) and the interval too narrow.
    """

    estimate: Estimate
    batch_size: int
    dropped: int
    lag_1: float
    uncorrelated: bool


@dataclass(frozen=True)
class WarmUp:
    """Where the beginning of a series ends.

    Attributes:
        observations: how many to delete from the begin; a multiple of 5.
        mean: of the rest.
        adequate: False where the best cut lies in the second half: the series is too short to tell, or never settles.
    """

    observations: int
    mean: float
    adequate: bool


@dataclass(frozen=True)
class Tolerance:
    """How far from the published number a figure may lie, below and above, in the number's own unit; ends included."""

    below: float
    above: float

    def __post_init__(self) -> None:
        if not (0 <= self.below < inf and 0 <= self.above < inf):
            raise ValueError(f"a tolerance must be finite and not below zero, not {self.below} and {self.above}")

    @classmethod
    def absolute(cls, below: float, above: float | None = None) -> "Tolerance":
        """Return a tolerance in the figure's unit; the same on both sides unless `above` is given."""
        return cls(below, below if above is None else above)

    @classmethod
    def relative(cls, published: float, below: float, above: float | None = None) -> "Tolerance":
        """Return a tolerance as a share of the published number (0.04 for 4%)."""
        return cls(abs(published) * below, abs(published) * (below if above is None else above))


@dataclass(frozen=True)
class FigureResult:
    """A published number against what was measured.

    Attributes:
        published: the number of the source.
        measured: ours.
        interval: where our true value lies.
        half_width: of that interval.
        tolerance: how far apart the two may be.
        verdict: pass if the whole interval lies within the tolerance, fail if it lies outside as a whole, else unknown.
        count: the samples used.
        seeds_needed: where the verdict is unknown, about how many samples would decide it if the measured value
            stands; None where the verdict is known, or where the value lies so close to the edge that no number would.
    """

    published: float
    measured: float
    interval: Interval
    half_width: float
    tolerance: Tolerance
    verdict: FigureVerdict
    count: int
    seeds_needed: int | None = None


def replications(samples: Sequence[float], *, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of one number per independent seed with Student's t interval (Law, section 9.4.1).

    The numbers may be anything a run gives once (a mean, a quantile, a rate); their means are close to normal when each
    comes from many events. A single sample has an interval without ends.
    """
    values = _finite(samples, 1)
    mean = fsum(values) / len(values)
    if len(values) == 1:
        return Estimate(mean, inf, Interval(-inf, inf, _checked(confidence)), 1, 0)
    # Equal samples are a constant: no rounding in the mean may make them look uncertain.
    same = bool((values == values[0]).all())
    mean = float(values[0]) if same else mean
    error = 0.0 if same else sqrt(fsum((values - mean) ** 2) / (len(values) - 1) / len(values))
    degrees = len(values) - 1
    half = student.quantile((1 + _checked(confidence)) / 2, degrees=degrees) * error
    return Estimate(mean, error, Interval(mean - half, mean + half, confidence), len(values), degrees)


def paired_differences(first: Sequence[float], second: Sequence[float], *, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of `first` minus `second`, seed by seed (Law, section 10.2.1).

    Run both variants with the same seeds: what the seed does to both cancels, and the interval shrinks.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs need as many of each: {len(first)} and {len(second)} samples")
    return replications([a - b for a, b in zip(first, second, strict=True)], confidence=confidence)


def rate(successes: int, trials: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return the share of trials that succeeded ("the check broke in k of n seeds") with Wilson's score interval.

    It stays inside [0, 1] and has a width at 0 and n too. Source: E. B. Wilson, "Probable Inference, the Law of
    Succession, and Statistical Inference", JASA 22 (1927).
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"a rate needs 0 <= successes <= trials, trials >= 1, not {successes} of {trials}")
    share = successes / trials
    interval = _wilson(share, trials, _checked(confidence))
    return Estimate(share, sqrt(share * (1 - share) / trials), interval, trials)


def batch_means(series: Sequence[float], *, batches: int = 20, confidence: float = CONFIDENCE) -> BatchMeans:
    """Return the mean of one long stationary series from the means of equal batches (Law, section 9.5.3).

    Batch means of a long series are nearly normal and nearly uncorrelated; whether they are is tested by Fishman's
    statistic 1 - sum (Y_j - Y_{j+1})^2 / (2 sum (Y_j - mean)^2), whose variance without correlation is
    (b - 2) / (b^2 - 1) (G. S. Fishman, "Grouping Observations in Digital Simulation", Management Science 24(5),
    1978); only a positive value, at the 5% level, counts against the interval. Delete the warm-up first.
    """
    if batches < 5:
        raise ValueError(f"batch means need at least 5 batches, not {batches}")
    values = _finite(series, 2 * batches)
    size = len(values) // batches
    dropped = len(values) - size * batches
    means = values[dropped:].reshape(batches, size).mean(axis=1)
    estimate = replications(means.tolist(), confidence=confidence)
    spread = fsum((means - means.mean()) ** 2)
    if estimate.standard_error == 0 or spread == 0:
        return BatchMeans(estimate, size, dropped, 0.0, True)
    centred = means - means.mean()
    lag_1 = fsum(centred[:-1] * centred[1:]) / spread
    fishman = 1 - fsum(np.diff(means) ** 2) / (2 * spread)
    limit = NormalDist().inv_cdf(0.95) * sqrt((batches - 2) / (batches**2 - 1))
    return BatchMeans(estimate, size, dropped, lag_1, fishman <= limit)


def warm_up(series: Sequence[float]) -> WarmUp:
    """Return how much of the begin of a series to delete, by MSER-5.

    Over means of 5 observations the cut is taken that minimises the squared standard error of what remains,
    sum (Y_i - mean)^2 / (n - d)^2. Sources: K. P. White, "An Effective Truncation Heuristic for Bias Reduction in
    Simulation Output", Simulation 69(6) (1997); K. P. White, M. J. Cobb, S. C. Spratt, "A Comparison of Five
    Steady-state Truncation Heuristics for Simulation", Winter Simulation Conference (2000).

    For several seeds give it their average, `welch_average`, and cut all of them at the same place.
    """
    values = _finite(series, _MSER_BATCH * 2 * _MSER_BATCHES_LEFT)
    number = len(values) // _MSER_BATCH
    means = values[: number * _MSER_BATCH].reshape(number, _MSER_BATCH).mean(axis=1)
    centred = means - means.mean()  # so that the sums below do not cancel
    left = np.arange(number, 0, -1, dtype=np.float64)
    sums = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum(centred[::-1] ** 2)[::-1]
    score = np.maximum(squares - sums**2 / left, 0.0) / left**2
    # The last few cuts leave too little to have a spread, and would win by accident.
    overall = int(np.argmin(score[: number - _MSER_BATCHES_LEFT + 1]))
    cut = int(np.argmin(score[: number // 2 + 1]))
    return WarmUp(cut * _MSER_BATCH, float(values[cut * _MSER_BATCH :].mean()), overall <= number // 2)


def welch_average(runs: Sequence[Sequence[float]], *, window: int = 0) -> tuple[float, ...]:
    """Return the average of several runs, moment by moment, smoothed over `window` neighbours on each side.

    Near the begin the window shrinks to what there is on both sides; the last `window` moments are left out. Plot it to
    see where the warm-up ends. Source: P. D. Welch, "The Statistical Analysis of Simulation Results" (1983), as in Law,
    section 9.5.1.
    """
    lengths = {len(run) for run in runs}
    if len(lengths) != 1:
        raise ValueError(f"runs must be of one length, not {sorted(lengths)}")
    length = lengths.pop()
    if not 0 <= window <= length // 4:
        raise ValueError(f"window must be between 0 and a quarter of the {length} moments, not {window}")
    average = np.mean([_finite(run, 1) for run in runs], axis=0)
    smoothed = []
    for moment in range(length - window):
        reach = min(moment, window)
        smoothed.append(float(average[moment - reach : moment + reach + 1].mean()))
    return tuple(smoothed)


def compare(published: float, sample: Estimate | Sequence[float], tolerance: Tolerance | float) -> FigureResult:
    """Return the verdict of a figure.

    `sample` is an estimate, or one number per independent seed (then with a 95% interval); `tolerance` as a plain
    number is a share of the published one (0.04 for 4%). A tolerance of 0 asks for the very number, and one sample is
    never enough unless it is `Estimate.certain`.
    """
    estimate = sample if isinstance(sample, Estimate) else replications(sample)
    allowed = tolerance if isinstance(tolerance, Tolerance) else Tolerance.relative(published, tolerance)
    low, high = published - allowed.below, published + allowed.above
    verdict = _decides(estimate.interval, low, high)
    return FigureResult(
        published=published,
        measured=estimate.mean,
        interval=estimate.interval,
        half_width=estimate.interval.half_width,
        tolerance=allowed,
        verdict=verdict,
        count=estimate.count,
        seeds_needed=_needed(estimate, low, high) if verdict == "unknown" else None,
    )


def _decides(interval: Interval, low: float, high: float) -> FigureVerdict:
    if low <= interval.low and interval.high <= high:
        return "pass"
    return "fail" if interval.high < low or interval.low > high else "unknown"


def _needed(estimate: Estimate, low: float, high: float) -> int | None:
    """Return the least number of samples that decides, if mean and spread stand; None if no number does."""
    if estimate.degrees == 0:
        return 5  # nothing is known of the spread yet: a handful tells more than two

    def undecided(count: int) -> bool:
        return _decides(_interval_of(estimate, count), low, high) == "unknown"

    few, many = estimate.count, 2 * estimate.count
    while undecided(many):
        if many > _SEEDS_MAX:
            return None
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if undecided(middle) else (few, middle)
    return many


def _interval_of(estimate: Estimate, count: int) -> Interval:
    """Return the interval that `count` samples of the same mean and spread would have."""
    confidence = estimate.interval.confidence
    if estimate.degrees is None:
        return _wilson(estimate.mean, count, confidence)
    error = estimate.standard_error * sqrt(estimate.count / count)
    half = student.quantile((1 + confidence) / 2, degrees=count - 1) * error
    return Interval(estimate.mean - half, estimate.mean + half, confidence)


def _wilson(share: float, trials: int, confidence: float) -> Interval:
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    weight = z * z / trials
    centre = (share + weight / 2) / (1 + weight)
    half = z * sqrt(share * (1 - share) / trials + weight / (4 * trials)) / (1 + weight)
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return Interval(low, high, confidence)


def _finite(samples: Sequence[float], least: int) -> Floats:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or len(values) < least:
        raise ValueError(f"at least {least} samples are needed, not {values.size}")
    if not np.isfinite(values).all():
        raise ValueError("every sample must be a finite number")
    return values


def _checked(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie strictly between 0 and 1, not {confidence}")
    return confidence
