"""Availability: while something is broken clients are still served, and leaders stay who they are.

They deliberately ask for service during faults only: what a system does when nothing is wrong says little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simkit.checks import Check, HistoryCheck, Step, sees
from simkit.observe.history import Operation
from simkit_nodes.blocks.raft.events import RaftBecameLeader
from simkit_nodes.database.errors import (
    AmbiguousResult,
    ClockUntrusted,
    Overloaded,
    RetryableError,
    StatementTimeout,
    Unavailable,
)

SERVED_MIN = 0.95
STORY_STEPS = 6
REFUSALS = {
    kind.sqlstate: kind.__name__
    for kind in (AmbiguousResult, ClockUntrusted, Overloaded, RetryableError, StatementTimeout, Unavailable)
}


class Available(HistoryCheck):
    """Of what clients ask while a fault lasts, 95% is done."""

    name = "available"
    functions: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._under_way = 0
        self._begun_ns = 0
        self.windows: list[tuple[int, int]] = []
        self.asked = self.served = 0

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        if not self._under_way:
            self._begun_ns = time_ns
        self._under_way += 1

    def fault_ended(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self._under_way -= 1
        if not self._under_way:
            self.windows.append((self._begun_ns, time_ns))

    def conclude(self, end_ns: int) -> None:
        if self._under_way:
            self.windows.append((self._begun_ns, end_ns))
        super().conclude(end_ns)

    def judge(self, operations: Sequence[Operation]) -> None:
        during = [each for each in operations if any(begin <= each.invoked_ns < end for begin, end in self.windows)]
        self.asked = len(during)
        missed = [each for each in during if each.outcome != "ok"]
        self.served = self.asked - len(missed)
        if not during:
            self.undecided = "nobody asked for anything while a fault lasted"
        elif self.served < SERVED_MIN * self.asked:
            last = missed[-1]
            text = (
                f"{self.served:,} of {self.asked:,} operations done while faults lasted, {self.served / self.asked:.1%}"
            )
            story = [
                Step(each.invoked_ns, each.host, f"{each.function} of {each.process}: {_why(each.output)}")
                for each in missed[:STORY_STEPS]
            ]
            self.violated(last.invoked_ns, last.host, text, *story, Step(last.invoked_ns, last.host, text))

    def summary(self) -> str:
        share = f", {self.served / self.asked:.1%}" if self.asked else ""
        return f"{self.served:,} of {self.asked:,} operations done while faults lasted{share}"


def _why(output: object) -> str:
    """Return what a client was told of a transaction that was not done: the name of the error behind its SQLSTATE."""
    name = REFUSALS.get(str(output))
    return f"{name} ({output})" if name else str(output or "no answer")


class LeadersStay(Check):
    """A fault that leaves a majority connected costs each range at most one change of its leader."""

    name = "leaders_stay"

    def __init__(self) -> None:
        super().__init__()
        self.changes: dict[int, list[Step]] = {}
        self._leaders: dict[int, str] = {}
        self._faulty = False

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self._faulty = True

    @sees(RaftBecameLeader)
    def _elected(self, time_ns: int, host: str, event: RaftBecameLeader) -> None:
        if self._faulty and self._leaders.get(event.group) not in (None, host):
            steps = self.changes.setdefault(event.group, [])
            steps.append(Step(time_ns, host, f"leads range {event.group} in term {event.term}"))
            if len(steps) == 2:
                self.violated(time_ns, host, f"range {event.group} has changed its leader twice", *steps)
        self._leaders[event.group] = host

    def summary(self) -> str:
        changes = sum(map(len, self.changes.values()))
        return f"{changes:,} changes of leader after the first fault, in {len(self._leaders):,} ranges"
