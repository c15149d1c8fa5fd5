"""Processor sharing against a simulation in which all jobs present advance together."""

from heapq import heappop, heappush

import numpy as np
import pytest

from simkit.laws import processor_sharing


def responses(arrivals: list[float], services: list[float]) -> list[float]:
    """Return each job's time from arrival to completion, on a server that divides itself among all present."""
    present: list[tuple[float, int]] = []  # by the amount of service a job alone would have had when it is done
    now = given = 0.0
    done = [0.0] * len(arrivals)

    def advance(until: float) -> None:
        nonlocal now, given
        while present and now + (present[0][0] - given) * len(present) <= until:
            finish, job = heappop(present)
            now += (finish - given) * (len(present) + 1)
            given = finish
            done[job] = now
        given += (until - now) / len(present) if present else 0.0
        now = until

    for job, (arrival, service) in enumerate(zip(arrivals, services, strict=True)):
        advance(arrival)
        heappush(present, (given + service, job))
    advance(1e18)
    return [end - begin for begin, end in zip(arrivals, done, strict=True)]


def test_two_jobs_share() -> None:
    assert responses([0.0, 1.0], [2.0, 1.0]) == pytest.approx([3.0, 2.0])


@pytest.mark.parametrize("kind", ["exponential", "constant", "long and short"])
def test_the_mean_response_does_not_depend_on_the_kind_of_service(kind: str, draws: np.random.Generator) -> None:
    jobs = 120_000
    services = {
        "exponential": draws.exponential(1.0, jobs),
        "constant": np.ones(jobs),
        "long and short": np.where(draws.random(jobs) < 0.2, 3.0, 0.5),
    }[kind]
    arrivals = draws.exponential(1 / 0.6, jobs).cumsum()
    simulated = np.array(responses(arrivals.tolist(), services.tolist()))
    assert simulated.mean() == pytest.approx(
        processor_sharing.mean_response_s(arrivals_per_s=0.6, service_s=1), rel=0.06
    )
    if kind == "long and short":
        law = processor_sharing.mean_response_of_job_s(3.0, arrivals_per_s=0.6, service_s=1)
        assert simulated[services == 3.0].mean() == pytest.approx(law, rel=0.06)


def test_half_of_the_server_is_left_at_half_load() -> None:
    assert processor_sharing.slowdown(arrivals_per_s=5, service_s=0.1) == pytest.approx(2)
    assert processor_sharing.mean_response_s(arrivals_per_s=0, service_s=0.1) == 0.1


def test_the_number_present_follows_from_the_response() -> None:
    shares = [processor_sharing.number_probability(n, arrivals_per_s=7, service_s=0.1) for n in range(500)]
    present = sum(number * share for number, share in enumerate(shares))
    assert present == pytest.approx(7 * processor_sharing.mean_response_s(arrivals_per_s=7, service_s=0.1))
