"""Draws with replacement from N equally likely kinds: birthdays, coupons, collisions.

Symbols: n draws, N kinds. Source: W. Feller, "An Introduction to Probability Theory and Its Applications, Volume 1"
(3rd edition, 1968), chapters II and IX.

It is deliberately about even chances: kinds of unequal chance collide sooner, so that for identifiers and hashes these
are the best case.
"""

from math import expm1, fsum, log1p

from simkit.laws import arguments

_EXACT_DRAWS = 100_000


def collision_probability(*, draws: int, kinds: int) -> float:
    """Return the probability that some two draws are alike (birthdays), 1 - prod_{k<n} (1 - k/N).

    Exact up to 100,000 draws. Beyond, the logarithm of the product is cut after its second term, which leaves an error
    below 1e-9: where a longer series would matter, the answer is 1.
    """
    arguments.count(0, draws=draws)
    arguments.count(kinds=kinds)
    if draws > kinds:
        return 1.0
    if draws <= _EXACT_DRAWS:
        return -expm1(fsum(log1p(-k / kinds) for k in range(draws)))
    first = draws * (draws - 1) / (2 * kinds)
    second = first * ((2 * draws - 1) / (6 * kinds))
    return -expm1(-first - second)


def collision_bound(*, draws: int, kinds: int) -> float:
    """Return the birthday bound, n (n - 1) / (2 N): never below the probability, and close to it while small."""
    arguments.count(0, draws=draws)
    arguments.count(kinds=kinds)
    return min(1.0, draws * (draws - 1) / (2 * kinds))


def mean_draws_to_collect(*, kinds: int, wanted: int | None = None) -> float:
    """Return the mean draws until `wanted` different kinds are seen, all by default (the coupon collector).

    sum_{i=0}^{m-1} N / (N - i), which is N H_N for all.
    """
    return fsum(kinds / (kinds - seen) for seen in range(_wanted(kinds, wanted)))


def variance_draws_to_collect(*, kinds: int, wanted: int | None = None) -> float:
    """Return the variance of the draws until `wanted` kinds are seen, sum_{i=0}^{m-1} N i / (N - i)^2."""
    return fsum(kinds * seen / (kinds - seen) ** 2 for seen in range(_wanted(kinds, wanted)))


def mean_different(*, draws: int, kinds: int) -> float:
    """Return the mean number of different kinds among n draws, N (1 - (1 - 1/N)^n)."""
    return kinds * (1 - _missed(draws, kinds))


def mean_alone(*, draws: int, kinds: int) -> float:
    """Return the mean number of draws that no other draw is like, n (1 - 1/N)^{n-1}: the successes of one round."""
    return draws * _missed(draws - 1, kinds) if draws else 0.0


def shared_probability(*, draws: int, kinds: int) -> float:
    """Return the probability that one given draw among n >= 1 is like another, 1 - (1 - 1/N)^{n-1}."""
    arguments.count(draws=draws)
    return 1 - _missed(draws - 1, kinds)


def _missed(draws: int, kinds: int) -> float:
    arguments.count(0, draws=draws)
    arguments.count(kinds=kinds)
    return float((1 - 1 / kinds) ** draws)


def _wanted(kinds: int, wanted: int | None) -> int:
    arguments.count(kinds=kinds)
    number = kinds if wanted is None else wanted
    arguments.count(0, wanted=number)
    if number > kinds:
        raise ValueError(f"wanted must be at most {kinds}, not {number}")
    return number
