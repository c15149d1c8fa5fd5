"""Effects: what tasks do to the outside world happens once, however often they are delivered, and happens at all; and
what the newest attempt wrote stays.

This is the difference between a queue that delivers at least once and a system whose users notice nothing of it.
"""

from __future__ import annotations

from simkit.checks import sees
from simkit_nodes.task_queue.checks.stories import TaskCheck
from simkit_nodes.task_queue.events import EffectApplied, EffectRefused, ResultRefused, TaskRedelivered, TaskSucceeded


class EffectOnce(TaskCheck):
    """No idempotency key takes effect twice."""

    name = "effect_once"

    def __init__(self) -> None:
        super().__init__()
        self.redelivered = 0
        self.fenced = 0
        self.twice = 0
        self._applied: dict[str, tuple[int, EffectApplied]] = {}

    @sees(EffectApplied)
    def _apply(self, time_ns: int, host: str, event: EffectApplied) -> None:
        times, before = self._applied.get(event.key, (0, event))
        self._applied[event.key] = times + 1, event
        if times:
            self.twice += 1
            text = f"task {event.task} took effect {'twice' if times == 1 else f'{times + 1} times'}"
            if (before.worker, before.attempt) == (event.worker, event.attempt):
                text += f": a request of {event.worker} arrived once more"
            self.broken(time_ns, host, event.task, text)

    @sees(TaskRedelivered)
    def _redeliver(self, time_ns: int, host: str, event: TaskRedelivered) -> None:
        self.redelivered += 1

    @sees(EffectRefused, ResultRefused)
    def _refuse(self, time_ns: int, host: str, event: EffectRefused | ResultRefused) -> None:
        self.fenced += 1

    def summary(self) -> str:
        return f"{self.redelivered:,} delivered again, {self.fenced:,} late results fenced off, {self.twice:,} twice"


class EffectOrder(TaskCheck):
    """What an attempt of a task wrote is not overwritten by what an older attempt of it writes.

    One idempotency key that takes effect twice is for `effect_once`, in whatever order it does.
    """

    name = "effect_order"

    def __init__(self) -> None:
        super().__init__()
        self.written = 0
        self.backwards = 0
        self._newest: dict[str, EffectApplied] = {}

    @sees(EffectApplied)
    def _apply(self, time_ns: int, host: str, event: EffectApplied) -> None:
        newest = self._newest.setdefault(event.task, event)
        if newest.key != event.key:
            self.written += 1
            if event.attempt < newest.attempt:
                self.backwards += 1
                old, new = f"attempt {event.attempt}", f"attempt {newest.attempt}"
                self.broken(time_ns, host, event.task, f"task {event.task}: what {new} wrote is overwritten by {old}")
        if event.attempt >= newest.attempt:
            self._newest[event.task] = event

    def summary(self) -> str:
        return f"{self.written:,} effects over others of their tasks, {self.backwards:,} of them older than those"


class EffectComplete(TaskCheck):
    """No task ends in success whose effect never took place, and none is turned away for which nothing newer stands."""

    name = "effect_complete"

    def __init__(self) -> None:
        super().__init__()
        self.succeeded = 0
        self.missing = 0
        self._keys: set[str] = set()
        self._latest: dict[str, int] = {}

    @sees(EffectApplied)
    def _apply(self, time_ns: int, host: str, event: EffectApplied) -> None:
        self._keys.add(event.key)
        self._latest[event.task] = max(event.attempt, self._latest.get(event.task, 0))

    @sees(EffectRefused)
    def _refuse(self, time_ns: int, host: str, event: EffectRefused) -> None:
        if event.key not in self._keys and event.attempt > self._latest.get(event.task, 0):
            self.missing += 1
            text = f"task {event.task}: attempt {event.attempt} was turned away, though no newer effect stands"
            self.broken(time_ns, host, event.task, text)

    @sees(TaskSucceeded)
    def _succeed(self, time_ns: int, host: str, event: TaskSucceeded) -> None:
        self.succeeded += 1
        if event.task not in self._latest:
            self.missing += 1
            self.broken(time_ns, host, event.task, f"task {event.task} ended in success, its effect never took place")

    def summary(self) -> str:
        return f"{self.succeeded:,} tasks ended in success, {self.missing:,} without their effect"
