"""The slowest of n, the k-th of n, and how a rare slow answer becomes common in a fan-out.

Sources: A. Renyi, "On the Theory of Order Statistics" (1953), for exponential times; H. A. David, H. N. Nagaraja,
"Order Statistics" (3rd edition, 2003); J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56(2) (2013).

It deliberately takes the n as independent: one slow switch in front of all of them is not in these laws.
"""

from math import expm1, fsum, log, log1p

from simkit.laws import arguments


def harmonic(number: int) -> float:
    """Return 1 + 1/2 + ... + 1/n; 0 for n = 0."""
    arguments.count(0, number=number)
    return fsum(1 / k for k in range(1, number + 1))


def mean_kth_of_exponentials_s(rank: int, *, number: int, mean_s: float) -> float:
    """Return the mean of the k-th shortest of n exponential times, mean (H_n - H_{n-k})."""
    _check(rank, number, mean_s)
    return mean_s * fsum(1 / k for k in range(number - rank + 1, number + 1))


def variance_kth_of_exponentials_s2(rank: int, *, number: int, mean_s: float) -> float:
    """Return the variance of the k-th shortest of n exponential times, mean^2 sum_{i=n-k+1}^{n} 1 / i^2."""
    _check(rank, number, mean_s)
    return mean_s**2 * fsum(1 / k**2 for k in range(number - rank + 1, number + 1))


def mean_maximum_of_exponentials_s(*, number: int, mean_s: float) -> float:
    """Return the mean of the longest of n exponential times, mean H_n."""
    return mean_kth_of_exponentials_s(number, number=number, mean_s=mean_s)


def maximum_quantile_of_exponentials_s(probability: float, *, number: int, mean_s: float) -> float:
    """Return what the longest of n exponential times stays below with `probability` q, -mean ln(1 - q^{1/n})."""
    arguments.proper_fraction(probability=probability)
    _check(1, number, mean_s)
    return -mean_s * log(-expm1(log(probability) / number))


def any_of(*, number: int, probability: float) -> float:
    """Return the probability that at least one of n is slow (fails, is seen), 1 - (1 - p)^n."""
    arguments.count(0, number=number)
    arguments.fraction(probability=probability)
    if probability == 1:
        return 1.0 if number else 0.0
    return -expm1(number * log1p(-probability))


def member_quantile(probability: float, *, number: int) -> float:
    """Return which quantile of one member is the `probability` quantile of the slowest of n, q^{1/n}."""
    arguments.fraction(probability=probability)
    arguments.count(number=number)
    return float(probability ** (1 / number))


def _check(rank: int, number: int, mean_s: float) -> None:
    arguments.count(rank=rank, number=number)
    arguments.positive(mean_s=mean_s)
    if rank > number:
        raise ValueError(f"rank must be at most {number}, not {rank}")
