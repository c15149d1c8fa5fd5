"""Conservation: a sum that nothing inside the system changes, such as the money of all accounts.

A system marks the methods that see its events and calls `tells` with each sum that one tells, and `changes` with what
came in or went out. Every sum that is told must be the one at that moment. Operations may tell sums too (`total_of`);
such a sum must have been right at some moment while the operation was under way.

It deliberately adds up no parts itself: that several accounts were looked at in one moment is what the system claims
when it tells their sum.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import ClassVar

from simkit.checks.check import Step
from simkit.checks.history import HistoryCheck
from simkit.observe.history import Operation
from simkit.observe.moment import number

Amount = int | float


class Conservation(HistoryCheck):
    """Whatever happens inside, the sum stays what it was.

    Attributes:
        initial: the sum before anything happens; None takes the first one that an event tells (or an operation, where
            no event does).
        tolerance: how far apart two sums may be and still count as equal; 0 for whole numbers.
    """

    initial: ClassVar[Amount | None] = None
    tolerance: ClassVar[Amount] = 0

    def __init__(self) -> None:
        super().__init__()
        self.told = 0
        self.moved: Amount = 0
        self._base = self.initial
        self._times: list[int] = []  # of changes from outside, and the sum of all changes up to each
        self._changes: list[Amount] = []

    def changes(self, time_ns: int, amount: Amount) -> None:
        """Note what came in from outside (or went out, below 0)."""
        self.moved += amount
        self._times.append(time_ns)
        self._changes.append(self.moved)

    def tells(self, time_ns: int, host: str, total: Amount) -> None:
        """Note a sum that an event tells; a violation if it is not the right one."""
        self.told += 1
        if self._base is None:
            self._base = total - self.moved
        elif not self._equal(total, self._base + self.moved):
            self._tell(time_ns, host, "the system", total, self._base + self.moved)

    def total_of(self, operation: Operation) -> Amount | None:
        """Return the sum that a successful operation returned, or None if it returned none."""
        return None

    def judge(self, operations: Sequence[Operation]) -> None:
        for operation in sorted(
            (each for each in operations if each.outcome == "ok"), key=lambda each: each.ended or 0
        ):
            total = self.total_of(operation)
            if total is None:
                continue
            self.told += 1
            right = self._while_under_way(operation)
            if self._base is None:
                self._base = total - right[0]
            if not any(self._equal(total, self._base + change) for change in right):
                what = f"{operation.function} of {operation.process}"
                at_ns = operation.completed_ns or 0
                told = self.with_events((operation,), (), at_ns)
                self._tell(at_ns, operation.host, what, total, self._base + right[-1], *told)

    def _while_under_way(self, operation: Operation) -> list[Amount]:
        """Return the sum of all changes at each moment of an operation."""
        begin = bisect_left(self._times, operation.invoked_ns)
        end = bisect_right(self._times, operation.completed_ns or operation.invoked_ns)
        return [self._changes[begin - 1] if begin else 0, *self._changes[begin:end]]

    def _equal(self, one: Amount, other: Amount) -> bool:
        return abs(one - other) <= self.tolerance

    def _tell(self, time_ns: int, host: str, what: str, total: Amount, right: Amount, *told: Step) -> None:
        off = total - right
        verb = "appeared" if off > 0 else "vanished"
        text = f"{number(abs(off))} {verb}: the sum is {number(total)}, not {number(right)}"
        self.violated(time_ns, host, text, *told, Step(time_ns, host, f"{what} tells a sum of {number(total)}"))

    def summary(self) -> str:
        right = "" if self._base is None else f" (expected {number(self._base + self.moved)})"
        return f"{self.told:,} sums told{right}, {self.violations_total:,} wrong"
