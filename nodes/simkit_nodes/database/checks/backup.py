"""Backups hold a state that the database was in, and come back as they were.

What was acknowledged before a backup began is in it, what began after it ended is not, and money that is on its way
between two accounts is in one of them. It deliberately asks nothing of backups that were given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from simkit.checks import HistoryCheck, Step
from simkit.observe.history import Operation


class BackupIsAState(HistoryCheck):
    """A backup is what the database held at one moment, and restoring it gives the same again."""

    name = "backup_is_a_state"
    functions: ClassVar[tuple[str, ...]] = ("insert", "backup", "restore")

    def __init__(self) -> None:
        super().__init__()
        self.backups = self.restorations = self.wrong = 0

    def judge(self, operations: Sequence[Operation]) -> None:
        done = [each for each in operations if each.outcome == "ok"]
        inserts = [each for each in operations if each.function == "insert"]
        backups = {each.input: each for each in done if each.function == "backup"}
        for backup in backups.values():
            self.backups += 1
            self._judge_backup(backup, inserts)
        for restoration in done:
            if restoration.function == "restore" and restoration.input in backups:
                self.restorations += 1
                if restoration.output["digest"] != backups[restoration.input].output["digest"]:
                    self._tell(restoration, f"{restoration.input} comes back as something else")
        if not self.backups:
            self.undecided = "no backup was taken"

    def _judge_backup(self, backup: Operation, inserts: Sequence[Operation]) -> None:
        total = backup.output["total"]
        if total:
            self._tell(backup, f"the accounts in {backup.input} add up to {total}, not to 0")
        found = set(backup.output["inserted"])
        for insert in inserts:
            if insert.outcome == "ok" and (insert.ended or 0) < backup.began and insert.input not in found:
                self._tell(backup, f"{insert.input} was acknowledged and is not in {backup.input}", insert)
            elif insert.began > (backup.ended or 0) and insert.input in found:
                self._tell(backup, f"{insert.input} is in {backup.input}, and began later", insert)

    def _tell(self, operation: Operation, text: str, insert: Operation | None = None) -> None:
        self.wrong += 1
        at_ns = operation.completed_ns or 0
        story = [Step(operation.invoked_ns, operation.host, f"{operation.function} {operation.input} begins")]
        if insert is not None:
            story.append(Step(insert.completed_ns or insert.invoked_ns, insert.host, f"{insert.input} is inserted"))
        story.sort(key=lambda step: step.time_ns)
        self.violated(at_ns, operation.host, text, *story, Step(at_ns, operation.host, text))

    def summary(self) -> str:
        return f"{self.backups:,} backups and {self.restorations:,} restorations, {self.wrong:,} faults in them"
