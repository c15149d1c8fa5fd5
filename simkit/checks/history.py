"""A check that is judged from the operations of clients, when all of them are over.

It keeps what its system's clients invoked, up to a limit; past that limit it says that it cannot decide, because half
a history proves nothing. Failed operations are kept too: whoever judges knows what they mean.

It deliberately judges nothing before the end: an operation that is under way may still explain another one.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar

from simkit.checks.check import Check, Step
from simkit.observe.history import OPERATIONS_MAX, Operation

TOLD_MAX = 24
"""Steps of the system's own that a story has at most, those nearest to its end: a story is to be read."""


class HistoryCheck(Check):
    """A claim about operations.

    Attributes:
        functions: the functions that it is about, such as ``("get", "put")``; all of them when empty.
        operations: those of the run, in order of beginning.
    """

    functions: ClassVar[Collection[str]] = ()
    operations_max: ClassVar[int] = OPERATIONS_MAX

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[Operation] = []

    def invoked(self, operation: Operation) -> None:
        if self.functions and operation.function not in self.functions:
            return
        if len(self.operations) < self.operations_max:
            self.operations.append(operation)
        else:
            self.undecided = f"more than {self.operations_max:,} operations, which is what a history keeps"

    def conclude(self, end_ns: int) -> None:
        if not self.undecided and not any(operation.outcome == "ok" for operation in self.operations):
            # What nobody was told cannot be wrong: such a pass would say nothing.
            self.undecided = f"none of {len(self.operations):,} operations ended with an answer"
        if not self.undecided:
            self.judge(self.operations)

    def judge(self, operations: Sequence[Operation]) -> None:
        """Judge the whole history: call `violated`, or say in `undecided` why that is not possible."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it judges a history")

    def explain(self, operation: Operation) -> Iterable[Step]:
        """Say what the system itself told of an operation: steps that a story adds to what clients saw.

        A system's check overrides this, and remembers what it `sees` (a `Chronicle` does) by whatever its events share
        with the operation: the process, the key, the number of a transaction. Nothing here knows what that is.
        """
        return ()

    def with_events(self, operations: Iterable[Operation], steps: Iterable[Step], until_ns: int) -> list[Step]:
        """Return the steps of a story with what the system told of its operations up to a moment, in order of time."""
        told = {step: None for operation in operations for step in self.explain(operation) if step.time_ns <= until_ns}
        kept = sorted(told, key=lambda step: step.time_ns)[-TOLD_MAX:]
        # The system acts before its client hears of it.
        return sorted([*kept, *steps], key=lambda step: step.time_ns)
