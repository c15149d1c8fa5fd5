"""The tables as one gateway sees them: which version of each a transaction uses, and statements that change them.

A transaction that began after the gateway took a lease on a table uses the leased version and commits before the lease
ends; any other one reads the catalog itself, so that the version is part of what it must find unchanged at its commit.
Statements about tables run outside of transactions: an index comes into use in several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import msgspec
from sqlglot import exp

from simkit_nodes.database.interface import Database, Transaction
from simkit_nodes.database.sql import catalog
from simkit_nodes.database.sql.consistency import Compared, compare
from simkit_nodes.database.sql.definition import check_index_words, define_index, define_table
from simkit_nodes.database.sql.descriptor import Table, decode_table
from simkit_nodes.database.sql.errors import (
    DUPLICATE_TABLE,
    UNKNOWN_INDEX,
    UNKNOWN_TABLE,
    SqlError,
    nearest,
)
from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.parse import Statement
from simkit_nodes.database.sql.result import Result
from simkit_nodes.database.sql.schema_change import SchemaChange, Steps, Superseded, adopt
from simkit_nodes.database.sql.schema_lease import Lease, Leases
from simkit_nodes.database.sql.scope import name_of
from simkit_nodes.database.sql.values import Type

LEASE_NS = 10 * 10**9


class Use:
    """One transaction, with the versions of the tables that it uses.

    Attributes:
        transaction: what reads and writes.
    """

    def __init__(self, transaction: Transaction, leases: Leases) -> None:
        self.transaction = transaction
        self._leases = leases
        self._tables: dict[str, Table | None] = {}
        self._held: list[Lease] = []

    async def table(self, name: str) -> Table | None:
        """Return the version of a table that this transaction uses; None if there is none of that name."""
        if name not in self._tables:
            lease = self._leases.find(name, self.transaction.read_timestamp)
            if lease is not None:
                lease.users += 1
                self._held.append(lease)
                self._tables[name] = lease.table
            else:
                self._tables[name] = await catalog.find_table(self.transaction, name)
        return self._tables[name]

    async def names(self) -> list[str]:
        """Return the names of all tables in order."""
        return await catalog.table_names(self.transaction)

    async def commit(self) -> int:
        """Commit before any of the leases ends, and return the commit timestamp."""
        deadline = min((lease.until for lease in self._held), default=None)
        return await self.transaction.commit(deadline=deadline)

    async def rollback(self) -> None:
        """Give up what is not committed; harmless when it is."""
        held, self._held = self._held, []
        for lease in held:
            self._leases.release(lease)
        await self.transaction.rollback()


class Schema:
    """The tables of one gateway.

    Args:
        database: where the catalog is.
        holder: the gateway's name, for its leases.
        lease_ns: how long a lease on a version lasts.
        steps: how changes proceed.
        on_compared: told of every comparison of an index with its table.
        on_published: told of every version that this gateway publishes.
    """

    def __init__(
        self,
        database: Database,
        holder: str,
        *,
        lease_ns: int = LEASE_NS,
        steps: Steps | None = None,
        on_compared: Callable[[Compared], None] = lambda compared: None,
        on_published: Callable[[Table], None] = lambda table: None,
    ) -> None:
        self._database = database
        self._on_compared = on_compared
        self._on_published = on_published
        self._leases = Leases(database, holder, lease_ns)
        self._steps = steps or Steps()

    async def keep(self) -> None:
        """Keep leases alive and up to date; for ever."""
        await self._leases.keep()

    async def adopt(self) -> None:
        """Finish changes that somebody began and did not finish."""
        await adopt(self._database, self._change)

    async def prepare(self, names: Iterable[str]) -> None:
        """Take leases on tables that are about to be used, as far as they exist."""
        await self._leases.prepare(names)

    def use(self, transaction: Transaction) -> Use:
        """Return a transaction with the versions of the tables that it will use."""
        return Use(transaction, self._leases)

    async def define(self, statement: Statement, limits: Limits) -> None:
        """Run CREATE or DROP of a table or an index."""
        tree = statement.tree
        kind = str(tree.args.get("kind") or "").upper()
        match tree:
            case exp.Create() if kind == "TABLE":
                await self._create_table(define_table(statement, limits), bool(tree.args.get("exists")))
            case exp.Create() if kind == "INDEX":
                await self._create_index(statement, limits)
            case exp.Drop() if kind == "TABLE":
                await self._drop_table(statement)
            case exp.Drop() if kind == "INDEX":
                await self._drop_index(statement)
            case _:
                raise statement.refused(f"{type(tree).__name__.upper()} {kind}", tree)

    async def check(self, statement: Statement) -> Result:
        """Run CHECK TABLE: compare every index with the rows, as of one timestamp."""
        (table,) = await self._named([statement.tree.expression.this], statement)
        compared = await self._database.run(partial(compare, table=table))
        for each in compared:
            self._on_compared(each)
        rows = tuple((each.index, each.rows, each.missing, each.dangling) for each in compared)
        return Result(
            ("index", "rows", "missing", "dangling"),
            (Type.TEXT, Type.INTEGER, Type.INTEGER, Type.INTEGER),
            rows,
            len(rows),
        )

    async def _create_table(self, table: Table, exists: bool) -> None:
        async def create(transaction: Transaction) -> None:
            if await catalog.find_id(transaction, table.name) is None:
                await catalog.create_table(transaction, table)
            elif not exists:
                raise SqlError(DUPLICATE_TABLE, f"there is a table `{table.name}` already")

        await self._database.run(create)

    async def _create_index(self, statement: Statement, limits: Limits) -> None:
        node = check_index_words(statement)
        (table,) = await self._named([node.this], statement)
        index = define_index(statement, table, limits)
        if await self._index_named(index.name) is not None:
            if statement.tree.args.get("exists"):
                return
            raise SqlError(DUPLICATE_TABLE, f"there is an index `{index.name}` already")
        try:
            await self._change(table).create_index(index)
        except Superseded:
            raise SqlError(DUPLICATE_TABLE, f"`{table.name}` was changed by somebody else meanwhile") from None
        await self._leases.renew()

    async def _drop_table(self, statement: Statement) -> None:
        statement.only(statement.tree, "tables", "kind", "exists")
        nodes = [node.this for node in statement.tree.args.get("tables") or ()]
        for table in await self._named(nodes, statement, missing=bool(statement.tree.args.get("exists"))):
            await self._database.run(partial(_lose_name, table=table))
            await self._leases.renew()
            await self._change(table).drop_table()

    async def _drop_index(self, statement: Statement) -> None:
        statement.only(statement.tree, "tables", "kind", "exists")
        for node in statement.tree.args.get("tables") or ():
            name = name_of(node.this)
            found = await self._index_named(name)
            if found is None:
                if statement.tree.args.get("exists"):
                    continue
                known = [each.name for table in await self._all() for each in table.indexes]
                raise SqlError(UNKNOWN_INDEX, f"no index `{name}`{nearest(name, known)}", statement.position.of(node))
            try:
                await self._change(found).drop_index(name)
            except Superseded:
                raise SqlError(UNKNOWN_INDEX, f"index `{name}` was dropped by somebody else") from None
            await self._leases.renew()

    def _change(self, table: Table) -> SchemaChange:
        return SchemaChange(self._database, table.table_id, self._steps, self._leases.renew, self._on_published)

    async def _named(self, nodes: Iterable[exp.Expr], statement: Statement, *, missing: bool = False) -> list[Table]:
        """Return the present versions of tables; 42P01, or none of it with `missing`."""
        found = []
        for node in nodes:
            name = name_of(node)
            table = await self._database.run(partial(catalog.find_table, name=name))
            if table is not None:
                found.append(table)
            elif not missing:
                names = await self._database.run(catalog.table_names)
                message = f"no table `{name}`{nearest(name, names)}"
                raise SqlError(UNKNOWN_TABLE, message, statement.position.of(node))
        return found

    async def _all(self) -> list[Table]:
        begin, end = catalog.under("table")
        stored = await self._database.run(lambda transaction: transaction.scan(begin, end))
        return [table for _, value in stored if not (table := decode_table(value)).dropped]

    async def _index_named(self, name: str) -> Table | None:
        return next((table for table in await self._all() if table.find_index(name) is not None), None)


async def _lose_name(transaction: Transaction, table: Table) -> None:
    """Let a table be found by nobody new; what used it goes on until its lease ends."""
    now = await catalog.read_table(transaction, table.table_id)
    if now is not None and not now.dropped:
        await catalog.forget_name(transaction, now)
        await catalog.write_table(transaction, msgspec.structs.replace(now, dropped=True, version=now.version + 1))
