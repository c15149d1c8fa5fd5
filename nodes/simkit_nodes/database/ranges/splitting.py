"""Splitting: a range that has grown too large, or is asked too often, becomes two; and the meta range learns of it.

A leaseholder decides for itself. Of a large range half of the bytes go to the right, of a busy one half of what was
asked lately. The split is one entry of the range's log; only then are the meta rows written, newer generations over
older ones, so that a route found meanwhile is stale, never wrong for good: whoever follows it is told what the range is
now. A leaseholder writes the rows again when its tenure begins, in case the one before died in between.

It deliberately moves no data, and merges nothing: stores can merge ranges, but nobody here decides that they should.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.messages import ConditionalPut, Rows, Scan
from simkit_nodes.database.range import META_PREFIX, Command, Range, RangeDescriptor, SplitTrigger
from simkit_nodes.database.ranges.load import Load
from simkit_nodes.database.ranges.sender import Sender, decode_descriptor, encode_descriptor


class Splitter:
    """Splits the ranges that one store leads.

    Args:
        sender: reaches the meta range.
        new_range_id: a number that no range has.
        bytes_max: a range that has more is split; 0 for none.
        asked_max: so is one that is asked more often than this between two looks; 0 for none.
    """

    def __init__(self, sender: Sender, new_range_id: Callable[[], int], bytes_max: int, asked_max: int) -> None:
        self._sender, self._new_range_id = sender, new_range_id
        self._bytes_max, self._asked_max = bytes_max, asked_max
        self._published: dict[int, tuple[int, int]] = {}

    async def look(self, range_: Range, size: int, middle: bytes, load: Load) -> None:
        """Split a range if it is time, and let the meta range know what is new. DatabaseError."""
        asked, load.asked = load.asked, 0
        descriptor = range_.descriptor
        if descriptor.begin >= META_PREFIX:
            if self._bytes_max and size > self._bytes_max:
                await self._split(range_, middle)
            elif self._asked_max and asked > self._asked_max and load.keys:
                await self._split(range_, sorted(load.keys)[len(load.keys) // 2])
        state = (range_.tenure, range_.descriptor.generation)
        if range_.tenure and self._published.get(descriptor.range_id) != state:
            await self._publish(range_.descriptor)
            self._published[descriptor.range_id] = state

    async def _split(self, range_: Range, key: bytes) -> None:
        descriptor = range_.descriptor
        if not descriptor.begin < key < descriptor.end:
            return  # all of it is one key
        generation = descriptor.generation + 1
        left = replace(descriptor, end=key, generation=generation)
        right = RangeDescriptor(self._new_range_id(), key, descriptor.end, descriptor.replicas, generation)
        await range_.propose(Command(trigger=SplitTrigger(left, right)))
        for part in (right, left):
            await self._publish(part)

    async def _publish(self, descriptor: RangeDescriptor) -> None:
        """Write a descriptor's meta row over an older one."""
        key, value = META_PREFIX + descriptor.end, encode_descriptor(descriptor)
        rows = await self._sender.ask(Scan(key, key + b"\x00"))
        assert isinstance(rows, Rows)
        known = rows.rows[0][1] if rows.rows else None
        if known is not None and decode_descriptor(known).generation >= descriptor.generation:
            return
        try:
            await self._sender.ask(ConditionalPut(key, known, value))
        except DatabaseError:
            self._published.pop(descriptor.range_id, None)  # perhaps it is there; the next look makes sure
            raise
