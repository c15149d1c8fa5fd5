"""The arithmetic station against a simulation that moves jobs about one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.kernel import Station


def simulate(servers: int, jobs: list[tuple[int, int]]) -> list[int]:
    """Return when each (arrival, service) job is done, nanosecond by nanosecond, first in first out."""
    waiting = list(range(len(jobs)))
    remaining: dict[int, int] = {}
    done = [0] * len(jobs)
    now_ns = 0
    while waiting or remaining:
        finished = [job for job, left in remaining.items() if left == 0]
        for job in finished:
            done[job] = now_ns
            del remaining[job]
        while waiting and jobs[waiting[0]][0] <= now_ns and len(remaining) < servers:
            job = waiting.pop(0)
            if jobs[job][1] == 0:
                done[job] = now_ns
            else:
                remaining[job] = jobs[job][1]
        for job in remaining:
            remaining[job] -= 1
        now_ns += 1
    return done


jobs_in_order = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 12)), max_size=25).map(
    lambda gaps: [(sum(gap for gap, _ in gaps[: place + 1]), service) for place, (_, service) in enumerate(gaps)]
)


@given(servers=st.integers(1, 4), jobs=jobs_in_order)
def test_a_station_is_done_with_each_job_when_the_simulation_is(servers: int, jobs: list[tuple[int, int]]) -> None:
    station = Station(servers)
    assert [station.admit(arrival_ns, service_ns) for arrival_ns, service_ns in jobs] == simulate(servers, jobs)


@given(servers=st.integers(1, 4), jobs=jobs_in_order, later_ns=st.integers(0, 30))
def test_the_backlog_is_how_long_the_next_job_waits(servers: int, jobs: list[tuple[int, int]], later_ns: int) -> None:
    station = Station(servers)
    for arrival_ns, service_ns in jobs:
        station.admit(arrival_ns, service_ns)
    now_ns = (jobs[-1][0] if jobs else 0) + later_ns
    backlog_ns = station.backlog_ns(now_ns)
    assert backlog_ns >= 0
    assert station.admit(now_ns, 5) == now_ns + backlog_ns + 5


@given(servers=st.integers(1, 4), jobs=jobs_in_order, later_ns=st.integers(0, 30))
def test_a_cleared_station_is_as_good_as_new(servers: int, jobs: list[tuple[int, int]], later_ns: int) -> None:
    used = Station(servers)
    for arrival_ns, service_ns in jobs:
        used.admit(arrival_ns, service_ns)
    now_ns = (jobs[-1][0] if jobs else 0) + later_ns
    used.clear(now_ns)
    new = Station(servers)
    assert used.backlog_ns(now_ns) == 0
    assert [used.admit(now_ns + n, 9) for n in range(8)] == [new.admit(now_ns + n, 9) for n in range(8)]


def test_one_server_works_in_a_row_and_two_side_by_side() -> None:
    one, two = Station(), Station(2)
    assert [one.admit(0, 10) for _ in range(3)] == [10, 20, 30]
    assert [two.admit(0, 10) for _ in range(3)] == [10, 10, 20]


def test_looking_at_the_backlog_changes_nothing() -> None:
    station = Station()
    station.admit(0, 10)
    assert [station.backlog_ns(time_ns) for time_ns in (0, 4, 10, 99, 4)] == [10, 6, 0, 0, 6]


@pytest.mark.parametrize("servers", [0, -1])
def test_a_station_without_servers_is_refused(servers: int) -> None:
    with pytest.raises(ValueError, match="at least one server"):
        Station(servers)


def test_a_job_of_negative_length_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 ns"):
        Station().admit(0, -1)
