"""The queue without its overhead: what a run's own tasks would have met at ideal servers, told from its events.

Figures use it as a control variate (`simkit.explore.control_variate`). `mean_wait_s` and `waiting_share` serve the
tasks of the run by c equal servers and one list of waiting tasks, the most urgent first and the oldest first among
equals, where nothing takes time but the service; in the steady state their expectations are Erlang's and Cobham's.
`excess_failures` compares the attempts that were lost with the time at risk, and has mean 0 whatever tasks do.

It is deliberately not a model of this system: no network, no disk, no broker, and no node reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush, heapreplace

from simkit.card import Heard
from simkit_nodes.task_queue.config import SECOND
from simkit_nodes.task_queue.events import TaskLeased, TaskOffered, TaskSucceeded, WorkerStarted

Window = tuple[int, int]


def waits(tasks: Sequence[tuple[int, int, int]], servers: int) -> Iterator[tuple[int, int, int]]:
    """Yield (priority, wait, begin of the service) of each task, in the order in which they are served.

    Args:
        tasks: (arrival, priority, service), in the order of arrival; times in any unit, 0 the most urgent priority.
        servers: how many tasks are served at a time.
    """
    free = [0] * servers  # when each server is done with what it has
    waiting: list[tuple[int, int, int, int]] = []
    for number, (arrival, priority, service) in enumerate(tasks):
        while waiting and free[0] <= arrival:
            yield _serve(waiting, free, free[0])
        heappush(waiting, (priority, number, arrival, service))
        if free[0] <= arrival:
            yield _serve(waiting, free, arrival)
    while waiting:
        yield _serve(waiting, free, free[0])


def _serve(waiting: list[tuple[int, int, int, int]], free: list[int], begin: int) -> tuple[int, int, int]:
    priority, _, arrival, service = heappop(waiting)
    heapreplace(free, begin + service)
    return priority, begin - arrival, begin


def mean_wait_s(heard: Sequence[Heard], window: Window, *, servers: int, priority: int | None = None) -> float | None:
    """Return the mean wait of the tasks that begin in the window, of all or of one priority; None where none does."""
    waited = [
        wait for each, wait, begin in waits(_offered(heard), servers)
        if window[0] <= begin < window[1] and priority in (None, each)
    ]  # fmt: skip
    return sum(waited) / len(waited) / SECOND if waited else None


def waiting_share(heard: Sequence[Heard], window: Window, *, servers: int) -> float | None:
    """Return the share of tasks that wait at all, of those that begin in the window."""
    waited = [wait > 0 for _, wait, begin in waits(_offered(heard), servers) if window[0] <= begin < window[1]]
    return sum(waited) / len(waited) if waited else None


def _offered(heard: Sequence[Heard]) -> list[tuple[int, int, int]]:
    return [
        (time_ns, event.priority, event.service_ns) for time_ns, _, event in heard if isinstance(event, TaskOffered)
    ]


def excess_failures(heard: Sequence[Heard], window: Window, *, failures_per_s: float) -> float | None:
    """Return the attempts lost beyond rate times time at risk, per task that succeeded in the window.

    What a Poisson process of failures adds to a count, less its rate times the time it could have struck, is a
    martingale: its mean is 0 for whatever rule begins and ends attempts. An attempt is lost when its worker dies, told
    by the next process there.
    """
    at_risk: dict[str, dict[str, int]] = {}
    lost = busy_ns = ended = 0
    for time_ns, host, event in heard:
        counts = window[0] <= time_ns < window[1]
        if isinstance(event, TaskLeased):
            at_risk.setdefault(event.worker, {})[event.task] = time_ns
            continue
        gone = []
        if isinstance(event, WorkerStarted):
            gone = list(at_risk.pop(host, {}).values())
            lost += counts * len(gone)
        elif isinstance(event, TaskSucceeded):
            began_ns = at_risk.get(event.worker, {}).pop(event.task, None)
            gone = [] if began_ns is None else [began_ns]
            ended += counts
        busy_ns += sum(max(0, min(time_ns, window[1]) - max(began_ns, window[0])) for began_ns in gone)
    left = [began_ns for tasks in at_risk.values() for began_ns in tasks.values()]
    busy_ns += sum(max(0, window[1] - max(began_ns, window[0])) for began_ns in left)
    return (lost - failures_per_s * busy_ns / SECOND) / ended if ended else None
