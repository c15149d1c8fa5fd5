"""What clients were promised: single keys are linearizable, transactions serializable, nothing acknowledged is lost.

They deliberately judge by nothing but what clients asked and were told; of what gateways did they tell, in stories.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import ClassVar

from simkit.checks import Chronicle, HistoryCheck, KeyValue, Linearizability, Step, sees
from simkit.checks.isolation import IsolationCheck
from simkit.observe.history import Operation
from simkit_nodes.blocks.hybrid_logical_clock import physical_ns
from simkit_nodes.blocks.raft.events import RaftStarted
from simkit_nodes.database.events import TransactionCommitted

COMMITS_KEPT = 100_000
STARTS_TOLD = 6


class Commits(HistoryCheck):
    """Tells where and with which timestamp a gateway committed what a client had asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._commits = Chronicle(_described, things=COMMITS_KEPT)

    @sees(TransactionCommitted)
    def _committed(self, time_ns: int, host: str, event: TransactionCommitted) -> None:
        if event.request:
            self._commits.remember(time_ns, host, event, event.request)

    def explain(self, operation: Operation) -> Iterable[Step]:
        return self._commits.tell(operation.serial + 1)


def _described(event: TransactionCommitted) -> str:
    seconds, rest_ns = divmod(physical_ns(event.timestamp), 10**9)
    clock = f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest_ns // 1000:06}"
    runs = "" if event.runs == 1 else f" at its run {event.runs}"
    writes = f"{event.writes} write{'s' * (event.writes != 1)}"
    return f"commits request {event.request}{runs}: {writes}, timestamp {clock}"


class Linearizable(Commits, Linearizability):
    """Every read of a key returns what the latest write to it wrote."""

    name = "linearizable"
    model = KeyValue()


class Serializable(Commits, IsolationCheck):
    """Transactions on lists could have happened one after the other."""

    name = "serializable"
    level = "serializable"


class StrictSerializable(Commits, IsolationCheck):
    """Transactions on lists could have happened one after the other, in an order that real time does not contradict."""

    name = "strict_serializable"
    level = "strict-serializable"


class NoAckedWriteLost(HistoryCheck):
    """Whoever reads all new keys back finds each one whose insertion had been acknowledged before."""

    name = "no_acked_write_lost"
    functions: ClassVar[tuple[str, ...]] = ("insert", "readback")

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged = self.lost = self.readbacks = 0
        self._starts: dict[tuple[int, str], int] = {}

    @sees(RaftStarted)
    def _started(self, time_ns: int, host: str, event: RaftStarted) -> None:
        self._starts[time_ns, host] = max(event.last_index, self._starts.get((time_ns, host), 0))

    def judge(self, operations: Sequence[Operation]) -> None:
        inserts = sorted(
            (each for each in operations if each.function == "insert" and each.outcome == "ok"),
            key=lambda each: each.ended or 0,
        )
        ends = [each.ended or 0 for each in inserts]
        self.acknowledged = len(inserts)
        told: set[str] = set()
        for reading in operations:
            if reading.function != "readback" or reading.outcome != "ok":
                continue
            self.readbacks += 1
            found = set(reading.output)
            for insert in inserts[: bisect_left(ends, reading.began)]:
                if insert.input not in found and insert.input not in told:
                    told.add(insert.input)
                    self._tell(insert, reading)
        self.lost = len(told)
        if not self.readbacks:
            self.undecided = "nobody read back what was inserted"

    def _tell(self, insert: Operation, reading: Operation) -> None:
        at_ns = reading.completed_ns or 0
        since_ns = insert.completed_ns or 0
        text = f"{insert.input} was acknowledged and is not there"
        starts = [
            Step(start_ns, host, f"begins anew with the logs on its disk, the longest up to {last}")
            for (start_ns, host), last in self._starts.items()
            if since_ns <= start_ns <= at_ns
        ]
        told = Step(since_ns, insert.host, f"{insert.input} is acknowledged")
        self.violated(at_ns, reading.host, text, told, *starts[-STARTS_TOLD:], Step(at_ns, reading.host, text))

    def summary(self) -> str:
        return f"{self.acknowledged:,} inserts acknowledged, {self.lost:,} missing in {self.readbacks:,} readbacks"
