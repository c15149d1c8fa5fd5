"""The regularised incomplete beta function: the tail behind binomial counts, Student's t and gambler's races.

Source: NIST Digital Library of Mathematical Functions, section 8.17 (continued fraction 8.17.22, symmetry 8.17.4).

It is deliberately plain: accurate to about 1e-10 for parameters up to ten thousand and to 1e-8 for a million, where
the logarithms of gamma functions cancel.
"""

from math import exp, lgamma, log, log1p

from simkit.laws import arguments

_TERMS = 1 << 20


def regularised(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) for a, b > 0 and x in [0, 1]: the beta distribution's share below x."""
    arguments.positive(a=a, b=b)
    arguments.fraction(x=x)
    if x in (0.0, 1.0):
        return float(x)
    # The fraction converges fast left of the mean; the other side is its mirror image.
    if x > (a + 1) / (a + b + 2):
        return 1 - _left(b, a, 1 - x, log(x))
    return _left(a, b, x, log1p(-x))


def _left(a: float, b: float, x: float, log_rest: float) -> float:
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log_rest) / a
    terms, before = 16, 0.0
    while terms <= _TERMS:
        fraction = _fraction(a, b, x, terms)
        if abs(fraction - before) <= 1e-15 * abs(fraction):
            return front * fraction
        terms, before = 2 * terms, fraction
    raise ValueError(f"I_{x}({a}, {b}) is out of reach")


def _fraction(a: float, b: float, x: float, terms: int) -> float:
    """Return the continued fraction cut after 2 `terms` levels, from the innermost outwards."""
    value = 1.0
    for m in range(terms, 0, -1):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        value = 1 + odd / (1 + even / value)
    return 1 / value
