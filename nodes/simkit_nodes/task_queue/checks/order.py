"""Order: the most urgent first, the oldest first among equals, and nothing before its time.

All three follow the queue through the broker's events, which come in the order in which the broker did things.
"""

from __future__ import annotations

from simkit.checks.check import Check
from simkit.node import Event
from simkit_nodes.task_queue.checks.delivery import ENDS
from simkit_nodes.task_queue.checks.stories import Stories, task_of
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


class PriorityOrder(Check):
    """No task is handed out while a more urgent one is ready."""

    name = "priority_order"

    def __init__(self) -> None:
        super().__init__()
        self.leases = 0
        self._priority: dict[str, int] = {}
        self._ready: list[dict[str, None]] = [{} for _ in range(PRIORITIES)]
        self._found: dict[str, str] = {}

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        if isinstance(event, TaskSubmitted):
            self._priority[event.task] = event.priority
            if not event.due_ns:
                self._ready[event.priority][event.task] = None
        elif isinstance(event, TaskLeased):
            self._leased(time_ns, host, event)
        elif isinstance(event, (TaskPromoted, TaskRedelivered, TaskReleased, TaskRedriven)):
            priority = self._priority.get(event.task)
            if priority is not None:
                self._ready[priority][event.task] = None
        elif isinstance(event, (*ENDS, TaskRetried)):
            self._take(event.task)
        elif isinstance(event, TaskRecovered):
            self._found[event.task] = event.state
        elif isinstance(event, BrokerRecovered):
            self._recovered()

    def _take(self, task: str) -> None:
        priority = self._priority.get(task)
        if priority is not None:
            self._ready[priority].pop(task, None)

    def _leased(self, time_ns: int, host: str, event: TaskLeased) -> None:
        self.leases += 1
        self._take(event.task)
        for urgent in range(event.priority):
            if self._ready[urgent]:
                other = next(iter(self._ready[urgent]))
                text = f"task {event.task} of priority {event.priority} started before {other} of priority {urgent}"
                self.violated(time_ns, host, text)
                return

    def _recovered(self) -> None:
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

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        if isinstance(event, TaskSubmitted):
            self._priority[event.task] = event.priority
            if not event.due_ns:
                self._queue[event.priority][event.task] = None
        elif isinstance(event, (TaskPromoted, TaskRedelivered, TaskReleased, TaskRedriven)):
            priority = self._priority.get(event.task)
            if priority is not None:
                self._queue[priority].pop(event.task, None)
                self._queue[priority][event.task] = None
        elif isinstance(event, TaskLeased):
            self.leases += 1
            queue = self._queue[event.priority]
            if event.task in queue:
                first = next(iter(queue))
                del queue[event.task]
                if first != event.task:
                    self.violated(time_ns, host, f"task {event.task} started before {first}, which was ready earlier")

    def summary(self) -> str:
        return f"{self.leases:,} leases, {self.violations_total:,} out of turn"


class EtaNotEarly(Check):
    """No task starts before the time it was asked to wait for, on the broker's clock."""

    name = "eta_not_early"

    def __init__(self) -> None:
        super().__init__()
        self.delayed = 0
        self._due_ns: dict[str, int] = {}
        self._stories = Stories()

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        task = task_of(event)
        if task is None:
            return
        if isinstance(event, TaskSubmitted) and event.due_ns:
            self.delayed += 1
            self._due_ns[task] = event.due_ns
        if task not in self._due_ns:
            return
        self._stories.remember(time_ns, host, event, task)
        if isinstance(event, TaskLeased):
            early_ns = self._due_ns.pop(task) - event.now_ns
            if early_ns > 0:
                text = f"task {task} started {early_ns / 1e9:.6f} s before its time"
                self.violated(time_ns, host, text, *self._stories.tell(task))

    def summary(self) -> str:
        return f"{self.delayed:,} delayed tasks, {self.violations_total:,} early"
