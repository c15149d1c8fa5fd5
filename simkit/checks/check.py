"""A check: a claim about a run, watched event by event.

The same check serves two kinds of expectation. ``always`` asks whether it found a violation; ``eventually`` asks when
its goal was reached, which it says in `holds`.

It deliberately keeps a limited number of violations: the first ones explain, and the rest are only counted.
"""

from dataclasses import dataclass

from simkit.checks.onlooker import Onlooker, Sight, sees
from simkit.observe.document import CycleEntry, OperationEntry
from simkit.observe.explanation import Explanation
from simkit.observe.history import Operation

__all__ = ["VIOLATIONS_KEPT", "Check", "Sight", "Step", "Violation", "sees"]

VIOLATIONS_KEPT = 20


@dataclass(frozen=True)
class Step:
    """One line of a violation's story."""

    time_ns: int
    host: str
    text: str


@dataclass(frozen=True)
class Violation:
    """One moment at which a claim was broken.

    Attributes:
        time_ns, host: when and where.
        text: one line that names the object, for example ``task 3f2a took effect twice``.
        story: the few events before it that explain it, in order of time; the violation itself is the last step.
        cycle: transactions that cannot be put in order, for a picture.
        operations: the operations of clients that it is about, for a picture of who did what at the same time.
        explanation: lines and a picture of the check's own.
    """

    time_ns: int
    host: str
    text: str
    story: tuple[Step, ...] = ()
    cycle: CycleEntry | None = None
    operations: tuple[OperationEntry, ...] = ()
    explanation: Explanation | None = None


class Check(Onlooker):
    """One claim; an instance watches one run.

    Attributes:
        name: as scenario files and verdicts know it.
        violations: the first ones, at most `VIOLATIONS_KEPT`.
        violations_total: how many there were.
        undecided: why the check could not decide; without a violation the verdict is then ``unknown``.
    """

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.violations_total = 0
        self.undecided = ""

    @property
    def holds(self) -> bool:
        """Whether the state that ``eventually`` waits for is reached right now."""
        return not self.violations_total

    def invoked(self, operation: Operation) -> None:
        """See an operation of the history begin; what becomes of it is known when the run ends, in `conclude`."""

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        """See a fault begin just before it takes effect, by its name in the scenario; targets are hosts or links."""

    def fault_ended(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        """See a fault end just after it was undone; an act ends in the instant in which it begins."""

    def conclude(self, end_ns: int) -> None:
        """See the end of the run: the last chance to find that something never happened."""

    def summary(self) -> str:
        """Say in a few words what was counted, for the line of the verdict."""
        return f"{self.violations_total} violations" if self.violations_total else "held"

    def unmet(self) -> Violation | None:
        """At the end of a run whose goal was not reached: what is in its way, with its story; None if unknown."""
        return None

    def violated(
        self,
        time_ns: int,
        host: str,
        text: str,
        *story: Step,
        cycle: CycleEntry | None = None,
        operations: tuple[OperationEntry, ...] = (),
        explanation: Explanation | None = None,
    ) -> None:
        """Note a violation, with the steps that led to it."""
        self.violations_total += 1
        if len(self.violations) < VIOLATIONS_KEPT:
            self.violations.append(Violation(time_ns, host, text, story, cycle, operations, explanation))
