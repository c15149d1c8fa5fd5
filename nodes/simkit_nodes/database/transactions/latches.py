"""Latches: requests to one range that touch the same keys are evaluated one after the other.

A write holds its keys from its evaluation until it is applied, which takes a quorum; a read only has to find no write
under way. They are of a request, not of a transaction: what lasts until a commit is an intent.

It deliberately has no order of its own among those who wait; who is woken first tries first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from sortedcontainers import SortedDict


class Latches:
    """The keys of one range that a write is under way to."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: SortedDict = SortedDict()

    async def acquire(self, keys: Iterable[bytes]) -> Latch:
        """Hold keys for a write, once nobody else does."""
        wanted = tuple(keys)
        held = self._held
        while held:
            blocking = next((held[key] for key in wanted if key in held), None)
            if blocking is None:
                break
            await asyncio.shield(blocking.released)
        latch = Latch(self, wanted)
        for key in wanted:
            held[key] = latch
        return latch

    async def wait_for_key(self, key: bytes) -> None:
        """Return once no write to a key is under way."""
        while (latch := self._held.get(key)) is not None:
            await asyncio.shield(latch.released)

    async def wait_for_span(self, begin: bytes, end: bytes) -> None:
        """Return once no write to begin <= key < end is under way."""
        held = self._held
        while held:
            key = next(held.irange(begin, end, (True, False)), None)
            if key is None:
                return
            await asyncio.shield(held[key].released)

    def floor(self) -> int | None:
        """Return the lowest timestamp at which anything under way may write, None for nothing."""
        return min((latch.floor for latch in self._held.values() if latch.floor), default=None)

    def abandon(self) -> None:
        """Let everybody go on: what was held belongs to a tenure that has ended."""
        for latch in dict.fromkeys(self._held.values()):
            latch.release()

    def let_go(self, latch: Latch) -> None:
        for key in latch.keys:
            del self._held[key]


class Latch:
    """Keys that are held by one write; with `keeps`, beyond the answer to it.

    `floor` is the lowest timestamp at which it may write, 0 before it is evaluated.
    """

    __slots__ = ("_latches", "floor", "keeps", "keys", "released")

    def __init__(self, latches: Latches, keys: tuple[bytes, ...]) -> None:
        self._latches = latches
        self.keeps = False
        self.floor = 0
        self.keys = tuple(dict.fromkeys(keys))
        self.released: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def release(self) -> None:
        """Let the next one have the keys."""
        if not self.released.done():
            self._latches.let_go(self)
            self.released.set_result(None)
