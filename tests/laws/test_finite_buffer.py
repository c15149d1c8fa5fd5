"""Queues with a limit against the balance equations, the textbook's single-server formula and Erlang B."""

import pytest

from simkit.laws import erlang, finite_buffer, single_server


def limited(load, servers, capacity):
    def moves(jobs):
        if jobs < capacity:
            yield jobs + 1, load
        if jobs:
            yield jobs - 1, min(jobs, servers)

    return moves


@pytest.mark.parametrize(("servers", "capacity", "load"), [(1, 1, 0.4), (1, 10, 0.9), (3, 7, 5.0), (4, 4, 2.0)])
def test_shares_are_what_the_balance_equations_say(servers: int, capacity: int, load: float, steady_state) -> None:
    shares = steady_state(0, limited(load, servers, capacity))
    law = finite_buffer.number_probabilities(servers=servers, capacity=capacity, load_erlangs=load)
    assert law == pytest.approx([shares[jobs] for jobs in range(capacity + 1)])
    present = finite_buffer.mean_number(servers=servers, capacity=capacity, load_erlangs=load)
    assert present == pytest.approx(sum(jobs * share for jobs, share in shares.items()))


@pytest.mark.parametrize(("load", "lost"), [(0.9, 0.0508), (1.25, 0.2188)])
def test_a_buffer_of_ten(load: float, lost: float) -> None:
    assert finite_buffer.blocking_probability(capacity=10, load_erlangs=load) == pytest.approx(lost, abs=5e-5)
    closed = (1 - load) * load**10 / (1 - load**11)
    assert finite_buffer.blocking_probability(capacity=10, load_erlangs=load) == pytest.approx(closed)


def test_at_a_load_of_one_every_number_is_as_likely() -> None:
    assert finite_buffer.number_probabilities(capacity=4, load_erlangs=1) == pytest.approx([0.2] * 5)


def test_without_waiting_room_it_is_erlang_b() -> None:
    assert finite_buffer.blocking_probability(servers=12, capacity=12, load_erlangs=9) == pytest.approx(
        erlang.blocking_probability(servers=12, load_erlangs=9)
    )


def test_a_very_long_buffer_is_no_limit() -> None:
    wait_s = finite_buffer.mean_wait_s(capacity=3_000, arrivals_per_s=8, service_s=0.1)
    assert wait_s == pytest.approx(single_server.mean_wait_s(arrivals_per_s=8, service_s=0.1))
    assert finite_buffer.blocking_probability(capacity=50_000, load_erlangs=2) == pytest.approx(0.5)


def test_what_gets_in_is_served() -> None:
    system = {"servers": 2, "capacity": 5, "arrivals_per_s": 30, "service_s": 0.1}
    shares = finite_buffer.number_probabilities(servers=2, capacity=5, load_erlangs=3)
    served_per_s = sum(min(jobs, 2) * share for jobs, share in enumerate(shares)) / 0.1
    assert finite_buffer.throughput_per_s(**system) == pytest.approx(served_per_s)
    present = finite_buffer.mean_number(servers=2, capacity=5, load_erlangs=3)
    assert present == pytest.approx(served_per_s * (finite_buffer.mean_wait_s(**system) + 0.1))
