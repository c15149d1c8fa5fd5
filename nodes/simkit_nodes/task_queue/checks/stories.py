"""The life of a task as lines of a story, kept for the tasks that were in the news last.

What is kept for how long is the chronicle's business. This deliberately judges nothing: it says what events mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simkit.checks import Check, Chronicle, Step
from simkit.checks.onlooker import Onlooker, Sight
from simkit.node import Event
from simkit_nodes.task_queue.events import (
    EffectApplied,
    EffectRefused,
    LeaseExtended,
    LeaseLost,
    ResultRefused,
    RetryPlanned,
    TaskAcknowledged,
    TaskDead,
    TaskFailed,
    TaskLeased,
    TaskOffered,
    TaskPromoted,
    TaskRecovered,
    TaskRedelivered,
    TaskRedriven,
    TaskRefused,
    TaskReleased,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
)


class TaskCheck(Check):
    """A check about single tasks: it remembers what happened to each, and tells it with a violation.

    Of several in one run the first remembers for all.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stories = Chronicle(describe)
        self._remembers = True

    def meet(self, others: Sequence[Onlooker]) -> None:
        first = next(other for other in others if isinstance(other, TaskCheck))
        self._stories, self._remembers = first._stories, first is self

    def sights(self, kind: type[Event]) -> tuple[Sight, ...]:
        seen = super().sights(kind)
        return (self._remember, *seen) if self._remembers else seen

    def _remember(self, time_ns: int, host: str, event: Event) -> None:
        task = getattr(event, "task", None)
        if task is not None:
            self._stories.remember(time_ns, host, event, task)

    def broken(self, time_ns: int, host: str, task: str, text: str, *last: Step) -> None:
        """Note a violation that is about one task."""
        self.violated(time_ns, host, text, *self._stories.tell(task), *last)


def describe(event: Any) -> str:
    """One line that says what an event means for its task."""
    match event:
        case TaskOffered():
            return f"task {event.task} arrives, {event.service_ns / 1e9:.3f} s of work"
        case TaskAcknowledged():
            return f"task {event.task} acknowledged"
        case TaskRefused():
            return f"task {event.task} is not taken: {event.reason}"
        case TaskSubmitted():
            return f"task {event.task} stored, priority {event.priority}"
        case TaskLeased(early=True):
            return f"task {event.task} handed to {event.worker} and forgotten (ack: early), attempt {event.attempt}"
        case TaskLeased():
            seconds = (event.deadline_ns - event.now_ns) / 1e9
            return f"lease {event.token} of {event.task} to {event.worker}, attempt {event.attempt}, for {seconds:g} s"
        case LeaseExtended():
            return f"lease of {event.task} to {event.worker} extended"
        case LeaseLost():
            return f"lease {event.token} of {event.task} is another's now"
        case TaskRedelivered():
            return f"sweeper: lease {event.token} of {event.task} expired, queued again"
        case TaskReleased():
            return f"task {event.task} given back by {event.worker}"
        case TaskPromoted():
            return f"task {event.task} is due"
        case TaskSucceeded():
            return f"task {event.task} success by {event.worker}, attempt {event.attempt}"
        case TaskFailed():
            return f"task {event.task} failure by {event.worker}: {event.reason}"
        case TaskRetried():
            seconds = event.delay_ns / 1e9
            return f"task {event.task} attempt {event.attempt} failed, next in {seconds:.3f} s: {event.reason}"
        case RetryPlanned():
            return f"task {event.task} to be tried again in {event.delay_ns / 1e9:.3f} s"
        case TaskDead():
            return f"task {event.task} is a dead letter: {event.reason}"
        case TaskRedriven():
            return f"task {event.task} redriven"
        case ResultRefused():
            return f"result of {event.worker} for {event.task} refused: {event.reason}"
        case TaskRecovered():
            return f"task {event.task} found after a restart: {event.state}"
        case EffectApplied():
            return f"attempt {event.attempt} of {event.task} by {event.worker}: effect took place"
        case EffectRefused():
            return f"attempt {event.attempt} of {event.task} by {event.worker}: effect refused ({event.reason})"
    return type(event).__name__
