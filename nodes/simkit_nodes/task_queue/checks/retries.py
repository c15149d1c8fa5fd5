"""Retries: attempts have a limit, and the time between them is what the policy says.

Both read the broker's events; the bounds of a delay come from the worker that planned it, what came of it from the
queue.
"""

from __future__ import annotations

from simkit.checks.check import Check
from simkit.node import Event
from simkit_nodes.task_queue.checks.delivery import ENDS
from simkit_nodes.task_queue.checks.stories import Stories, task_of
from simkit_nodes.task_queue.events import RetryPlanned, TaskLeased, TaskRetried, TaskSubmitted

MICROSECOND_NS = 1_000  # delays travel in whole microseconds


class AttemptsBounded(Check):
    """No task is started more often than it may be."""

    name = "attempts_bounded"

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._allowed: dict[str, int] = {}
        self._stories = Stories()

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        task = task_of(event)
        if task is None:
            return
        self._stories.remember(time_ns, host, event, task)
        if isinstance(event, TaskSubmitted):
            self._allowed[task] = event.attempts_max
        elif isinstance(event, TaskLeased):
            self.most = max(self.most, event.attempt)
            allowed = self._allowed.get(task)
            if allowed is not None and event.attempt > allowed:
                text = f"task {task} started for the {event.attempt}. time, {allowed} are allowed"
                self.violated(time_ns, host, text, *self._stories.tell(task))

    def summary(self) -> str:
        return f"at most {self.most} attempts, {self.violations_total:,} beyond the limit"


class BackoffRespected(Check):
    """A failed attempt is followed by the next no sooner than the policy's least delay, and not before its due time."""

    name = "backoff_respected"

    def __init__(self) -> None:
        super().__init__()
        self.retries = 0
        self._planned: dict[tuple[str, int], RetryPlanned] = {}
        self._due_ns: dict[str, int] = {}
        self._stories = Stories()

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        task = task_of(event)
        if task is None:
            return
        self._stories.remember(time_ns, host, event, task)
        if isinstance(event, RetryPlanned):
            self._planned[task, event.attempt] = event
        elif isinstance(event, TaskRetried):
            self._retried(time_ns, host, event)
        elif isinstance(event, TaskLeased):
            due_ns = self._due_ns.pop(task, 0)
            if event.now_ns < due_ns:
                early = (due_ns - event.now_ns) / 1e9
                text = f"task {task} tried again {early:.6f} s before its delay was over"
                self.violated(time_ns, host, text, *self._stories.tell(task))
        elif isinstance(event, ENDS):
            self._due_ns.pop(task, None)

    def _retried(self, time_ns: int, host: str, event: TaskRetried) -> None:
        self.retries += 1
        self._due_ns[event.task] = event.due_ns
        planned = self._planned.pop((event.task, event.attempt), None)
        if planned is None:
            return
        if not planned.lower_ns - MICROSECOND_NS < event.delay_ns <= planned.upper_ns:
            seconds = event.delay_ns / 1e9
            text = (
                f"task {event.task} is delayed by {seconds:.6f} s after attempt {event.attempt}; "
                f"the policy says {planned.lower_ns / 1e9:.6f} to {planned.upper_ns / 1e9:.6f} s"
            )
            self.violated(time_ns, host, text, *self._stories.tell(event.task))

    def summary(self) -> str:
        return f"{self.retries:,} retries, {self.violations_total:,} outside their delay"
