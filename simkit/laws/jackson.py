"""Open Jackson networks: stations of exponential servers, jobs that go from one to the next at random.

Symbols: station i gets gamma_i jobs per second from outside and passes a job on to station j with probability r_ij
(what is missing to 1 leaves); the flows solve lambda = gamma + lambda R. Each station then behaves as an M/M/c queue
of its own, independent of the others at any one moment. Source: J. R. Jackson, "Networks of Waiting Lines",
Operations Research 5(4) (1957).

It deliberately has no closed networks: a fixed number of jobs that circulate is another law.
"""

from collections.abc import Sequence
from math import fsum

import numpy as np

from simkit.laws import arguments, erlang


def flows_per_s(*, arrivals_per_s: Sequence[float], routing: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Return the total rate of jobs through each station; `routing[i][j]` is the share of i's jobs that go on to j."""
    arguments.same_length(arrivals_per_s=len(arrivals_per_s), routing=len(routing))
    for rate_per_s, row in zip(arrivals_per_s, routing, strict=True):
        arguments.not_negative(arrivals_per_s=rate_per_s)
        arguments.same_length(routing=len(routing), row=len(row))
        for share in row:
            arguments.fraction(routing=share)
        arguments.fraction(sum_of_a_row_of_routing=round(fsum(row), 12))
    shares = np.asarray(routing, dtype=np.float64)
    if max(abs(np.linalg.eigvals(shares))) >= 1 - 1e-12:
        raise ValueError("routing must let every job leave in the end")
    flows = np.linalg.solve(np.eye(len(shares)) - shares.T, np.asarray(arrivals_per_s, dtype=np.float64))
    return tuple(float(flow) for flow in flows)


def mean_response_s(
    *,
    arrivals_per_s: Sequence[float],
    routing: Sequence[Sequence[float]],
    services_s: Sequence[float],
    servers: Sequence[int],
) -> float:
    """Return the mean time of a job from entering the network to leaving it, sum_i lambda_i T_i / sum_i gamma_i."""
    flows = flows_per_s(arrivals_per_s=arrivals_per_s, routing=routing)
    arguments.same_length(arrivals_per_s=len(flows), services_s=len(services_s), servers=len(servers))
    arguments.positive(sum_of_arrivals_per_s=fsum(arrivals_per_s))
    present = fsum(
        flow * erlang.mean_response_s(servers=count, arrivals_per_s=flow, service_s=service_s)
        for flow, service_s, count in zip(flows, services_s, servers, strict=True)
    )
    return present / fsum(arrivals_per_s)


def tandem_mean_response_s(*, arrivals_per_s: float, services_s: Sequence[float]) -> float:
    """Return the mean time through single servers one after the other, sum_i 1 / (mu_i - lambda)."""
    arguments.same_length(services_s=len(services_s))
    return fsum(
        erlang.mean_response_s(servers=1, arrivals_per_s=arrivals_per_s, service_s=service_s)
        for service_s in services_s
    )
