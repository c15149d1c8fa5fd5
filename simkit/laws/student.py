"""Student's t distribution: how far a mean of n normal values lies from the truth, in its own standard errors.

Sources: Student, "The Probable Error of a Mean", Biometrika 6(1) (1908); NIST Digital Library of Mathematical
Functions, section 8.17, for the incomplete beta function.

It deliberately stops at the central distribution: no power calculations.
"""

from functools import lru_cache

from simkit.laws import arguments, beta
from simkit.laws.bisection import crossing


def survival(t: float, *, degrees: float) -> float:
    """Return the share of the distribution with `degrees` degrees of freedom, whole or not, that lies above `t`."""
    arguments.positive(degrees=degrees)
    if t < 0:
        return 1 - survival(-t, degrees=degrees)
    # Whichever of the two arguments is small is exact; the other has lost its last digits in 1 - x.
    if t * t > degrees:
        return beta.regularised(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2
    return 0.5 - beta.regularised(0.5, degrees / 2, t * t / (degrees + t * t)) / 2


@lru_cache(maxsize=1024)
def quantile(probability: float, *, degrees: float) -> float:
    """Return the t below which a share `probability` of the distribution lies."""
    arguments.proper_fraction(probability=probability)
    arguments.positive(degrees=degrees)
    if probability < 0.5:
        return -quantile(1 - probability, degrees=degrees)
    return 0.0 if probability == 0.5 else crossing(lambda t: -survival(t, degrees=degrees), probability - 1)
