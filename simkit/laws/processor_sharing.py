"""M/G/1 processor sharing: every job present gets an equal part of the server at once.

Symbols: arrival rate lambda, mean service time E[S], utilisation rho = lambda E[S] < 1. Both laws hold for every
distribution of the service time with that mean. Sources: L. Kleinrock, "Time-shared Systems: A Theoretical Treatment",
JACM 14(2) (1967); L. Kleinrock, "Queueing Systems, Volume 2" (1976), section 4.4.

It deliberately has no variance of the response time: that does depend on the distribution.
"""

from simkit.laws import arguments


def mean_response_s(*, arrivals_per_s: float, service_s: float) -> float:
    """Return the mean time from arrival to completion over all jobs, E[S] / (1 - rho)."""
    return service_s * slowdown(arrivals_per_s=arrivals_per_s, service_s=service_s)


def mean_response_of_job_s(job_s: float, *, arrivals_per_s: float, service_s: float) -> float:
    """Return the mean time that a job takes which alone would need `job_s`, x / (1 - rho)."""
    arguments.not_negative(job_s=job_s)
    return job_s * slowdown(arrivals_per_s=arrivals_per_s, service_s=service_s)


def slowdown(*, arrivals_per_s: float, service_s: float) -> float:
    """Return by how much sharing stretches a job of any size on average, 1 / (1 - rho)."""
    return 1 / (1 - _utilisation(arrivals_per_s, service_s))


def number_probability(number: int, *, arrivals_per_s: float, service_s: float) -> float:
    """Return the share of time with exactly `number` jobs present, (1 - rho) rho^n."""
    arguments.count(0, number=number)
    utilisation = _utilisation(arrivals_per_s, service_s)
    return (1 - utilisation) * utilisation**number


def _utilisation(arrivals_per_s: float, service_s: float) -> float:
    arguments.not_negative(arrivals_per_s=arrivals_per_s)
    arguments.positive(service_s=service_s)
    arguments.steady(arrivals_per_s * service_s)
    return arrivals_per_s * service_s
