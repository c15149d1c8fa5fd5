"""Merging: a small range that is asked little takes its right neighbour in, so that the two have one log again.

The leaseholder of the left range decides, from what it knows of its own range and is told of the neighbour's: together
they must be so small and so calm that they would not soon be split again. Replicas of the neighbour come to the stores
of this range first. Then the neighbour freezes, which is an entry of its log that all its replicas must have; then one
entry of the left range's log merges them, on every store with the data in place; then the meta rows follow.

It deliberately takes nothing back: whoever fails on the way leaves a frozen neighbour, which asks by itself.

Source: the merge queue of CockroachDB, whose arbiter is a transaction over both descriptors; here it is the left log.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from simkit.node import fault_point
from simkit_nodes.database.interface import KEY_BEGIN, KEY_END
from simkit_nodes.database.messages import RangeState, RangeStatus, RelocateRange, Subsume, Subsumed
from simkit_nodes.database.mvcc.keys import merge_key
from simkit_nodes.database.range import Command, MergeTrigger, RangeDescriptor
from simkit_nodes.database.ranges.load import Load
from simkit_nodes.database.ranges.meta_rows import MetaRows
from simkit_nodes.database.ranges.sender import Sender
from simkit_nodes.database.replication.replica import Replica

FREEZE_TIMEOUT_S = 3.0
"""How long the neighbour may take to freeze; then this merge is given up."""


@dataclass(frozen=True)
class Smallness:
    """Which ranges are merged.

    Attributes:
        bytes_min: one that holds less is merged with its right neighbour; 0 for none.
        bytes_max: both together hold at most half of this, which is where ranges are split; 0 for any.
        asked_max: and are asked at most half as often as this in a round; 0 for any.
    """

    bytes_min: int
    bytes_max: int
    asked_max: int

    def allows(self, left: Load, right: RangeState | None = None) -> bool:
        """Whether a range may take its neighbour in, or may as far as it alone goes."""
        size, peak = left.size, left.peak
        if size is None or peak is None or size >= self.bytes_min:
            return False
        if right is not None:
            if right.size is None or right.peak is None:
                return False
            size, peak = size + right.size, peak + right.peak
        return (not self.bytes_max or 2 * size <= self.bytes_max) and (not self.asked_max or 2 * peak <= self.asked_max)


class Merger:
    """Merges the ranges that one store leads with their right neighbours.

    Args:
        sender: reaches neighbours.
        meta_rows: of the store.
        smallness: which ranges are merged.
    """

    def __init__(self, sender: Sender, meta_rows: MetaRows, smallness: Smallness) -> None:
        self._sender, self._meta_rows, self._smallness = sender, meta_rows, smallness

    async def look(self, replica: Replica, load: Load) -> None:
        """Merge a range with its right neighbour if it is time. DatabaseError, Refused."""
        descriptor = replica.descriptor
        configuration = replica.raft.log.configuration
        if descriptor.begin < KEY_BEGIN or descriptor.end >= KEY_END or not self._smallness.allows(load):
            return
        if configuration.joint or configuration.learners:
            return
        right = await self._sender.ask(RangeStatus(descriptor.end))
        assert isinstance(right, RangeState)
        if right.descriptor.begin != descriptor.end or not self._smallness.allows(load, right):
            return
        if set(right.descriptor.replicas) == set(descriptor.replicas):
            await self._merge(replica, descriptor, right.descriptor)
        else:
            await self._sender.ask(RelocateRange(descriptor.end, right.descriptor.generation, descriptor.replicas))

    async def _merge(self, replica: Replica, left: RangeDescriptor, right: RangeDescriptor) -> None:
        sent = await self._sender.send((Subsume(right.begin, right.generation, left),), timeout_s=FREEZE_TIMEOUT_S)
        (frozen,) = sent.responses
        assert isinstance(frozen, Subsumed)
        await fault_point("neighbour-frozen")
        merged = replace(left, end=right.end, generation=max(left.generation, right.generation) + 1)
        trigger = MergeTrigger(left.generation, merged, right, frozen.index, frozen.low_water)
        await replica.propose(Command(((merge_key(left, right), b"\x01"),), trigger))
        await fault_point("neighbour-merged")
        await self._meta_rows.look(replica)
