"""A change feed: a host that tells every write to some keys, for each key in the order of its versions.

It asks for all versions between the time up to which it has told everything and a later one. That reading leaves its
mark where it read, so that nothing can be written below any more: the later time is resolved. It is kept on the disk
after its changes were told, so a feed that restarts may tell some of them twice, and leaves none out.

It deliberately has no subscribers: what it tells are events, as a broker behind it would get them.
"""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from simkit.language.units import Duration
from simkit.node import Event, fault_point
from simkit_nodes.blocks.hybrid_logical_clock import span_of
from simkit_nodes.database.config import MILLISECOND, SECOND, GatewayConfig
from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.gateway import Gateway
from simkit_nodes.database.ranges.bootstrap import KeySpace, space_bounds

PLACE: Final = "feed/resolved"
VALUE_CHARACTERS: Final = 64
"""How much of a value is told."""


class ChangeTold(Event, frozen=True, tag="feed.change"):
    """A write took place."""

    key: str
    value: str | None
    """What was written, or its beginning; None: deleted."""
    timestamp: int


class FeedAsked(Event, frozen=True, tag="feed.asked"):
    """The feed begins to ask for everything up to a timestamp."""

    timestamp: int


class FeedResolved(Event, frozen=True, tag="feed.resolved"):
    """Everything up to a timestamp has been told."""

    timestamp: int


EVENTS: tuple[type[Event], ...] = (ChangeTold, FeedAsked, FeedResolved)


class FeedConfig(GatewayConfig):
    """A change feed: it tells what was written."""

    keyspaces: tuple[KeySpace, ...] = ("users",)
    """Whose changes are told."""
    interval: Duration = Duration(500 * MILLISECOND)
    """How long it rests after it has told everything."""
    resume: Literal["resolved", "now"] = "resolved"
    """Where a feed that restarts goes on: where everything before was told, or where it is now."""
    retry: Duration = Duration(250 * MILLISECOND)
    """How long it waits when a range does not answer."""


class Feeder(Gateway):
    """Tells changes."""

    config: FeedConfig

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            tasks.create_task(self._feed())

    async def _feed(self) -> None:
        config = self.config
        after = await self._resume()
        while True:
            # Later than anything that is acknowledged by now, on whichever clock.
            until = self.hybrid.now() + span_of(int(config.max_offset))
            self.emit(FeedAsked(until))
            await self.database.wait_until_past(until)
            for space in config.keyspaces:
                await self._tell(space, after, until)
            self.emit(FeedResolved(until))
            await fault_point("told-before-kept")
            await self._keep(until)
            after = until
            await asyncio.sleep(int(config.interval) / SECOND)

    async def _tell(self, space: KeySpace, after: int, until: int) -> None:
        begin, end = space_bounds(space)
        while True:
            transaction = self.database.begin(as_of=until)
            try:
                changes = await transaction.versions(begin, end, after)
                break
            except DatabaseError:
                await asyncio.sleep(int(self.config.retry) / SECOND)
            finally:
                await transaction.rollback()
        changes.sort(key=lambda change: change[1])
        for key, timestamp, value in changes:
            told = None if value is None else value[:VALUE_CHARACTERS].decode("latin-1")
            self.emit(ChangeTold(key.decode("latin-1"), told, timestamp))

    # -- where it was

    async def _resume(self) -> int:
        if self.config.resume == "resolved" and self.disk.exists(PLACE):
            return int.from_bytes(await self.disk.read(PLACE), "big")
        return self.hybrid.now() if self.disk.exists(PLACE) else 0

    async def _keep(self, resolved: int) -> None:
        temporary = PLACE + ".tmp"
        if self.disk.exists(temporary):
            await self.disk.delete(temporary)
        await self.disk.append(temporary, resolved.to_bytes(8, "big"))
        await self.disk.sync(temporary)
        await self.disk.rename(temporary, PLACE)
        await self.disk.sync_directory()
