"""Cobham's waits against the balance equations of two classes, and against what cannot change: the mean over all."""

import pytest

from simkit.laws import erlang, priorities, single_server

LONGEST = 24


def pool(urgent_per_s, patient_per_s, servers):
    """A pool of servers of mean service time 1: (busy, urgent waiting, patient waiting)."""

    def moves(state):
        busy, urgent, patient = state
        if busy < servers:
            yield (busy + 1, 0, 0), urgent_per_s + patient_per_s
        else:
            if urgent < LONGEST:
                yield (busy, urgent + 1, patient), urgent_per_s
            if patient < LONGEST:
                yield (busy, urgent, patient + 1), patient_per_s
        if urgent:
            yield (busy, urgent - 1, patient), busy
        elif patient:
            yield (busy, urgent, patient - 1), busy
        elif busy:
            yield (busy - 1, 0, 0), busy

    return moves


def unequal(rates_per_s, services_s):
    """One server, exponential service by class: (class in service or None, urgent waiting, patient waiting)."""

    def moves(state):
        served, urgent, patient = state
        if served is None:
            yield (0, 0, 0), rates_per_s[0]
            yield (1, 0, 0), rates_per_s[1]
            return
        if urgent < LONGEST:
            yield (served, urgent + 1, patient), rates_per_s[0]
        if patient < LONGEST:
            yield (served, urgent, patient + 1), rates_per_s[1]
        after = (0, urgent - 1, patient) if urgent else (1, urgent, patient - 1) if patient else (None, 0, 0)
        yield after, 1 / services_s[served]

    return moves


def test_three_classes_on_eight_servers() -> None:
    waits_s = priorities.mean_waits_s(servers=8, arrivals_per_s=(2, 3, 2), service_s=1)
    assert waits_s == pytest.approx((0.10589, 0.28236, 1.69418), abs=5e-6)


@pytest.mark.parametrize("servers", [1, 2, 3])
def test_a_pool_waits_as_the_balance_equations_say(servers: int, steady_state) -> None:
    rates_per_s = (0.25 * servers, 0.25 * servers)
    shares = steady_state((0, 0, 0), pool(*rates_per_s, servers))
    waiting = [sum(state[1 + place] * share for state, share in shares.items()) for place in (0, 1)]
    waits_s = priorities.mean_waits_s(servers=servers, arrivals_per_s=rates_per_s, service_s=1)
    assert waits_s == pytest.approx([n / rate for n, rate in zip(waiting, rates_per_s, strict=True)], rel=1e-5)


def test_classes_of_unequal_service_wait_as_the_balance_equations_say(steady_state) -> None:
    rates_per_s, services_s = (0.3, 0.1), (1.0, 2.0)
    shares = steady_state((None, 0, 0), unequal(rates_per_s, services_s))
    waiting = [sum(state[1 + place] * share for state, share in shares.items()) for place in (0, 1)]
    waits_s = priorities.mean_waits_single_server_s(
        arrivals_per_s=rates_per_s, services_s=services_s, squared_variations=(1, 1)
    )
    assert waits_s == pytest.approx([n / rate for n, rate in zip(waiting, rates_per_s, strict=True)], rel=1e-5)


def test_priorities_move_waits_about_and_save_none() -> None:
    rates_per_s = (1.0, 2.5, 0.5, 1.0)
    waits_s = priorities.mean_waits_s(servers=6, arrivals_per_s=rates_per_s, service_s=1)
    mean_s = sum(rate * wait for rate, wait in zip(rates_per_s, waits_s, strict=True)) / sum(rates_per_s)
    assert mean_s == pytest.approx(erlang.mean_wait_s(servers=6, arrivals_per_s=5, service_s=1))
    assert list(waits_s) == sorted(waits_s)


def test_one_class_is_no_priority_at_all() -> None:
    alone = priorities.mean_waits_single_server_s(arrivals_per_s=(0.7,), services_s=(1,), squared_variations=(0.4,))
    fifo = single_server.mean_wait_s(arrivals_per_s=0.7, service_s=1, squared_variation=0.4)
    assert alone == pytest.approx((fifo,))
    assert priorities.mean_waits_s(servers=3, arrivals_per_s=(2,), service_s=1) == pytest.approx(
        (erlang.mean_wait_s(servers=3, arrivals_per_s=2, service_s=1),)
    )
