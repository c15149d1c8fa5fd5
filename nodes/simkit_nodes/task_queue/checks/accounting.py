"""Books: every task that was ever submitted is somewhere, and in the end nowhere in the queue.

`accounting` compares what the broker's store counts with what it holds; `queue_drained` is the goal of `eventually`.
"""

from __future__ import annotations

from simkit.checks.check import Check
from simkit.node import Event
from simkit_nodes.task_queue.checks.delivery import ENDS
from simkit_nodes.task_queue.events import (
    BrokerRecovered,
    QueueCounted,
    TaskLeased,
    TaskRecovered,
    TaskRedriven,
    TaskReleased,
    TaskRetried,
    TaskSubmitted,
)
from simkit_nodes.task_queue.scripts import TERMINAL


class Accounting(Check):
    """submitted = success + failure + dead + pending, at every count of the broker's books."""

    name = "accounting"

    def __init__(self) -> None:
        super().__init__()
        self.counts = 0
        self.last: QueueCounted | None = None

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        if not isinstance(event, QueueCounted):
            return
        self.counts += 1
        self.last = event
        pending = event.ready + event.delayed + event.leased + event.taken
        ended = event.success + event.failure + event.dead
        if event.submitted != ended + pending:
            text = f"{event.submitted} tasks were submitted, but {ended} ended and {pending} are pending"
            self.violated(time_ns, host, text)

    def summary(self) -> str:
        if self.last is None:
            return "nothing was counted"
        last = self.last
        pending = last.ready + last.delayed + last.leased + last.taken
        return (
            f"{last.submitted:,} submitted = {last.success:,} success + {last.failure:,} failure + "
            f"{last.dead:,} dead + {pending:,} pending"
        )


class QueueDrained(Check):
    """The goal: nothing is ready, delayed or leased. A task handed out with `ack: early` has left the queue."""

    name = "queue_drained"

    def __init__(self) -> None:
        super().__init__()
        self._pending: dict[str, int] = {}  # tasks in the queue and since when
        self._found: dict[str, str] = {}
        self.most = 0

    @property
    def holds(self) -> bool:
        return not self._pending

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        if isinstance(event, TaskSubmitted):
            self._pending[event.task] = time_ns
            self.most = max(self.most, len(self._pending))
        elif isinstance(event, ENDS):
            self._pending.pop(event.task, None)
        elif isinstance(event, TaskLeased):
            if event.early:
                self._pending.pop(event.task, None)
        elif isinstance(event, (TaskRetried, TaskReleased, TaskRedriven)):
            self._pending.setdefault(event.task, time_ns)
        elif isinstance(event, TaskRecovered):
            self._found[event.task] = event.state
        elif isinstance(event, BrokerRecovered):
            found, self._found = self._found, {}
            self._pending = {
                task: self._pending.get(task, time_ns)
                for task, state in found.items()
                if state not in TERMINAL and state != "taken"
            }

    def summary(self) -> str:
        if self._pending:
            task, since_ns = next(iter(self._pending.items()))
            return f"{len(self._pending):,} tasks still in the queue, the oldest {task} since {since_ns / 1e9:.3f} s"
        return f"at most {self.most:,} tasks in the queue, none now"
