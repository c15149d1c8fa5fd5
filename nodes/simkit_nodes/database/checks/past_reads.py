"""Reads of the past: each returns exactly what was committed at its timestamp, none is older than it may be, all come.

What was committed when is what gateways tell of the writes that clients asked for (YCSB's F and others that go as a
transaction). A write of which nobody told whether or when it was committed may be there or not. They deliberately do
not ask which replica has answered: it makes no difference to what a reader may believe.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from operator import itemgetter
from typing import Any, ClassVar

from simkit.checks import HistoryCheck, Step, sees
from simkit.observe.history import Operation
from simkit_nodes.database.checks.availability import Available
from simkit_nodes.database.events import PastRead, TransactionCommitted

CLOCKS_DIFFER_NS = 250_000_000
"""By how much a bound may be missed, because it is measured on another clock than a write's timestamp: max_offset."""
PAST = ("read_as_of", "read_within")


@dataclass(slots=True)
class KeyHistory:
    """The writes of one key: those with a timestamp, lowest first, and those of which nobody knows."""

    committed: list[tuple[int, Operation]] = field(default_factory=list)
    unknown: list[Operation] = field(default_factory=list)

    def at(self, timestamp: int) -> Operation | None:
        """Return the write that a reader at a timestamp sees, None for none."""
        place = bisect_right(self.committed, timestamp, key=itemgetter(0))
        return self.committed[place - 1][1] if place else None


class PastReads(HistoryCheck):
    """Knows the timestamps of reads and writes."""

    functions: ClassVar[tuple[str, ...]] = ("put", *PAST)

    def __init__(self) -> None:
        super().__init__()
        self.timestamps: dict[int, int] = {}
        self.reads = self.near = self.wrong = 0

    @sees(TransactionCommitted)
    def _committed(self, time_ns: int, host: str, event: TransactionCommitted) -> None:
        if event.request:
            self.timestamps[event.request] = event.timestamp

    @sees(PastRead)
    def _read(self, time_ns: int, host: str, event: PastRead) -> None:
        self.timestamps[event.request] = event.timestamp
        self.near += event.near

    def timestamp_of(self, operation: Operation) -> int | None:
        """Return the timestamp at which a gateway has carried an operation out."""
        return self.timestamps.get(operation.serial + 1)

    def answered(self, operations: Sequence[Operation]) -> list[tuple[Operation, int]]:
        """Return the reads of the past that were answered, with their timestamps."""
        found = []
        for each in operations:
            if each.function in PAST and each.outcome == "ok":
                timestamp = self.timestamp_of(each)
                assert timestamp is not None
                found.append((each, timestamp))
        self.reads = len(found)
        if not found:
            self.undecided = "nobody read the past"
        return found


class FollowerReads(PastReads):
    """A read at a timestamp returns what was committed there, whichever replica answers, and whenever."""

    name = "follower_reads"

    def judge(self, operations: Sequence[Operation]) -> None:
        keys: dict[str, KeyHistory] = {}
        for each in operations:
            if each.function != "put" or each.outcome == "fail":
                continue
            of_key, timestamp = keys.setdefault(each.input[0], KeyHistory()), self.timestamp_of(each)
            if timestamp is None:
                of_key.unknown.append(each)
            else:
                of_key.committed.append((timestamp, each))
        for of_key in keys.values():
            of_key.committed.sort(key=itemgetter(0))
        for reading, timestamp in self.answered(operations):
            for key, found in zip(reading.input[1], reading.output, strict=True):
                self._compare(reading, key, found, keys.get(key, KeyHistory()), timestamp)

    def _compare(self, reading: Operation, key: str, found: Any, history: KeyHistory, timestamp: int) -> None:
        write = history.at(timestamp)
        expected = None if write is None else write.input[1]
        if found == expected or any(each.input[1] == found for each in history.unknown):
            return
        self.wrong += 1
        at_ns = reading.completed_ns or reading.invoked_ns
        story = [Step(reading.invoked_ns, reading.host, f"{reading.process} asks for {key} as of the past")]
        if write is not None:
            told_ns = write.completed_ns or write.invoked_ns
            story.append(Step(told_ns, write.host, f"{write.process} has written {_short(expected)} to {key}"))
        text = f"{key} was {_short(expected)} at the timestamp of a read that found {_short(found)}"
        story.sort(key=lambda step: step.time_ns)
        self.violated(at_ns, reading.host, text, *story, Step(at_ns, reading.host, text))

    def summary(self) -> str:
        return f"{self.reads:,} reads of the past, {self.near:,} by the nearest replicas, {self.wrong:,} wrong values"


class StalenessBounded(PastReads):
    """No read of the past is further back than was asked: what was acknowledged before that is in its past."""

    name = "staleness_bounded"

    def judge(self, operations: Sequence[Operation]) -> None:
        known = [(each, self.timestamp_of(each)) for each in operations if each.function == "put"]
        writes = sorted(
            ((each.completed_ns or 0, timestamp) for each, timestamp in known if timestamp and each.outcome == "ok"),
        )
        highest = list(accumulate((timestamp for _, timestamp in writes), max))
        for reading, timestamp in self.answered(operations):
            begun_ns = reading.invoked_ns - reading.input[0] - CLOCKS_DIFFER_NS
            place = bisect_right(writes, begun_ns, key=itemgetter(0))
            if place and highest[place - 1] > timestamp:
                self.wrong += 1
                self._tell(reading, writes[highest.index(highest[place - 1])][0])

    def _tell(self, reading: Operation, written_ns: int) -> None:
        at_ns = reading.completed_ns or reading.invoked_ns
        text = f"{reading.process} was answered as of a time before that write"
        self.violated(
            at_ns,
            reading.host,
            f"a read that may be {reading.input[0] / 1e9:g} s old is older",
            Step(written_ns, "", "a write is acknowledged"),
            Step(reading.invoked_ns, reading.host, f"{reading.process} asks for what is no older than its bound"),
            Step(at_ns, reading.host, text),
        )

    def summary(self) -> str:
        return f"{self.reads:,} reads of the past, {self.wrong:,} older than they may be"


class StaleReadsServed(Available):
    """Of the reads that are content with the past, 95% are answered while a fault lasts."""

    name = "stale_reads_served"
    functions: ClassVar[tuple[str, ...]] = ("read_within",)


def _short(value: str | None) -> str:
    return "nothing" if value is None else value.rstrip(".")[:40]
