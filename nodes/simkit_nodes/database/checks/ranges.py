"""Ranges: together they have every key, and no two have the same one.

It deliberately believes what replicas say they have applied; that all of a range say the same is Raft's claim.
"""

from __future__ import annotations

from itertools import pairwise

from simkit.checks import Check, Step, sees
from simkit_nodes.database.interface import KEY_END
from simkit_nodes.database.replication.events import (
    RangeChanged,
    RangeFrozen,
    RangeMerged,
    RangeThawed,
    ReplicaDropped,
)


class RangeCoverage(Check):
    """The key space is divided among the ranges, whatever was split and merged."""

    name = "range_coverage"

    def __init__(self) -> None:
        super().__init__()
        self.newest: dict[int, tuple[int, str, RangeChanged]] = {}
        self.where: dict[int, set[str]] = {}
        self.splits: set[tuple[int, int]] = set()
        self.frozen: dict[int, tuple[int, str, RangeFrozen | RangeThawed]] = {}
        self.gone: dict[int, tuple[int, str, RangeMerged]] = {}
        self.thaws: set[tuple[int, int]] = set()
        self.ranges = 0

    @sees(RangeChanged)
    def _changed(self, time_ns: int, host: str, event: RangeChanged) -> None:
        if event.range_id in self.gone:
            return  # told by somebody who does not know yet
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

    @sees(RangeFrozen, RangeThawed)
    def _frozen(self, time_ns: int, host: str, event: RangeFrozen | RangeThawed) -> None:
        thawed = isinstance(event, RangeThawed)
        if thawed:
            self.thaws.add((event.range_id, event.index))
        known = self.frozen.get(event.range_id)
        if known is not None and known[2].index >= event.index:
            return
        self.frozen[event.range_id] = (time_ns, host, event)
        merged = self.gone.get(event.range_id)
        if thawed and merged is not None:
            self.violated(
                time_ns,
                host,
                f"range {event.range_id} serves again, and range {event.into} has its keys",
                Step(merged[0], merged[1], f"range {merged[2].into} has taken in range {event.range_id}"),
                Step(time_ns, host, f"range {event.range_id} thaws"),
            )

    @sees(RangeMerged)
    def _merged(self, time_ns: int, host: str, event: RangeMerged) -> None:
        if event.range_id in self.gone:
            return
        self.gone[event.range_id] = (time_ns, host, event)
        self.newest.pop(event.range_id, None)
        known = self.frozen.get(event.range_id)
        if known is None or isinstance(known[2], RangeThawed):
            told = (Step(known[0], known[1], f"range {event.range_id} thaws"),) if known is not None else ()
            self.violated(
                time_ns,
                host,
                f"range {event.into} takes in range {event.range_id}, which serves",
                *told,
                Step(time_ns, host, f"range {event.into} takes in range {event.range_id}"),
            )

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
        text = f"{self.ranges:,} ranges in the end, {len(self.splits):,} descriptors out of splits"
        merges = f", {len(self.gone):,} merges, {len(self.thaws):,} given up"
        return text + merges if self.gone or self.thaws else text


def _bounds(event: RangeChanged) -> tuple[bytes, bytes]:
    return event.begin, event.end


def _shape(event: RangeChanged) -> str:
    return f"{event.begin[:24]!r} to {event.end[:24]!r}"
