"""Student's t distribution: how far a mean of n normal values lies from the truth, in its own standard errors.

Sources: Student, "The Probable Error of a Mean", Biometrika 6(1) (1908); NIST Digital Library of Mathematical
Functions, section 8.17, for the incomplete beta function.

It deliberately stops at the central distribution: no power calculations.
"""

from functools import lru_cache

from simkit.laws import arguments, beta
from simkit.laws.bisection import crossing


def cumulative(t: float, *, degrees: float) -> float:
    """Return the share of the distribution with `degrees` degrees of freedom that lies below `t`."""
    arguments.positive(degrees=degrees)
    share = t * t / (degrees + t * t)
    centre = beta.regularised(0.5, degrees / 2, share)
    return 0.5 + (centre if t > 0 else -centre) / 2


@lru_cache(maxsize=1024)
def quantile(probability: float, *, degrees: float) -> float:
    """Return the t below which a share `probability` of the distribution lies; degrees of freedom > 0, whole or not."""
    arguments.proper_fraction(probability=probability)
    arguments.positive(degrees=degrees)
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -quantile(1 - probability, degrees=degrees)
    return crossing(lambda t: cumulative(t, degrees=degrees), probability)
