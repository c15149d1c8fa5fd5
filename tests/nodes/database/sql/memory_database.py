"""A database in a dictionary, for the SQL layer's tests: real snapshots, optimistic commits, retries.

It keeps every version of every key, reads as of a timestamp, and refuses a commit when something that was read has
changed since. It is not distributed and nothing of it is durable.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence

from sortedcontainers import SortedDict

from simkit_nodes.database.errors import InvalidBounds, RetryableError, TransactionEnded
from simkit_nodes.database.interface import Isolation

Version = tuple[int, bytes | None]


class MemoryDatabase:
    """`interface.Database`; timestamps are a counter."""

    def __init__(self, *, patient: bool = False) -> None:
        self.patient = patient
        self.versions: SortedDict[bytes, list[Version]] = SortedDict()
        self.now = 1
        self.refused = 0

    def begin(self, isolation: Isolation = "serializable", *, as_of: int | None = None) -> MemoryTransaction:
        self.now += 1
        return MemoryTransaction(self, isolation, self.now if as_of is None else as_of, as_of is not None)

    async def run(self, function: Callable[[MemoryTransaction], Awaitable], isolation: Isolation = "serializable"):
        while True:
            transaction = self.begin(isolation)
            try:
                result = await function(transaction)
                await transaction.commit()
                return result
            except RetryableError:
                continue
            finally:
                await transaction.rollback()

    def read(self, key: bytes, at: int) -> bytes | None:
        versions = self.versions.get(key, ())
        place = bisect_right(versions, at, key=lambda version: version[0])
        return versions[place - 1][1] if place else None

    def changed_since(self, begin: bytes, end: bytes, since: int) -> bool:
        return any(self.versions[key][-1][0] > since for key in self.versions.irange(begin, end, (True, False)))


class MemoryTransaction:
    """`interface.Transaction`."""

    def __init__(self, database: MemoryDatabase, isolation: Isolation, at: int, read_only: bool) -> None:
        self._database = database
        self._serializable = isolation == "serializable"
        self._read_only = read_only
        self.read_timestamp = at
        self.commit_timestamp: int | None = None
        self.writes: SortedDict[bytes, bytes | None] = SortedDict()
        self._reads: list[tuple[bytes, bytes]] = []
        self._ended = False

    async def get(self, key: bytes) -> bytes | None:
        self._check()
        self._reads.append((key, key + b"\x00"))
        return self.writes[key] if key in self.writes else self._database.read(key, self.read_timestamp)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [await self.get(key) for key in keys]

    async def scan(self, begin: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False):
        self._check()
        if begin > end:
            raise InvalidBounds("begin > end")
        self._reads.append((begin, end))
        keys = self._database.versions.irange(begin, end, (True, False), reverse=reverse)
        if self.writes:
            own = self.writes.irange(begin, end, (True, False))
            keys = sorted({*keys, *own}, reverse=reverse)
        found = []
        for key in keys:
            if limit is not None and len(found) >= limit:
                break
            value = self.writes[key] if key in self.writes else self._database.read(key, self.read_timestamp)
            if value is not None:
                found.append((key, value))
        return found

    async def put(self, key: bytes, value: bytes) -> None:
        self._check()
        assert not self._read_only
        self.writes[key] = value

    async def delete(self, key: bytes) -> None:
        self._check()
        self.writes[key] = None

    async def commit(self, *, deadline: int | None = None) -> int:
        self._check()
        self._ended = True
        database = self._database
        if database.patient:
            await asyncio.sleep(0)
        if not self.writes:
            return self.read_timestamp
        database.now += 1
        stale = any(database.changed_since(key, key + b"\x00", self.read_timestamp) for key in self.writes)
        if self._serializable:
            stale = stale or any(database.changed_since(begin, end, self.read_timestamp) for begin, end in self._reads)
        if stale or (deadline is not None and database.now > deadline):
            database.refused += 1
            raise RetryableError("what was read has changed since")
        for key, value in self.writes.items():
            database.versions.setdefault(key, []).append((database.now, value))
        self.commit_timestamp = database.now
        return database.now

    async def rollback(self) -> None:
        self._ended = True

    def _check(self) -> None:
        if self._ended:
            raise TransactionEnded("the transaction has ended")
