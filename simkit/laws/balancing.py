"""The supermarket model: each arrival looks at d queues chosen at random and joins the shortest.

Symbols: n -> infinity servers of one queue each, Poisson arrivals of rate rho n, exponential service of mean 1,
utilisation rho < 1. Sources: N. D. Vvedenskaya, R. L. Dobrushin, F. I. Karpelevich, "Queueing System with Selection of
the Shortest of Two Queues", Problems of Information Transmission 32(1) (1996); M. Mitzenmacher, "The Power of Two
Choices in Randomized Load Balancing", IEEE Transactions on Parallel and Distributed Systems 12(10) (2001).

It is deliberately the limit of many servers: a few hundred come within a few percent up to rho = 0.95.
"""

from math import exp, log

from simkit.laws import arguments


def queue_share(length: int, *, utilisation: float, choices: int) -> float:
    """Return the share of servers with at least `length` jobs, rho^{(d^i - 1) / (d - 1)}; rho^i for one choice."""
    arguments.count(0, length=length)
    arguments.count(choices=choices)
    arguments.not_negative(utilisation=utilisation)
    arguments.steady(utilisation)
    return _power(utilisation, _exponent(length, choices))


def mean_response_services(*, utilisation: float, choices: int) -> float:
    """Return the mean time from arrival to completion in mean service times, sum_{i>=1} rho^{(d^i - d) / (d - 1)}."""
    arguments.count(choices=choices)
    arguments.not_negative(utilisation=utilisation)
    arguments.steady(utilisation)
    if choices == 1:
        return 1 / (1 - utilisation)
    total, length = 0.0, 1
    while (term := _power(utilisation, _exponent(length, choices) - 1)) > 1e-18:
        total += term
        length += 1
    return total


def _exponent(length: int, choices: int) -> int:
    return length if choices == 1 else (choices**length - 1) // (choices - 1)


def _power(utilisation: float, exponent: int) -> float:
    """Return rho^exponent, 0 where the exponent is beyond what a float can say."""
    if exponent == 0:
        return 1.0
    if utilisation == 0 or exponent > 10**300:
        return 0.0
    return exp(exponent * log(utilisation))
