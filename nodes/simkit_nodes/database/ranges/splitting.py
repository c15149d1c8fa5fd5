"""Splitting: a range that has grown too large, or is asked too often, becomes two; and the meta range learns of it.

A leaseholder decides for itself. Of a large range half of the bytes go to the right, of a busy one half of what was
asked lately. The split is one entry of the range's log; only then are the meta rows written.

It deliberately moves no data.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from simkit_nodes.database.range import META_PREFIX, Command, Range, RangeDescriptor, SplitTrigger
from simkit_nodes.database.ranges.load import Load
from simkit_nodes.database.ranges.meta_rows import MetaRows


class Splitter:
    """Splits the ranges that one store leads.

    Args:
        meta_rows: of the store.
        new_range_id: a number that no range has.
        bytes_max: a range that has more is split; 0 for none.
        asked_max: so is one that is asked more often than this in a round; 0 for none.
    """

    def __init__(self, meta_rows: MetaRows, new_range_id: Callable[[], int], bytes_max: int, asked_max: int) -> None:
        self._meta_rows, self._new_range_id = meta_rows, new_range_id
        self._bytes_max, self._asked_max = bytes_max, asked_max

    async def look(self, range_: Range, size: int, middle: bytes, load: Load) -> None:
        """Split a range if it is time. DatabaseError."""
        descriptor = range_.descriptor
        if descriptor.begin >= META_PREFIX:
            if self._bytes_max and size > self._bytes_max:
                await self._split(range_, middle)
            elif self._asked_max and load.asked > self._asked_max and load.keys:
                await self._split(range_, sorted(load.keys)[len(load.keys) // 2])

    async def _split(self, range_: Range, key: bytes) -> None:
        descriptor = range_.descriptor
        if not descriptor.begin < key < descriptor.end:
            return  # all of it is one key
        generation = descriptor.generation + 1
        left = replace(descriptor, end=key, generation=generation)
        right = RangeDescriptor(self._new_range_id(), key, descriptor.end, descriptor.replicas, generation)
        await range_.propose(Command(trigger=SplitTrigger(left, right)))
        for part in (right, left):
            await self._meta_rows.publish(part)
