"""Non-preemptive priorities: a free server takes the waiting job of the highest class, and finishes what it began.

Classes are given from the most urgent to the least; within a class jobs go in the order of arrival. Symbols: class k
has arrival rate lambda_k and utilisation rho_k; s_k = rho_1 + ... + rho_k, s_0 = 0. Source: A. Cobham, "Priority
Assignment in Waiting Line Problems", Operations Research 2(1) (1954).

It deliberately has no preemption, and no law for an overloaded system whose upper classes are still served.
"""

from collections.abc import Sequence

from simkit.laws import arguments, erlang


def mean_waits_s(*, servers: int, arrivals_per_s: Sequence[float], service_s: float) -> tuple[float, ...]:
    """Return the mean wait of each class in M/M/c, all classes with the same exponential service time.

    Wq_k = (C(c, a) / (c mu)) / ((1 - s_{k-1}) (1 - s_k)), rho_k = lambda_k / (c mu), C as in Erlang C.
    """
    arguments.count(servers=servers)
    arguments.same_length(arrivals_per_s=len(arrivals_per_s))
    arguments.positive(service_s=service_s)
    for rate_per_s in arrivals_per_s:
        arguments.not_negative(arrivals_per_s=rate_per_s)
    waiting = erlang.waiting_probability(servers=servers, load_erlangs=sum(arrivals_per_s) * service_s)
    utilisations = [rate_per_s * service_s / servers for rate_per_s in arrivals_per_s]
    return _by_class(waiting * service_s / servers, utilisations)


def mean_waits_single_server_s(
    *, arrivals_per_s: Sequence[float], services_s: Sequence[float], squared_variations: Sequence[float]
) -> tuple[float, ...]:
    """Return the mean wait of each class in M/G/1, each class with its own service time.

    Wq_k = W0 / ((1 - s_{k-1}) (1 - s_k)), where W0 = sum_j lambda_j E[S_j^2] / 2 is the work left in the server at an
    arrival and E[S_j^2] = E[S_j]^2 (1 + squared coefficient of variation).
    """
    arguments.same_length(
        arrivals_per_s=len(arrivals_per_s), services_s=len(services_s), squared_variations=len(squared_variations)
    )
    residual_s = 0.0
    for rate_per_s, service_s, variation in zip(arrivals_per_s, services_s, squared_variations, strict=True):
        arguments.not_negative(arrivals_per_s=rate_per_s, squared_variations=variation)
        arguments.positive(services_s=service_s)
        residual_s += rate_per_s * service_s**2 * (1 + variation) / 2
    utilisations = [rate_per_s * service_s for rate_per_s, service_s in zip(arrivals_per_s, services_s, strict=True)]
    arguments.steady(sum(utilisations))
    return _by_class(residual_s, utilisations)


def _by_class(residual_s: float, utilisations: Sequence[float]) -> tuple[float, ...]:
    waits_s = []
    above = 0.0
    for utilisation in utilisations:
        upto = above + utilisation
        waits_s.append(residual_s / ((1 - above) * (1 - upto)))
        above = upto
    return tuple(waits_s)
