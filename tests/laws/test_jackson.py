"""Networks of queues against hand-made flows and the balance equations of two stations."""

import pytest

from simkit.laws import erlang, jackson

LONGEST = 30


def with_feedback(arrivals_per_s, rates_per_s, back):
    """Two single servers in a row; a share of what leaves the second begins again at the first."""

    def moves(state):
        first, second = state
        if first < LONGEST:
            yield (first + 1, second), arrivals_per_s
        if first and second < LONGEST:
            yield (first - 1, second + 1), rates_per_s[0]
        if second:
            yield (first, second - 1), rates_per_s[1] * (1 - back)
            if first < LONGEST:
                yield (first + 1, second - 1), rates_per_s[1] * back

    return moves


def test_two_stations_in_a_row() -> None:
    assert jackson.tandem_mean_response_s(arrivals_per_s=6, services_s=(1 / 10, 1 / 9)) == pytest.approx(
        1 / (10 - 6) + 1 / (9 - 6)
    )


def test_a_row_is_a_network_too() -> None:
    row = jackson.mean_response_s(
        arrivals_per_s=(6, 0), routing=((0, 1), (0, 0)), services_s=(1 / 10, 1 / 9), servers=(1, 1)
    )
    assert row == pytest.approx(jackson.tandem_mean_response_s(arrivals_per_s=6, services_s=(1 / 10, 1 / 9)))


def test_flows_that_come_back_and_divide() -> None:
    flows = jackson.flows_per_s(arrivals_per_s=(1, 2, 0), routing=((0.0, 0.5, 0.5), (0.0, 0.0, 0.25), (0.5, 0.0, 0.0)))
    first, second, third = flows
    assert first == pytest.approx(1 + 0.5 * third)
    assert second == pytest.approx(2 + 0.5 * first)
    assert third == pytest.approx(0.5 * first + 0.25 * second)


def test_a_loop_responds_as_the_balance_equations_say(steady_state) -> None:
    shares = steady_state((0, 0), with_feedback(1.0, (4.0, 5.0), 0.3))
    present = sum((first + second) * share for (first, second), share in shares.items())
    law = jackson.mean_response_s(
        arrivals_per_s=(1.0, 0.0), routing=((0, 1), (0.3, 0)), services_s=(1 / 4, 1 / 5), servers=(1, 1)
    )
    assert law == pytest.approx(present / 1.0, rel=1e-6)


def test_a_station_may_have_several_servers() -> None:
    alone = jackson.mean_response_s(arrivals_per_s=(7,), routing=((0,),), services_s=(1,), servers=(8,))
    assert alone == pytest.approx(erlang.mean_response_s(servers=8, arrivals_per_s=7, service_s=1))


def test_jobs_that_never_leave_are_refused() -> None:
    with pytest.raises(ValueError, match="leave in the end"):
        jackson.flows_per_s(arrivals_per_s=(1, 0), routing=((0, 1), (1, 0)))
