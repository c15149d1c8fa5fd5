"""Delivery: what was acknowledged stays, ends once, and is nobody else's while it is leased.

Not at-least-once in general: a task that sits in the queue at the end of a run is not lost; that it ends is the
business of `queue_drained`.
"""

from __future__ import annotations

from dataclasses import dataclass

from simkit.checks import Step, sees
from simkit.node import Event
from simkit_nodes.task_queue.checks.stories import TaskCheck
from simkit_nodes.task_queue.events import (
    BrokerRecovered,
    LeaseExtended,
    TaskAcknowledged,
    TaskDead,
    TaskFailed,
    TaskLeased,
    TaskRecovered,
    TaskRedelivered,
    TaskRedriven,
    TaskReleased,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
    WorkerStarted,
)
from simkit_nodes.task_queue.scripts import TERMINAL

Ended = TaskSucceeded | TaskFailed | TaskDead
ENDS = (TaskSucceeded, TaskFailed, TaskDead)


@dataclass(slots=True)
class _Open:
    """A task that has not both been acknowledged and ended."""

    acknowledged: bool = False
    ended: bool = False
    holder: str | None = None  # the worker that alone knows it (ack: early)
    until_ns: int = 0  # when that worker should have ended it


class NoAckedTaskLost(TaskCheck):
    """Whatever a client was told is in the queue is there, or in a worker's hands, until it ends.

    Lost is: not found when a broker comes back; only in the memory of a worker that has started anew (`ack: early`),
    or that has held it longer than a lease when the run ends.
    """

    name = "no_acked_task_lost"

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged = 0
        self.lost = 0
        self._open: dict[str, _Open] = {}
        self._held: dict[str, dict[str, None]] = {}  # tasks by the worker that alone knows them
        self._found: dict[str, str] = {}  # tasks of the recovery being told
        self._vanished: dict[str, None] = {}  # gone in a recovery before anybody was told of them

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: TaskSubmitted) -> None:
        self._open[event.task] = _Open()
        self._vanished.pop(event.task, None)

    @sees(TaskAcknowledged)
    def _acknowledge(self, time_ns: int, host: str, event: TaskAcknowledged) -> None:
        self.acknowledged += 1
        task = event.task
        entry = self._open.get(task)
        if task in self._vanished:
            self._open[task] = _Open(acknowledged=True)
            self._lose(time_ns, host, task, "was gone before its acknowledgement arrived")
        elif entry is None:
            self._open[task] = _Open(acknowledged=True)
        elif entry.ended:
            del self._open[task]
        else:
            entry.acknowledged = True

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        entry = self._open.get(event.task)
        if event.early and entry is not None:
            entry.holder = event.worker
            entry.until_ns = time_ns + event.deadline_ns - event.now_ns
            self._held.setdefault(event.worker, {})[event.task] = None

    @sees(TaskRetried, TaskReleased)
    def _return(self, time_ns: int, host: str, event: TaskRetried | TaskReleased) -> None:
        self._let_go(event.task)

    @sees(TaskRedriven)
    def _redrive(self, time_ns: int, host: str, event: TaskRedriven) -> None:
        self._open[event.task] = _Open(acknowledged=True)

    @sees(*ENDS)
    def _end(self, time_ns: int, host: str, event: Ended) -> None:
        self._close(event.task)

    @sees(TaskRecovered)
    def _find(self, time_ns: int, host: str, event: TaskRecovered) -> None:
        self._found[event.task] = event.state

    @sees(WorkerStarted)
    def _start(self, time_ns: int, host: str, event: WorkerStarted) -> None:
        for held in list(self._held.get(host, ())):
            self._lose(time_ns, host, held, f"was only in the memory of {host}, which has started anew")

    def _let_go(self, task: str) -> None:
        entry = self._open.get(task)
        if entry is not None and entry.holder is not None:
            self._held[entry.holder].pop(task, None)
            entry.holder = None

    def _close(self, task: str) -> None:
        self._let_go(task)
        entry = self._open.get(task)
        if entry is None:
            return
        if entry.acknowledged:
            del self._open[task]
        else:
            entry.ended = True

    @sees(BrokerRecovered)
    def _recover(self, time_ns: int, host: str, event: BrokerRecovered) -> None:
        found, self._found = self._found, {}
        for task, entry in list(self._open.items()):
            state = found.get(task)
            if state in TERMINAL:
                self._close(task)
            elif state is None and not entry.ended:
                if entry.acknowledged:
                    self._lose(time_ns, host, task, "is not in the broker's file after a restart")
                else:
                    self._let_go(task)
                    del self._open[task]
                    self._vanished[task] = None

    def _lose(self, time_ns: int, host: str, task: str, how: str) -> None:
        self._let_go(task)
        entry = self._open.pop(task, None)
        if entry is not None and entry.acknowledged:
            self.lost += 1
            text = f"task {task} was acknowledged and is lost: it {how}"
            self.broken(time_ns, host, task, text, Step(time_ns, host, f"task {task} {how}"))

    def conclude(self, end_ns: int) -> None:
        for task, entry in list(self._open.items()):
            if entry.holder is not None and entry.until_ns < end_ns:
                self._lose(end_ns, entry.holder, task, f"was handed to {entry.holder}, which never ended it")

    def summary(self) -> str:
        return f"{self.acknowledged:,} tasks acknowledged, {self.lost:,} lost"


class TerminalStateUnique(TaskCheck):
    """A task ends once: the first of success, failure and dead letter stands."""

    name = "terminal_state_unique"

    def __init__(self) -> None:
        super().__init__()
        self._ended: dict[str, Ended] = {}

    @sees(TaskRedriven)
    def _redrive(self, time_ns: int, host: str, event: TaskRedriven) -> None:
        self._ended.pop(event.task, None)

    @sees(*ENDS)
    def _end(self, time_ns: int, host: str, event: Ended) -> None:
        kind = _KINDS[type(event)]
        first = self._ended.setdefault(event.task, event)
        if first is not event:
            before = _KINDS[type(first)]
            how = f"ended as {kind} twice" if before == kind else f"ended as {before} and then as {kind}"
            text = f"task {event.task} {how}"
            self.broken(time_ns, host, event.task, text)

    def summary(self) -> str:
        return f"{len(self._ended):,} tasks ended, {self.violations_total:,} more than once"


_KINDS: dict[type[Event], str] = {TaskSucceeded: "success", TaskFailed: "failure", TaskDead: "dead"}


class LeaseExclusive(TaskCheck):
    """Two workers never hold a valid lease of one task at the same moment of the broker's clock."""

    name = "lease_exclusive"

    def __init__(self) -> None:
        super().__init__()
        self.leases = 0
        self._live: dict[str, TaskLeased | LeaseExtended] = {}

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        self.leases += 1
        live = self._live.get(event.task)
        if live is not None and live.deadline_ns > event.now_ns:
            left = (live.deadline_ns - event.now_ns) / 1e9
            text = f"task {event.task} leased to {event.worker} while {live.worker} still held it for {left:.3f} s"
            self.broken(time_ns, host, event.task, text)
        if not event.early:
            self._live[event.task] = event

    @sees(LeaseExtended)
    def _extend(self, time_ns: int, host: str, event: LeaseExtended) -> None:
        live = self._live.get(event.task)
        if live is not None and live.token == event.token:
            self._live[event.task] = event

    @sees(TaskRedelivered)
    def _redeliver(self, time_ns: int, host: str, event: TaskRedelivered) -> None:
        live = self._live.pop(event.task, None)
        if live is not None and live.token == event.token and live.deadline_ns > event.now_ns:
            text = f"the sweeper took task {event.task} from {live.worker} before its deadline"
            self.broken(time_ns, host, event.task, text)

    @sees(*ENDS, TaskRetried, TaskReleased)
    def _end(self, time_ns: int, host: str, event: Ended | TaskRetried | TaskReleased) -> None:
        self._live.pop(event.task, None)

    def summary(self) -> str:
        return f"{self.leases:,} leases, {self.violations_total:,} overlapping"
