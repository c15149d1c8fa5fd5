"""Pollaczek-Khinchine and M/M/1 against Lindley's recursion on drawn times."""

from math import exp

import numpy as np
import pytest

from simkit.laws import single_server


def waits(gaps: np.ndarray, services: np.ndarray) -> np.ndarray:
    """Return each job's wait, W' = max(0, W + S - A), as how far a random walk stands above its lowest point."""
    walk = np.concatenate([[0.0], (services[:-1] - gaps[1:]).cumsum()])
    return walk - np.minimum.accumulate(walk)


SERVICES = {
    "constant": (0.0, lambda draws, jobs: np.ones(jobs)),
    "exponential": (1.0, lambda draws, jobs: draws.exponential(1.0, jobs)),
    "uniform": (1 / 3, lambda draws, jobs: draws.uniform(0.0, 2.0, jobs)),
    "mostly short, some long": (9.0, lambda draws, jobs: np.where(draws.random(jobs) < 0.1, 10.0, 0.0)),
}


@pytest.mark.parametrize("kind", SERVICES)
def test_a_simulated_queue_waits_as_long(kind: str, draws: np.random.Generator) -> None:
    variation, service = SERVICES[kind]
    jobs = 600_000
    simulated = waits(draws.exponential(2.0, jobs), service(draws, jobs)).mean()
    law = single_server.mean_wait_s(arrivals_per_s=0.5, service_s=1.0, squared_variation=variation)
    assert simulated == pytest.approx(law, rel=0.05)


def test_constant_service_halves_the_wait() -> None:
    constant = single_server.mean_wait_s(arrivals_per_s=0.8, service_s=1, squared_variation=0)
    assert constant == pytest.approx(2.0)
    assert single_server.mean_wait_s(arrivals_per_s=0.8, service_s=1) == pytest.approx(4.0)


def test_the_number_present_follows_from_the_response() -> None:
    system = {"arrivals_per_s": 9, "service_s": 0.1}
    shares = [single_server.number_probability(number, **system) for number in range(2_000)]
    assert sum(shares) == pytest.approx(1)
    assert sum(number * share for number, share in enumerate(shares)) == pytest.approx(
        single_server.mean_number(**system)
    )


def test_a_response_quantile_is_where_the_survival_crosses() -> None:
    system = {"arrivals_per_s": 6, "service_s": 0.1}
    late_s = single_server.response_quantile_s(0.99, **system)
    assert single_server.response_survival(late_s, **system) == pytest.approx(0.01)
    assert single_server.response_survival(0.25, **system) == pytest.approx(exp(-1))


def test_a_busy_period_serves_all_who_came_meanwhile(draws: np.random.Generator) -> None:
    jobs = 400_000
    services = draws.exponential(1.0, jobs)
    begins = waits(draws.exponential(1 / 0.6, jobs), services) == 0
    simulated = services.sum() / begins.sum()
    assert single_server.mean_busy_period_s(arrivals_per_s=0.6, service_s=1) == pytest.approx(simulated, rel=0.03)
