"""The rows of the meta range: which range ends where, as the ranges' leaseholders write it.

A row is written after its range has changed, newer generations over older ones, so that a route found meanwhile is
stale, never wrong for good: whoever follows it is told what the range is now. A leaseholder writes again when its
tenure begins, in case the one before died in between, and takes away what a merge has left within its range.

It deliberately is not the truth about ranges: that is in their logs.
"""

from __future__ import annotations

from simkit.node import fault_point
from simkit_nodes.database.errors import Unavailable
from simkit_nodes.database.messages import ConditionalPut, Done, Rows, Scan
from simkit_nodes.database.range import META_PREFIX, Range, RangeDescriptor
from simkit_nodes.database.ranges.sender import Sender, decode_descriptor, encode_descriptor


class MetaRows:
    """Writes the rows of the ranges that one store leads.

    Args:
        sender: reaches the meta range.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._published: dict[int, tuple[int, int]] = {}

    async def look(self, range_: Range) -> None:
        """Publish a range that is new, or newly led, or has changed. DatabaseError; the next look tries again."""
        state = (range_.tenure, range_.descriptor.generation)
        if range_.tenure and self._published.get(range_.descriptor.range_id) != state:
            await self.publish(range_.descriptor)
            self._published[range_.descriptor.range_id] = state

    async def publish(self, descriptor: RangeDescriptor) -> None:
        """Write a descriptor over an older one, and take away older ones that end within its range. DatabaseError."""
        key = META_PREFIX + descriptor.end
        found = await self._sender.ask(Scan(META_PREFIX + descriptor.begin + b"\x00", key + b"\x00"))
        assert isinstance(found, Rows)
        rows = dict(found.rows)
        known = rows.pop(key, None)
        if known is None or decode_descriptor(known).generation < descriptor.generation:
            await self._replace(key, known, encode_descriptor(descriptor))
        for inner, row in rows.items():
            if decode_descriptor(row).generation < descriptor.generation:
                await fault_point("meta-row-written")
                await self._replace(inner, row, None)

    async def _replace(self, key: bytes, known: bytes | None, value: bytes | None) -> None:
        done = await self._sender.ask(ConditionalPut(key, known, value))
        assert isinstance(done, Done)
        if not done.yes:
            raise Unavailable("somebody else has written the row just now")
