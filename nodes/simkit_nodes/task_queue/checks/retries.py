"""Retries: attempts have a limit, and the time between them is what the policy says.

Both read the broker's events; the bounds of a delay come from the worker that planned it, what came of it from the
queue.
"""

from __future__ import annotations

from simkit.checks import sees
from simkit_nodes.task_queue.checks.delivery import ENDS, Ended
from simkit_nodes.task_queue.checks.stories import TaskCheck
from simkit_nodes.task_queue.events import RetryPlanned, TaskLeased, TaskRetried, TaskSubmitted

MICROSECOND_NS = 1_000  # delays travel in whole microseconds


class AttemptsBounded(TaskCheck):
    """No task is started more often than it may be."""

    name = "attempts_bounded"

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._allowed: dict[str, int] = {}

    @sees(TaskSubmitted)
    def _submit(self, time_ns: int, host: str, event: TaskSubmitted) -> None:
        self._allowed[event.task] = event.attempts_max

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        self.most = max(self.most, event.attempt)
        allowed = self._allowed.get(event.task)
        if allowed is not None and event.attempt > allowed:
            text = f"task {event.task} started for the {event.attempt}. time, {allowed} are allowed"
            self.broken(time_ns, host, event.task, text)

    def summary(self) -> str:
        return f"at most {self.most} attempts, {self.violations_total:,} beyond the limit"


class BackoffRespected(TaskCheck):
    """A failed attempt is followed by the next no sooner than the policy's least delay, and not before its due time."""

    name = "backoff_respected"

    def __init__(self) -> None:
        super().__init__()
        self.retries = 0
        self._planned: dict[tuple[str, int], RetryPlanned] = {}
        self._due_ns: dict[str, int] = {}

    @sees(RetryPlanned)
    def _plan(self, time_ns: int, host: str, event: RetryPlanned) -> None:
        self._planned[event.task, event.attempt] = event

    @sees(TaskLeased)
    def _lease(self, time_ns: int, host: str, event: TaskLeased) -> None:
        early_ns = self._due_ns.pop(event.task, 0) - event.now_ns
        if early_ns > 0:
            text = f"task {event.task} tried again {early_ns / 1e9:.6f} s before its delay was over"
            self.broken(time_ns, host, event.task, text)

    @sees(*ENDS)
    def _end(self, time_ns: int, host: str, event: Ended) -> None:
        self._due_ns.pop(event.task, None)

    @sees(TaskRetried)
    def _retry(self, time_ns: int, host: str, event: TaskRetried) -> None:
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
            self.broken(time_ns, host, event.task, text)

    def summary(self) -> str:
        return f"{self.retries:,} retries, {self.violations_total:,} outside their delay"
