"""Effects: what tasks do to the outside world happens once, however often they are delivered.

This is the difference between a queue that delivers at least once and a system whose users notice nothing of it.
"""

from __future__ import annotations

from simkit.checks.check import Check
from simkit.node import Event
from simkit_nodes.task_queue.checks.stories import Stories, task_of
from simkit_nodes.task_queue.events import EffectApplied, EffectRefused, ResultRefused, TaskRedelivered


class EffectOnce(Check):
    """No idempotency key takes effect twice."""

    name = "effect_once"

    def __init__(self) -> None:
        super().__init__()
        self.redelivered = 0
        self.fenced = 0
        self.twice = 0
        self._stories = Stories()
        self._applied: dict[str, int] = {}

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        task = task_of(event)
        if task is None:
            return
        self._stories.remember(time_ns, host, event, task)
        if isinstance(event, EffectApplied):
            times = self._applied[event.key] = self._applied.get(event.key, 0) + 1
            if times > 1:
                self.twice += 1
                text = f"task {event.task} took effect {'twice' if times == 2 else f'{times} times'}"
                self.violated(time_ns, host, text, *self._stories.tell(event.task))
        elif isinstance(event, TaskRedelivered):
            self.redelivered += 1
        elif isinstance(event, (EffectRefused, ResultRefused)):
            self.fenced += 1

    def summary(self) -> str:
        return f"{self.redelivered:,} delivered again, {self.fenced:,} late results fenced off, {self.twice:,} twice"
