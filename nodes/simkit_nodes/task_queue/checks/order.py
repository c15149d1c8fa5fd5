"""Order: the most urgent first, the oldest first among equals, and nothing before its time.

All three follow the queue through the broker's events, which come in the order in which the broker did things.
"""

from __future__ import annotations

from simkit.checks import Check, sees
from simkit_nodes.task_queue.checks.delivery import ENDS, Ended
from simkit_nodes.task_queue.checks.stories import TaskCheck
from simkit_nodes.task_queue.events import (
    BrokerRecovered,
    TaskLeased,
    TaskPromoted,
    TaskRecovered,
    TaskRedelivered,
    TaskRedriven,
    TaskReleased,
    TaskRetried,
    TaskSubmitted,
)

PRIORITIES = 10
Returned = TaskPromoted | TaskRedelivered | TaskReleased | TaskRedriven
RETURNS = (TaskPromoted, TaskRedelivered, TaskReleased, TaskRedriven)


class PriorityOrder(Check):
    """No task is handed out while a more urgent one is ready."""

    name = "priority_order"

    def __init__(self) -> None:
        super().__init__()
        self.leases = 0
        self._priority: dict[str, int] = {}
        self._ready: list[dict[str, None]] = [{} for _ in range(PRIORITIES)]
        self._found: dict[str, str] = {}

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: TaskSubmitted) -> None:
        self._priority[event.task] = event.priority
        if not event.due_ns:
            self._ready[event.priority][event.task] = None

    @sees(*RETURNS)
    def _return(self, time_ns: int, host: str, event: Returned) -> None:
        priority = self._priority.get(event.task)
        if priority is not None:
            self._ready[priority][event.task] = None

    @sees(*ENDS, TaskRetried)
    def _end(self, time_ns: int, host: str, event: Ended | TaskRetried) -> None:
        self._take(event.task)

    @sees(TaskRecovered)
    def _find(self, time_ns: int, host: str, event: TaskRecovered) -> None:
        self._found[event.task] = event.state

    def _take(self, task: str) -> None:
        priority = self._priority.get(task)
        if priority is not None:
            self._ready[priority].pop(task, None)

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        self.leases += 1
        self._take(event.task)
        for urgent in range(event.priority):
            if self._ready[urgent]:
                other = next(iter(self._ready[urgent]))
                text = f"task {event.task} of priority {event.priority} started before {other} of priority {urgent}"
                self.violated(time_ns, host, text)
                return

    @sees(BrokerRecovered)
    def _recover(self, time_ns: int, host: str, event: BrokerRecovered) -> None:
        found, self._found = self._found, {}
        self._ready = [{} for _ in range(PRIORITIES)]
        for task, state in found.items():
            if state == "ready" and task in self._priority:
                self._ready[self._priority[task]][task] = None

    def summary(self) -> str:
        return f"{self.leases:,} leases, {self.violations_total:,} out of order"


class FifoWithinPriority(Check):
    """Tasks of one priority start in the order in which they became ready. For runs without faults: a redelivered task
    rightly goes to the back."""

    name = "fifo_within_priority"

    def __init__(self) -> None:
        super().__init__()
        self.leases = 0
        self._priority: dict[str, int] = {}
        self._queue: list[dict[str, None]] = [{} for _ in range(PRIORITIES)]

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: TaskSubmitted) -> None:
        self._priority[event.task] = event.priority
        if not event.due_ns:
            self._queue[event.priority][event.task] = None

    @sees(*RETURNS)
    def _return(self, time_ns: int, host: str, event: Returned) -> None:
        priority = self._priority.get(event.task)
        if priority is not None:
            self._queue[priority].pop(event.task, None)
            self._queue[priority][event.task] = None

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        self.leases += 1
        queue = self._queue[event.priority]
        if event.task in queue:
            first = next(iter(queue))
            del queue[event.task]
            if first != event.task:
                self.violated(time_ns, host, f"task {event.task} started before {first}, which was ready earlier")

    def summary(self) -> str:
        return f"{self.leases:,} leases, {self.violations_total:,} out of turn"


class EtaNotEarly(TaskCheck):
    """No task starts before the time it was asked to wait for, on the broker's clock."""

    name = "eta_not_early"

    def __init__(self) -> None:
        super().__init__()
        self.delayed = 0
        self._due_ns: dict[str, int] = {}

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: TaskSubmitted) -> None:
        if event.due_ns:
            self.delayed += 1
            self._due_ns[event.task] = event.due_ns

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        early_ns = self._due_ns.pop(event.task, 0) - event.now_ns
        if early_ns > 0:
            self.broken(time_ns, host, event.task, f"task {event.task} started {early_ns / 1e9:.6f} s before its time")

    def summary(self) -> str:
        return f"{self.delayed:,} delayed tasks, {self.violations_total:,} early"
