"""Erlang's formulas against the balance equations, published values and a simulation of the queue."""

from heapq import heapreplace
from math import exp, log

import numpy as np
import pytest

from simkit.laws import erlang


def queue(arrivals_per_s, servers, service_s, longest):
    def moves(jobs):
        if jobs < longest:
            yield jobs + 1, arrivals_per_s
        if jobs:
            yield jobs - 1, min(jobs, servers) / service_s

    return moves


def test_eight_servers_at_seven_erlangs() -> None:
    eight = {"servers": 8, "arrivals_per_s": 7, "service_s": 1}
    assert erlang.waiting_probability(servers=8, load_erlangs=7) == pytest.approx(0.63532, abs=5e-6)
    assert erlang.mean_wait_s(**eight) == pytest.approx(0.63532, abs=5e-6)
    assert erlang.mean_queue(**eight) == pytest.approx(4.4472, abs=5e-5)
    assert erlang.mean_response_s(**eight) == pytest.approx(1.63532, abs=5e-6)


def test_published_values() -> None:
    assert erlang.waiting_probability(servers=10, load_erlangs=8) == pytest.approx(0.40918, abs=5e-6)
    assert erlang.blocking_probability(servers=30, load_erlangs=20) == pytest.approx(0.008457, abs=5e-7)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (2, 1.2), (5, 4.0), (8, 7.0)])
def test_waiting_is_what_the_balance_equations_say(servers: int, load: float, steady_state) -> None:
    shares = steady_state(0, queue(2 * load, servers, 0.5, 400))
    waiting = sum(share for jobs, share in shares.items() if jobs >= servers)
    queued = sum((jobs - servers) * share for jobs, share in shares.items() if jobs > servers)
    assert erlang.waiting_probability(servers=servers, load_erlangs=load) == pytest.approx(waiting)
    assert erlang.mean_queue(servers=servers, arrivals_per_s=2 * load, service_s=0.5) == pytest.approx(queued)


@pytest.mark.parametrize(("servers", "load"), [(1, 3.0), (4, 2.5), (10, 30.0)])
def test_blocking_is_what_the_balance_equations_say(servers: int, load: float, steady_state) -> None:
    shares = steady_state(0, queue(load, servers, 1.0, servers))
    assert erlang.blocking_probability(servers=servers, load_erlangs=load) == pytest.approx(shares[servers])


def test_thousands_of_servers_do_not_overflow() -> None:
    assert erlang.blocking_probability(servers=20_000, load_erlangs=20_000) == pytest.approx(
        (2 / (np.pi * 20_000)) ** 0.5, rel=0.01
    )
    assert erlang.blocking_probability(servers=5_000, load_erlangs=1.0) == 0.0


def test_one_server_is_mm1() -> None:
    assert erlang.waiting_probability(servers=1, load_erlangs=0.8) == pytest.approx(0.8)
    assert erlang.mean_wait_s(servers=1, arrivals_per_s=8, service_s=0.1) == pytest.approx(0.4)
    late = erlang.response_survival(0.7, servers=1, arrivals_per_s=8, service_s=0.1)
    assert late == pytest.approx(exp(-(10 - 8) * 0.7))


@pytest.mark.parametrize(("servers", "load"), [(1, 0.7), (3, 1.0), (3, 2.0), (3, 2.0 + 1e-9), (8, 7.5)])
def test_the_response_is_the_wait_and_then_the_service(servers: int, load: float) -> None:
    system = {"servers": servers, "arrivals_per_s": load, "service_s": 1.0}
    times = np.linspace(0, 3, 6_001)
    middles = (times[1:] + times[:-1]) / 2
    survival = np.array([erlang.wait_survival(t, **system) for t in times])
    waited = survival[:-1] - survival[1:]
    late = survival[-1] + (1 - survival[0]) * exp(-3) + float((waited * np.exp(-(3 - middles))).sum())
    assert erlang.response_survival(3.0, **system) == pytest.approx(late, rel=1e-6)


def test_a_quantile_is_where_the_survival_crosses() -> None:
    system = {"servers": 3, "arrivals_per_s": 25, "service_s": 0.1}
    for probability in (0.5, 0.9, 0.99, 0.9999):
        wait_s = erlang.wait_quantile_s(probability, **system)
        response_s = erlang.response_quantile_s(probability, **system)
        assert erlang.wait_survival(wait_s, **system) == pytest.approx(1 - probability)
        assert erlang.response_survival(response_s, **system) == pytest.approx(1 - probability)


def test_who_rarely_waits_has_a_median_wait_of_nothing() -> None:
    assert erlang.wait_quantile_s(0.5, servers=8, arrivals_per_s=2, service_s=1) == 0.0


def test_the_median_response_of_an_idle_pool_is_that_of_its_service() -> None:
    assert erlang.response_quantile_s(0.5, servers=4, arrivals_per_s=0, service_s=2) == pytest.approx(2 * log(2))


def test_a_simulated_queue_waits_as_long(draws: np.random.Generator) -> None:
    jobs = 60_000
    arrivals = draws.exponential(1 / 4, jobs).cumsum().tolist()
    free = [0.0] * 6
    waits = []
    for arrival, service in zip(arrivals, draws.exponential(1.0, jobs).tolist(), strict=True):
        begin = max(arrival, free[0])
        heapreplace(free, begin + service)
        waits.append(begin - arrival)
    system = {"servers": 6, "arrivals_per_s": 4, "service_s": 1.0}
    assert np.mean(waits) == pytest.approx(erlang.mean_wait_s(**system), rel=0.1)
    assert np.mean(np.array(waits) > 0.3) == pytest.approx(erlang.wait_survival(0.3, **system), rel=0.1)
