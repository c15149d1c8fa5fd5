"""How many of n independent trials succeed.

Source: NIST Digital Library of Mathematical Functions, 8.17.5, for the tail as an incomplete beta function.

It deliberately has no intervals for an unknown rate: those belong to the analysis of output.
"""

from math import exp, lgamma, log, log1p

from simkit.laws import arguments, beta


def probability(successes: int, *, trials: int, success: float) -> float:
    """Return the probability of exactly k successes, C(n, k) p^k (1 - p)^{n-k}."""
    arguments.count(0, successes=successes, trials=trials)
    arguments.fraction(success=success)
    if successes > trials:
        return 0.0
    if success in (0.0, 1.0):
        return 1.0 if successes == trials * success else 0.0
    ways = lgamma(trials + 1) - lgamma(successes + 1) - lgamma(trials - successes + 1)
    return exp(ways + successes * log(success) + (trials - successes) * log1p(-success))


def at_least(successes: int, *, trials: int, success: float) -> float:
    """Return the probability of k or more successes, I_p(k, n - k + 1)."""
    arguments.count(0, successes=successes, trials=trials)
    arguments.fraction(success=success)
    if successes == 0:
        return 1.0
    return 0.0 if successes > trials else beta.regularised(successes, trials - successes + 1, success)


def at_most(successes: int, *, trials: int, success: float) -> float:
    """Return the probability of k or fewer successes, I_{1-p}(n - k, k + 1)."""
    arguments.count(0, successes=successes, trials=trials)
    arguments.fraction(success=success)
    return 1.0 if successes >= trials else beta.regularised(trials - successes, successes + 1, 1 - success)
