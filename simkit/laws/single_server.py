"""M/G/1: Poisson arrivals, any service time, one server, in the order of arrival; with M/M/1 and M/D/1 as cases.

Symbols: arrival rate lambda, mean service time E[S], utilisation rho = lambda E[S] < 1, and the squared coefficient
of variation of the service time, Var[S] / E[S]^2: 1 for exponential (M/M/1), 0 for constant service (M/D/1). Sources:
F. Pollaczek (1930) and A. Y. Khinchine (1932), as in L. Kleinrock, "Queueing Systems, Volume 1: Theory" (1975),
chapters 3 and 5.

It deliberately has no distribution of the wait for general service: that has no closed form.
"""

from math import exp, log

from simkit.laws import arguments


def mean_wait_s(*, arrivals_per_s: float, service_s: float, squared_variation: float = 1.0) -> float:
    """Return the mean time in the queue, Wq = rho E[S] (1 + variation) / (2 (1 - rho)) (Pollaczek-Khinchine)."""
    arguments.not_negative(squared_variation=squared_variation)
    utilisation = _utilisation(arrivals_per_s, service_s)
    return utilisation * service_s * (1 + squared_variation) / (2 * (1 - utilisation))


def mean_response_s(*, arrivals_per_s: float, service_s: float, squared_variation: float = 1.0) -> float:
    """Return the mean time from arrival to completion, Wq + E[S]."""
    return service_s + mean_wait_s(
        arrivals_per_s=arrivals_per_s, service_s=service_s, squared_variation=squared_variation
    )


def mean_number(*, arrivals_per_s: float, service_s: float, squared_variation: float = 1.0) -> float:
    """Return the mean number of jobs present, waiting or served."""
    return arrivals_per_s * mean_response_s(
        arrivals_per_s=arrivals_per_s, service_s=service_s, squared_variation=squared_variation
    )


def mean_busy_period_s(*, arrivals_per_s: float, service_s: float) -> float:
    """Return the mean time from the end of one idle time to the begin of the next, E[S] / (1 - rho), any service."""
    return service_s / (1 - _utilisation(arrivals_per_s, service_s))


def number_probability(number: int, *, arrivals_per_s: float, service_s: float) -> float:
    """Return the share of time with exactly `number` jobs present in M/M/1, (1 - rho) rho^n."""
    arguments.count(0, number=number)
    utilisation = _utilisation(arrivals_per_s, service_s)
    return (1 - utilisation) * utilisation**number


def response_survival(response_s: float, *, arrivals_per_s: float, service_s: float) -> float:
    """Return the share of arrivals not done after `response_s` in M/M/1, e^{-(1 - rho) t / E[S]}."""
    arguments.not_negative(response_s=response_s)
    return exp(-(1 - _utilisation(arrivals_per_s, service_s)) * response_s / service_s)


def response_quantile_s(probability: float, *, arrivals_per_s: float, service_s: float) -> float:
    """Return the response time that a share `probability` of the arrivals does not exceed in M/M/1."""
    arguments.proper_fraction(probability=probability)
    return -log(1 - probability) * service_s / (1 - _utilisation(arrivals_per_s, service_s))


def _utilisation(arrivals_per_s: float, service_s: float) -> float:
    arguments.not_negative(arrivals_per_s=arrivals_per_s)
    arguments.positive(service_s=service_s)
    arguments.steady(arrivals_per_s * service_s)
    return arrivals_per_s * service_s
