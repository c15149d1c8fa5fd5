"""Books: every task that was ever submitted is somewhere, and in the end nowhere in the queue.

`accounting` compares what the broker's store counts with what it holds; `queue_drained` is the goal of `eventually`.
"""

from __future__ import annotations

from simkit.checks import Check, Step, Violation, sees
from simkit.node import Event
from simkit_nodes.task_queue.checks.delivery import ENDS, Ended
from simkit_nodes.task_queue.checks.stories import TaskCheck
from simkit_nodes.task_queue.events import (
    BrokerRecovered,
    LeaseExtended,
    QueueCounted,
    TaskLeased,
    TaskPromoted,
    TaskRecovered,
    TaskRedelivered,
    TaskRedriven,
    TaskReleased,
    TaskRetried,
    TaskSubmitted,
)

OVERDUE_NS = 5 * 10**9  # a sweeper may take this long to find an expired lease


class Accounting(Check):
    """submitted = success + failure + dead + pending, at every count of the broker's books."""

    name = "accounting"

    def __init__(self) -> None:
        super().__init__()
        self.counts = 0
        self.last: QueueCounted | None = None

    @sees(QueueCounted)
    def _count(self, time_ns: int, host: str, event: QueueCounted) -> None:
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


class QueueDrained(TaskCheck):
    """The goal: nobody waits. Nothing is ready to be leased, and no lease is past its deadline and not taken back.

    Tasks in workers' hands and tasks delayed on purpose do not count: under a steady load there are always some.
    """

    name = "queue_drained"

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._ready: dict[str, int] = {}  # since when
        self._leased: dict[str, int] = {}  # until when, in order: all leases of a run are equally long
        self._found: dict[str, str] = {}
        self._now_ns = 0

    @property
    def holds(self) -> bool:
        return not self._ready and not self._overdue()

    def _overdue(self) -> bool:
        first_ns = next(iter(self._leased.values()), None)
        return first_ns is not None and first_ns + OVERDUE_NS < self._now_ns

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        self._now_ns = time_ns

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: TaskSubmitted) -> None:
        if not event.due_ns:
            self._wait(event.task)

    @sees(TaskLeased, LeaseExtended)
    def _lease(self, time_ns: int, host: str, event: TaskLeased | LeaseExtended) -> None:
        self._forget(event.task)
        if not (isinstance(event, TaskLeased) and event.early):
            self._leased[event.task] = time_ns + event.deadline_ns - event.now_ns

    @sees(*ENDS, TaskRetried)
    def _end(self, time_ns: int, host: str, event: Ended | TaskRetried) -> None:
        self._forget(event.task)

    @sees(TaskPromoted, TaskReleased, TaskRedelivered, TaskRedriven)
    def _return(
        self, time_ns: int, host: str, event: TaskPromoted | TaskReleased | TaskRedelivered | TaskRedriven
    ) -> None:
        self._forget(event.task)
        self._wait(event.task)

    @sees(TaskRecovered)
    def _find(self, time_ns: int, host: str, event: TaskRecovered) -> None:
        self._found[event.task] = event.state

    @sees(BrokerRecovered)
    def _recover(self, time_ns: int, host: str, event: BrokerRecovered) -> None:
        found, self._found = self._found, {}
        before, self._ready = self._ready, {}
        for task, state in found.items():
            if state == "ready":
                self._ready[task] = before.get(task, self._now_ns)
        self._leased = {task: until_ns for task, until_ns in self._leased.items() if found.get(task) == "leased"}

    def _wait(self, task: str) -> None:
        self._ready[task] = self._now_ns
        self.most = max(self.most, len(self._ready))

    def _forget(self, task: str) -> None:
        self._ready.pop(task, None)
        self._leased.pop(task, None)

    def unmet(self) -> Violation | None:
        if self._ready:
            task, since_ns = next(iter(self._ready.items()))
            time_ns, text = self._now_ns, f"task {task} has been waiting for {(self._now_ns - since_ns) / 1e9:.0f} s"
        elif self._overdue():
            task, time_ns = next(iter(self._leased.items()))
            text = f"the lease of {task} is over, and until the end of the run nobody takes the task back"
        else:
            return None
        story = self._stories.tell(task)
        host = story[-1].host if story else ""
        return Violation(time_ns, host, text, (*story, Step(time_ns, host, text)))

    def summary(self) -> str:
        if self._ready:
            task, since_ns = next(iter(self._ready.items()))
            return f"{len(self._ready):,} tasks wait, the oldest {task} since {since_ns / 1e9:.3f} s"
        if self._overdue():
            overdue = [task for task, until_ns in self._leased.items() if until_ns + OVERDUE_NS < self._now_ns]
            return f"{len(overdue):,} leases are long past their deadline, the first of task {overdue[0]}"
        return f"at most {self.most:,} tasks waited, none now"
