"""Leases of schema versions: a gateway plans with a version of a table without reading it, until a timestamp.

A lease is a record in the catalog. Transactions that used a version commit below the end of its lease or not at all
(`Transaction.commit(deadline=...)`), and a new version is published only above the end of every lease on the version
before the present one: at any timestamp at most two versions are in use, and they are neighbours. That is what the
states of a schema change rest on (Rae et al., "Online, Asynchronous Schema Change in F1", VLDB 2013, section 4).

Nobody's clock is trusted: ends of leases are compared with timestamps of transactions, which the database orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import msgspec

from simkit_nodes.blocks.hybrid_logical_clock import span_of
from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.interface import Database, Transaction
from simkit_nodes.database.sql import key as keys
from simkit_nodes.database.sql.catalog import PREFIX, catalog_key, find_table, under
from simkit_nodes.database.sql.descriptor import Table

SECOND_NS = 10**9


@dataclass(eq=False)
class Lease:
    """One version of a table that this gateway may use.

    Attributes:
        since: a transaction's read timestamp at which it was the present version.
        until: transactions that use it commit at or below this timestamp.
        users: transactions that are using it now.
    """

    table: Table
    since: int
    until: int
    users: int = 0


class Leases:
    """The leases of one gateway.

    Args:
        database: where the records are.
        holder: the gateway's name.
        lease_ns: how long a lease lasts from when it was last renewed.
    """

    def __init__(self, database: Database, holder: str, lease_ns: int) -> None:
        self._database = database
        self._holder = holder
        self._lease_ns = lease_ns
        self._current: dict[str, Lease] = {}
        self._old: list[Lease] = []
        self._wake = asyncio.Event()

    def find(self, name: str, at: int) -> Lease | None:
        """Return the lease by which a transaction that reads at a timestamp may use a table, None if there is none."""
        lease = self._current.get(name)
        return lease if lease is not None and lease.since <= at < lease.until else None

    async def prepare(self, names: Iterable[str]) -> None:
        """Acquire leases on those of these tables that exist and have none."""
        for name in names:
            if name not in self._current:
                await self._take(name)

    def release(self, lease: Lease) -> None:
        """One transaction less uses it."""
        lease.users -= 1
        if not lease.users and lease in self._old:
            self._wake.set()

    async def keep(self) -> None:
        """Renew leases, take new versions, give up old ones that nobody uses; for ever."""
        while True:
            try:
                async with asyncio.timeout(self._lease_ns / 4 / SECOND_NS):
                    await self._wake.wait()
            except TimeoutError:
                await self.renew()
            self._wake.clear()
            await self._give_up_old()

    async def renew(self) -> None:
        """Read the present version of every table once and hold that."""
        for name in list(self._current):
            try:
                await self._take(name)
            except DatabaseError:
                continue  # what runs out is not used any more; the next turn may be luckier
        await self._give_up_old()

    async def _take(self, name: str) -> None:
        """Hold the present version of a table, from now for as long as leases last; nothing if it is no more."""
        taken = await self._database.run(lambda transaction: self._record(transaction, name))
        held = self._current.get(name)
        if taken is not None and held is not None and _same(taken.table, held.table):
            held.until = max(held.until, taken.until)
            return
        if held is not None:
            self._old.append(self._current.pop(name))
        if taken is not None:
            self._current[name] = taken

    async def _record(self, transaction: Transaction, name: str) -> Lease | None:
        table = await find_table(transaction, name)
        if table is None:
            return None
        until = transaction.read_timestamp + span_of(self._lease_ns)
        key = catalog_key("lease", table.table_id, table.version, self._holder)
        await transaction.put(key, msgspec.msgpack.encode(until))
        return Lease(table, transaction.read_timestamp, until)

    async def _give_up_old(self) -> None:
        for lease in [each for each in self._old if not each.users]:
            self._old.remove(lease)
            key = catalog_key("lease", lease.table.table_id, lease.table.version, self._holder)
            try:
                await self._database.run(partial(_delete, key=key))
            except DatabaseError:
                continue  # it runs out by itself


async def _delete(transaction: Transaction, key: bytes) -> None:
    await transaction.delete(key)


def _same(one: Table, other: Table) -> bool:
    return (one.table_id, one.version) == (other.table_id, other.version)


async def in_use(transaction: Transaction, table_id: int, below: int) -> bool:
    """Return whether somebody holds a lease on a version below this one; removes the records of those that ran out."""
    begin, end = under("lease", table_id)
    used = False
    for key, stored in await transaction.scan(begin, end):
        version = keys.decode(key, len(PREFIX))[2]
        if not isinstance(version, int) or version >= below:
            continue
        if msgspec.msgpack.decode(stored, type=int) >= transaction.read_timestamp:
            used = True
        else:
            await transaction.delete(key)
    return used
