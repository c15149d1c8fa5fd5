"""Ranges: together they have every key, and no two have the same one.

It deliberately believes what replicas say they have applied; that all of a range say the same is Raft's claim.
"""

from __future__ import annotations

from itertools import pairwise

from simkit.checks import Check, Step, sees
from simkit_nodes.database.interface import KEY_END
from simkit_nodes.database.replication.events import RangeChanged, ReplicaDropped


class RangeCoverage(Check):
    """The key space is divided among the ranges, whatever was split and merged."""

    name = "range_coverage"

    def __init__(self) -> None:
        super().__init__()
        self.newest: dict[int, tuple[int, str, RangeChanged]] = {}
        self.where: dict[int, set[str]] = {}
        self.splits: set[tuple[int, int]] = set()
        self.ranges = 0

    @sees(RangeChanged)
    def _changed(self, time_ns: int, host: str, event: RangeChanged) -> None:
        self.where.setdefault(event.range_id, set()).add(host)
        known = self.newest.get(event.range_id)
        if known is not None and known[2].generation == event.generation and _bounds(known[2]) != _bounds(event):
            self.violated(
                time_ns,
                host,
                f"range {event.range_id} has two shapes in generation {event.generation}",
                Step(known[0], known[1], f"{_shape(known[2])} after {known[2].how}"),
                Step(time_ns, host, f"{_shape(event)} after {event.how}"),
            )
        if known is None or known[2].generation < event.generation:
            self.newest[event.range_id] = (time_ns, host, event)
        if event.how == "split":
            self.splits.add((event.range_id, event.generation))

    @sees(ReplicaDropped)
    def _dropped(self, time_ns: int, host: str, event: ReplicaDropped) -> None:
        hosts = self.where.get(event.range_id, set())
        hosts.discard(host)
        if not hosts:
            self.newest.pop(event.range_id, None)

    def conclude(self, end_ns: int) -> None:
        if not self.newest:
            self.undecided = "no replica said what it has"
            return
        ordered = sorted(self.newest.values(), key=lambda each: (each[2].begin, each[2].end))
        self.ranges = len(ordered)
        if ordered[0][2].begin or ordered[-1][2].end != KEY_END:
            time_ns, host, event = ordered[0]
            self.violated(time_ns, host, f"the first or the last key belongs to no range: {_shape(event)}")
        for one, other in pairwise(ordered):
            if one[2].end == other[2].begin:
                continue
            what = "lie over each other" if one[2].end > other[2].begin else "leave keys between them"
            text = f"ranges {one[2].range_id} and {other[2].range_id} {what}"
            steps = [
                Step(time_ns, host, f"range {each.range_id}: {_shape(each)}") for time_ns, host, each in (one, other)
            ]
            last = max(steps, key=lambda step: step.time_ns)
            self.violated(last.time_ns, last.host, text, *sorted(steps, key=lambda step: step.time_ns))

    def summary(self) -> str:
        return f"{self.ranges:,} ranges in the end, {len(self.splits):,} descriptors out of splits"


def _bounds(event: RangeChanged) -> tuple[bytes, bytes]:
    return event.begin, event.end


def _shape(event: RangeChanged) -> str:
    return f"{event.begin[:24]!r} to {event.end[:24]!r}"
