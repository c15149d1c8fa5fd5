"""A check that is judged from the operations of clients, when all of them are over.

It keeps what its system's clients invoked, up to a limit; past that limit it says that it cannot decide, because half
a history proves nothing. Failed operations are kept too: whoever judges knows what they mean.

It deliberately judges nothing before the end: an operation that is under way may still explain another one.
"""

from collections.abc import Collection, Sequence
from typing import ClassVar

from simkit.checks.check import Check
from simkit.observe.history import OPERATIONS_MAX, Operation


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
