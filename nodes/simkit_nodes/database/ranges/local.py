"""A range of one replica without Raft: proposals are applied after a delay, in order.

It is what transactions are tested over by themselves, and deliberately survives nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simkit_nodes.blocks.lsm import Engine, WriteBatch
from simkit_nodes.database.errors import NotLeaseholder
from simkit_nodes.database.range import Command, RangeDescriptor


class LocalRange:
    """`Range` over an engine alone.

    Args:
        descriptor: which keys it has.
        engine: where commands are applied.
        delay_s: draws how long a proposal takes.
        low_water: see `Range`.
    """

    def __init__(
        self,
        descriptor: RangeDescriptor,
        engine: Engine,
        delay_s: Callable[[], float] = lambda: 0.0,
        low_water: int = 0,
    ) -> None:
        self.descriptor = descriptor
        self.engine = engine
        self.tenure = 1
        self.low_water = low_water
        self.closed_timestamp = 0
        self._delay_s = delay_s
        self._last: asyncio.Future[None] | None = None

    def leaseholder(self) -> str | None:
        """Return its only replica."""
        return self.descriptor.replicas[0]

    async def propose(self, command: Command) -> None:
        """See `Range.propose`."""
        before, done = self._last, asyncio.get_running_loop().create_future()
        self._last = done
        tenure = self.tenure
        delay_s = self._delay_s()
        if delay_s:
            await asyncio.sleep(delay_s)
        if before is not None and not before.done():
            await asyncio.shield(before)
        try:
            if tenure != self.tenure:
                raise NotLeaseholder(self.leaseholder())
            batch = WriteBatch()
            for key, value in command.puts:
                if value is None:
                    batch.delete(key)
                else:
                    batch.put(key, value)
            await self.engine.write(batch)
            self.closed_timestamp = max(self.closed_timestamp, command.closed_timestamp)
        finally:
            done.set_result(None)

    async def confirm(self) -> None:
        """See `Range.confirm`."""
