"""Linearizability as a check: each operation seems to take effect at one moment between its beginning and its end.

A system names its object in three lines, and its clients record what they invoke (`Node.invoke`):

    class Linearizable(Linearizability):
        \"\"\"Every get returns what the latest put wrote.\"\"\"

        name = "linearizable"
        model = KeyValue()

What Herlihy and Wing (1990) proved makes it affordable: keys are judged one by one.

It deliberately gives no verdict that it cannot prove: when the budget is spent the answer is ``unknown``.
"""

from collections.abc import Hashable, Sequence
from typing import ClassVar

from simkit.checks.check import Step
from simkit.checks.counterexample import Counterexample, counterexample
from simkit.checks.history import HistoryCheck
from simkit.checks.linearization import Budget, Linearization, linearize
from simkit.checks.model import Model
from simkit.observe.document import OperationEntry
from simkit.observe.history import Operation
from simkit.observe.moment import moment

STORIES_MAX = 3
"""Partitions whose contradiction is made as small as possible; of further ones only the operation is named."""

FIRST_SHARE = 20
"""Each partition first gets this part of the budget, so that one hard key cannot hide what is wrong with the others."""


class Linearizability(HistoryCheck):
    """Operations have an order that respects real time and the object's specification.

    Attributes:
        model: the object; see `simkit.checks.objects`, or derive from `Model`.
        budget: steps and bytes for the whole history. functions: those of the model when empty.
    """

    model: ClassVar[Model]
    budget: ClassVar[Budget] = Budget()

    def __init__(self) -> None:
        super().__init__()
        self.parts = 0
        self.lost = 0
        self.steps = 0

    def invoked(self, operation: Operation) -> None:
        if self.functions or not self.model.functions or operation.function in self.model.functions:
            super().invoked(operation)

    def judge(self, operations: Sequence[Operation]) -> None:
        parts: dict[Hashable, list[Operation]] = {}
        for operation in operations:
            parts.setdefault(self.model.partition(operation), []).append(operation)
        self.parts = len(parts)
        self.lost = sum(operation.ended is None for operation in operations)
        first = Budget(self.budget.steps // FIRST_SHARE, self.budget.memory_bytes)
        found = {key: self._search(part, first) for key, part in parts.items()}
        for key in [key for key, each in found.items() if each.verdict == "unknown"]:
            rest = Budget(max(0, self.budget.steps - self.steps), self.budget.memory_bytes)
            if rest.steps > first.steps or found[key].exhausted == "steps":
                found[key] = self._search(parts[key], rest)
        for at_ns, key in self._broken(found):
            self._tell(at_ns, parts[key], found[key])
        self.undecided = self._undecided(found)

    def _search(self, part: Sequence[Operation], budget: Budget) -> Linearization:
        found = linearize(self.model, part, budget)
        self.steps += found.steps
        return found

    def _broken(self, found: dict[Hashable, Linearization]) -> list[tuple[int, Hashable]]:
        """Return when each key without an order met its contradiction, the earliest first."""
        broken = [(key, each.blocked) for key, each in found.items() if each.verdict == "illegal"]
        times = [(blocked.completed_ns or 0, key) for key, blocked in broken if blocked is not None]
        return sorted(times, key=lambda each: each[0])

    def _undecided(self, found: dict[Hashable, Linearization]) -> str:
        open_still = {key: each for key, each in found.items() if each.verdict == "unknown"}
        if not open_still:
            return ""
        spent = " and ".join(dict.fromkeys(each.exhausted for each in open_still.values()))
        which = "" if None in open_still else f" for {len(open_still):,} of {len(found):,} keys"
        return f"the search's budget of {spent} was spent{which} ({self.steps:,} steps)"

    def _tell(self, at_ns: int, part: Sequence[Operation], found: Linearization) -> None:
        if self.violations_total < STORIES_MAX:
            self._explain(counterexample(self.model, part, found))
        elif found.blocked is not None:
            self.violated(at_ns, found.blocked.host, f"{self._named(found.blocked)} fits no order")

    def _explain(self, found: Counterexample) -> None:
        blocked, others = found.blocked, len(found.core) - 1
        with_whom = f"with {others} other operation{'s' * (others != 1)}" if others else "whatever the others did"
        at_ns = blocked.completed_ns or 0
        steps = self.with_events(found.core, (self._step(each) for each in found.core if each is not blocked), at_ns)
        steps.append(self._step(blocked))
        shown = tuple(
            OperationEntry(
                process=each.process,
                text=self.model.describe(each),
                begin_ns=each.invoked_ns,
                end_ns=each.completed_ns if each.ended is not None else None,
                blamed=each is blocked,
            )
            for each in found.core
        )
        text = f"{self._named(blocked)} fits no order {with_whom}"
        self.violated(at_ns, blocked.host, text, *steps, operations=shown)

    def _named(self, operation: Operation) -> str:
        return f"{self.model.describe(operation)} of {operation.process}"

    def _step(self, operation: Operation) -> Step:
        who = "" if operation.process == operation.host else f"{operation.process}: "
        text = f"{who}{self.model.describe(operation)}, begun {moment(operation.invoked_ns)}"
        time_ns = operation.invoked_ns if operation.completed_ns is None else operation.completed_ns
        return Step(time_ns, operation.host, text)

    def summary(self) -> str:
        keys = f" on {self.parts:,} keys" if self.parts > 1 else ""
        lost = f", {self.lost:,} of unknown end" if self.lost else ""
        return f"{len(self.operations):,} operations{keys}{lost}, {self.violations_total:,} without a place"
