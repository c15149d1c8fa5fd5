"""The ideal queue that figures use as a control: by hand, and against the laws that are its expectation."""

import numpy as np
import pytest

from simkit.explore.statistics import replications
from simkit.laws import erlang, priorities
from simkit_nodes.task_queue.events import TaskLeased, TaskOffered, TaskSucceeded, WorkerStarted
from simkit_nodes.task_queue.ideal import excess_failures, mean_wait_s, waiting_share, waits

SECOND = 10**9


def offered(at_s: float, service_s: float, priority: int = 5) -> tuple[int, str, TaskOffered]:
    return round(at_s * SECOND), "clients-0", TaskOffered("", priority, round(service_s * SECOND))


def leased(at_s: int, task: str, worker: str) -> tuple[int, str, TaskLeased]:
    return at_s * SECOND, "broker", TaskLeased(task, worker, 1, 1, 5, 0, 0, 0, False)


def succeeded(at_s: int, task: str, worker: str) -> tuple[int, str, TaskSucceeded]:
    return at_s * SECOND, "broker", TaskSucceeded(task, worker, 1, 1, 0)


def test_two_servers_take_tasks_in_the_order_of_arrival() -> None:
    tasks = [(0, 5, 10), (1, 5, 4), (2, 5, 3), (3, 5, 1), (20, 5, 1)]
    assert list(waits(tasks, 2)) == [(5, 0, 0), (5, 0, 1), (5, 3, 5), (5, 5, 8), (5, 0, 20)]


def test_the_most_urgent_goes_first_and_nobody_is_interrupted() -> None:
    tasks = [(0, 9, 10), (1, 9, 5), (2, 5, 5), (3, 0, 5), (4, 0, 5)]
    assert list(waits(tasks, 1)) == [(9, 0, 0), (0, 7, 10), (0, 11, 15), (5, 18, 20), (9, 24, 25)]


def test_only_tasks_that_begin_in_the_window_count() -> None:
    heard = [offered(0, 4), offered(1, 2), offered(2, 2, priority=0), offered(10, 1)]
    assert mean_wait_s(heard, (0, 20 * SECOND), servers=1) == (0 + 5 + 2 + 0) / 4
    assert mean_wait_s(heard, (5 * SECOND, 8 * SECOND), servers=1) == 5
    assert mean_wait_s(heard, (0, 20 * SECOND), servers=1, priority=0) == 2
    assert waiting_share(heard, (0, 20 * SECOND), servers=1) == 0.5
    assert mean_wait_s(heard, (30 * SECOND, 40 * SECOND), servers=1) is None
    assert waiting_share([], (0, SECOND), servers=1) is None


def test_its_expectations_are_erlangs_and_cobhams() -> None:
    draws = np.random.default_rng(20_260_101)
    runs = []
    for _ in range(20):
        arrivals = np.cumsum(draws.exponential(SECOND / 1.2, 4_000)).astype(int).tolist()
        services = draws.exponential(SECOND, 4_000).astype(int).tolist()
        classes = draws.choice([0, 5, 9], 4_000, p=[0.25, 0.5, 0.25]).tolist()
        heard = [
            (arrival, "", TaskOffered("", priority, service))
            for arrival, priority, service in zip(arrivals, classes, services, strict=True)
        ]
        window = (100 * SECOND, 10**18)
        alike = [(time_ns, "", TaskOffered("", 5, event.service_ns)) for time_ns, _, event in heard]
        runs.append(
            [
                mean_wait_s(alike, window, servers=2),
                waiting_share(alike, window, servers=2),
                *(mean_wait_s(heard, window, servers=2, priority=priority) for priority in (0, 5, 9)),
            ]
        )
    laws = [
        erlang.mean_wait_s(servers=2, arrivals_per_s=1.2, service_s=1),
        erlang.waiting_probability(servers=2, load_erlangs=1.2),
        *priorities.mean_waits_s(servers=2, arrivals_per_s=(0.3, 0.6, 0.3), service_s=1),
    ]
    for law, sample in zip(laws, np.array(runs).T.tolist(), strict=True):
        estimate = replications(sample, confidence=0.99)
        assert law in estimate.interval
        assert estimate.interval.half_width < 0.1 * law


def test_lost_attempts_are_counted_against_the_time_at_risk() -> None:
    heard = [
        leased(0, "a", "workers-0"),
        leased(2, "b", "workers-1"),
        (4 * SECOND, "workers-0", WorkerStarted(1)),  # "a" is lost after 4 s
        succeeded(12, "b", "workers-1"),
        leased(15, "a", "workers-1"),
    ]
    assert excess_failures(heard, (0, 20 * SECOND), failures_per_s=0.1) == pytest.approx(1 - 0.1 * (4 + 10 + 5))
    assert excess_failures(heard, (5 * SECOND, 13 * SECOND), failures_per_s=0.1) == pytest.approx(0 - 0.1 * 7)
    assert excess_failures(heard, (0, SECOND), failures_per_s=0.1) is None


def test_their_mean_is_nothing_whatever_the_rule_that_ends_attempts() -> None:
    draws = np.random.default_rng(20_260_101)
    runs = []
    for _ in range(200):
        heard: list = []
        now_ns = 0
        for task in range(30):
            patience_ns = draws.choice([5, 30, 90]) * SECOND
            while True:
                heard.append((now_ns, "broker", TaskLeased(str(task), "workers-0", 1, 1, 5, 0, 0, 0, False)))
                failure_ns = int(draws.exponential(50 * SECOND))
                now_ns += min(failure_ns, patience_ns)
                if failure_ns >= patience_ns:
                    heard.append((now_ns, "broker", TaskSucceeded(str(task), "workers-0", 1, 1, 0)))
                    break
                heard.append((now_ns, "workers-0", WorkerStarted(1)))
        runs.append(excess_failures(heard, (0, now_ns + 1), failures_per_s=0.02))
    assert 0.0 in replications(runs, confidence=0.99).interval
    assert np.std(runs) > 0.01
