"""Schema changes while everybody writes: an index goes through F1's states, one version of its table at a time.

absent -> delete-only -> write-only -> (entries of the rows that were there before) -> public, and back the same way.
Neighbouring states can be in use together without an entry too many or too few for a row, and no two others are,
because a version is published only when the one before the present one is in nobody's hands. The descriptor is the job:
whoever finds an index on its way can take the next step, and two who do so at once only do some work twice.

Source: I. Rae et al., "Online, Asynchronous Schema Change in F1" (VLDB 2013), sections 3 and 4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import msgspec

from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.interface import Database, Transaction
from simkit_nodes.database.sql import catalog
from simkit_nodes.database.sql.descriptor import Index, State, Table, decode_row, decode_table
from simkit_nodes.database.sql.errors import DUPLICATE_KEY, SqlError
from simkit_nodes.database.sql.schema_lease import in_use

SECOND_NS = 10**9
BACKFILL_ROWS = 64  # of one transaction: small ones seldom meet a writer
DELETE_KEYS = 256

Rewrite = Callable[[Table], Table]


class Superseded(Exception):
    """The table is not, or no longer, as this step expects it: somebody else has gone on."""


@dataclass(frozen=True)
class Steps:
    """How a change proceeds.

    Attributes:
        poll_ns: how long to wait before looking again whether an old version is still in use.
        up: the states of an index before it is public; F1's, unless one is left out to show what it is there for.
        wait: whether a version waits until the one before the last is in nobody's hands.
    """

    poll_ns: int = SECOND_NS // 4
    up: tuple[State, ...] = (State.DELETE_ONLY, State.WRITE_ONLY)
    wait: bool = True


class SchemaChange:
    """Changes of one table.

    Args:
        database: where it is.
        table_id: which.
        steps: how.
        renew: makes this gateway take the present version itself, which is the one it would wait for first.
        published: told of every version that is published.
    """

    def __init__(
        self,
        database: Database,
        table_id: int,
        steps: Steps,
        renew: Callable[[], Awaitable[None]],
        published: Callable[[Table], None] = lambda table: None,
    ) -> None:
        self._database = database
        self._table_id = table_id
        self._steps = steps
        self._renew = renew
        self._published = published

    async def create_index(self, index: Index) -> None:
        """Add an index and return when it is public. 23505 if rows there are not unique; it is then taken back."""
        number = 0

        def add(table: Table) -> Table:
            nonlocal number
            if table.find_index(index.name) is not None:
                raise Superseded(index.name)
            number = 1 + max((each.index_id for each in table.indexes), default=0)
            new = msgspec.structs.replace(index, index_id=number, state=self._steps.up[0])
            return msgspec.structs.replace(table, indexes=(*table.indexes, new))

        await self._publish(add)
        await self.go_on(index.name)

    async def drop_index(self, name: str) -> None:
        """Take an index back and return when nothing of it is left."""
        await self._publish(lambda table: _with_state(table, name, State.WRITE_ONLY, going=True))
        await self.go_on(name)

    async def drop_table(self) -> None:
        """Remove a table that has lost its name, when nobody can be using it any more."""
        table = await self._drained()
        if table is None:
            return
        await self._clear(*table.span())
        await self._database.run(lambda transaction: catalog.forget_table(transaction, table))

    async def go_on(self, name: str) -> None:
        """Take an index from wherever it is to where it is going. 23505 as for `create_index`."""
        try:
            while True:
                table = await self._drained()
                index = None if table is None else table.find_index(name)
                if table is None or index is None or (index.state is State.PUBLIC and not index.going):
                    return
                await (self._down(table, index) if index.going else self._up(table, index))
        except SqlError as error:
            if error.sqlstate == DUPLICATE_KEY:
                await self._publish(lambda table: _with_state(table, name, State.DELETE_ONLY, going=True))
                await self.go_on(name)
            raise

    async def _up(self, table: Table, index: Index) -> None:
        later = self._steps.up[self._steps.up.index(index.state) + 1 :] if index.state in self._steps.up else ()
        if not later:
            await self._backfill(table, index)
        state = later[0] if later else State.PUBLIC
        await self._publish(lambda now: _with_state(_expect(now, table), index.name, state))

    async def _down(self, table: Table, index: Index) -> None:
        if index.state is State.DELETE_ONLY:
            await self._clear(*table.index_span(index))
            await self._publish(lambda now: _without(_expect(now, table), index.name))
        else:
            await self._publish(lambda now: _with_state(_expect(now, table), index.name, State.DELETE_ONLY, going=True))

    # One version

    async def _publish(self, rewrite: Rewrite) -> None:
        """Make the next version of the table, when the one before the present one is in nobody's hands."""
        while (table := await self._database.run(partial(self._try_publish, rewrite=rewrite))) is None:
            await self._pause()
        self._published(table)

    async def _try_publish(self, transaction: Transaction, rewrite: Rewrite) -> Table | None:
        table = await catalog.read_table(transaction, self._table_id)
        if table is None:
            raise Superseded(str(self._table_id))
        if self._steps.wait and await in_use(transaction, self._table_id, table.version):
            return None
        next_version = msgspec.structs.replace(rewrite(table), version=table.version + 1)
        await catalog.write_table(transaction, next_version)
        return next_version

    async def _drained(self) -> Table | None:
        """Return the present version when it is the only one in use; None if there is no such table."""
        while True:
            table, used = await self._database.run(self._look)
            if table is None or not (used and self._steps.wait):
                return table
            await self._pause()

    async def _pause(self) -> None:
        """Wait for others to take the present version, after having taken it here."""
        await self._renew()
        await asyncio.sleep(self._steps.poll_ns / SECOND_NS)

    async def _look(self, transaction: Transaction) -> tuple[Table | None, bool]:
        table = await catalog.read_table(transaction, self._table_id)
        return table, table is not None and await in_use(transaction, self._table_id, table.version)

    # Entries

    async def _backfill(self, table: Table, index: Index) -> None:
        """Give every row that has none its entry: in small transactions, each reading the rows it writes for."""
        begin, end = table.index_span(table.primary_index)
        while begin < end:
            begin = await self._database.run(partial(self._fill, table=table, index=index, begin=begin, end=end))

    async def _fill(self, transaction: Transaction, table: Table, index: Index, begin: bytes, end: bytes) -> bytes:
        """Give some rows their entries and return where to go on."""
        rows = await transaction.scan(begin, end, limit=BACKFILL_ROWS)
        for _, stored in rows:
            key, value = table.entry(index, decode_row(stored))
            found = await transaction.get(key)
            if found is None:
                await transaction.put(key, value)
            elif found != value:
                columns = ", ".join(table.columns[place].name for place in index.columns)
                message = f"rows of `{table.name}` are not unique in ({columns}); there is no index `{index.name}`"
                raise SqlError(DUPLICATE_KEY, message)
        return rows[-1][0] + b"\x00" if len(rows) == BACKFILL_ROWS else end

    async def _clear(self, begin: bytes, end: bytes) -> None:
        """Delete a range of keys, some at a time."""
        while await self._database.run(lambda transaction: _delete_some(transaction, begin, end)):
            pass


async def adopt(database: Database, change_of: Callable[[Table], SchemaChange]) -> None:
    """Finish every change that somebody began and did not finish."""
    begin, end = catalog.under("table")
    stored = await database.run(lambda transaction: transaction.scan(begin, end))
    for _, value in stored:
        table = decode_table(value)
        change = change_of(table)
        try:
            if table.dropped:
                await change.drop_table()
            for index in table.indexes:
                if index.going or index.state is not State.PUBLIC:
                    await change.go_on(index.name)
        except (DatabaseError, Superseded):
            continue  # somebody else goes on, or the next turn does


async def _delete_some(transaction: Transaction, begin: bytes, end: bytes) -> int:
    pairs = await transaction.scan(begin, end, limit=DELETE_KEYS)
    for key, _ in pairs:
        await transaction.delete(key)
    return len(pairs)


def _expect(now: Table, before: Table) -> Table:
    if now.version != before.version:
        raise Superseded(now.name)
    return now


def _with_state(table: Table, name: str, state: State, *, going: bool = False) -> Table:
    if table.find_index(name) is None:
        raise Superseded(name)
    changed = tuple(
        msgspec.structs.replace(each, state=state, going=going) if each.name == name else each for each in table.indexes
    )
    return msgspec.structs.replace(table, indexes=changed)


def _without(table: Table, name: str) -> Table:
    return msgspec.structs.replace(table, indexes=tuple(each for each in table.indexes if each.name != name))
