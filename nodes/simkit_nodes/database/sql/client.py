"""What a client does with SQL: one connection to a gateway, statements one after the other, and its workloads.

After an answer that stays away the client goes to another gateway under a new session, as a driver does with a new
connection. Transactions are repeated on 40001 and nothing else is; what is uncertain is looked up, not guessed.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from simkit.kernel import Stream
from simkit.network.errors import RemoteError, RequestTimeout, Unreachable
from simkit.node import Event
from simkit_nodes.database.sql.events import SqlCompared
from simkit_nodes.database.sql.messages import SqlAnswer, SqlClose, SqlRequest, SqlValue
from simkit_nodes.database.sql.random_statements import TABLES, RandomQuery, RandomStatements
from simkit_nodes.database.sql.sqlite_oracle import SqliteOracle, difference

REPEATS_MAX = 20  # of a transaction that cannot be serialized
DEFINITION_TIMEOUT_S = 120.0
AWAY_S = 0.5  # before a statement that must be answered is asked again
ITEM_TABLE = "CREATE TABLE IF NOT EXISTS item (id INT PRIMARY KEY, kind INT NOT NULL, note TEXT, price REAL)"
KINDS = 12
BY_DESIGN = ("22003", "22012")  # where SQLite goes on with another type or NULL


class Host(Protocol):
    """What this needs of the node it runs on."""

    name: str
    network: Any
    random: Stream

    def emit(self, event: Event) -> None: ...


class Lost(Exception):
    """No answer came: nobody knows."""


class SqlConnection:
    """One connection: a session at a gateway, or at the next one after a silence."""

    def __init__(self, host: Host, gateways: Sequence[str], timeout_s: float, label: str) -> None:
        self._host = host
        self._gateways = gateways
        self._timeout_s = timeout_s
        self._label = label
        self._number = 0
        self._at = host.random.below(len(gateways))

    async def ask(self, text: str, *parameters: SqlValue, timeout_s: float | None = None) -> SqlAnswer:
        """Run one statement. Lost: where no answer came, or one that says that nobody knows."""
        request = SqlRequest(f"{self._host.name}.{self._label}.{self._number}", text, parameters)
        gateway = self._gateways[self._at % len(self._gateways)]
        try:
            answer: SqlAnswer = await self._host.network.request(
                gateway, request, self._timeout_s if timeout_s is None else timeout_s, SqlAnswer
            )
        except (RequestTimeout, RemoteError, Unreachable) as error:
            self._host.network.send(gateway, SqlClose(request.session))
            self._number += 1
            self._at += 1
            raise Lost(type(error).__name__) from None
        if answer.outcome == "unknown":
            raise Lost(answer.text)
        return answer

    async def insist(self, text: str, *, timeout_s: float | None = None) -> SqlAnswer:
        """Run a statement that may be repeated until it is answered and was not in the way of another transaction."""
        while True:
            try:
                answer = await self.ask(text, timeout_s=timeout_s)
            except Lost:
                answer = None
            if answer is not None and (answer.outcome == "done" or answer.sqlstate[:2] in ("42", "23", "22", "0A")):
                return answer
            await asyncio.sleep(AWAY_S)


class SqlClient:
    """The SQL workloads of one client host."""

    def __init__(self, host: Host, gateways: Sequence[str], timeout_s: float) -> None:
        self._host = host
        self._gateways = gateways
        self._timeout_s = timeout_s
        self._connections: list[SqlConnection] = []
        self._made = 0
        self._ready: set[str] = set()
        self._oracle: Judge | None = None
        self._indexed = False
        self._defining = asyncio.Lock()
        self._workloads: dict[str, Callable[[SqlConnection, int], Awaitable[str]]] = {
            "sql_check": self._check,
            "sql_index": self._index,
            "sql_items": self._items,
            "sql_random": self._random,
        }

    async def offer(self, workload: str, keys: int) -> str:
        """Take one arrival over so many keys; return how it ended: done, failed or unknown."""
        connection = self._connections.pop() if self._connections else self._connect()
        try:
            return await self._workloads[workload](connection, keys)
        except Lost:
            return "unknown"
        finally:
            self._connections.append(connection)

    def _connect(self) -> SqlConnection:
        self._made += 1
        return SqlConnection(self._host, self._gateways, self._timeout_s, str(self._made))

    async def _items_exist(self, connection: SqlConnection) -> None:
        if "item" not in self._ready:
            await connection.insist(ITEM_TABLE, timeout_s=DEFINITION_TIMEOUT_S)
            self._ready.add("item")

    async def _items(self, connection: SqlConnection, keys: int) -> str:
        """One to three statements on rows of `item`, in a transaction if there are several."""
        await self._items_exist(connection)
        random = self._host.random
        statements = [self._item_statement(keys) for _ in range((1, 1, 2, 3)[random.below(4)])]
        for _ in range(REPEATS_MAX):
            answer = await self._transaction(connection, statements)
            if answer.outcome == "done" or answer.sqlstate != "40001":
                return answer.outcome
            await asyncio.sleep(random.uniform(0.01, 0.1))
        return "failed"

    async def _transaction(
        self, connection: SqlConnection, statements: list[tuple[str, tuple[SqlValue, ...]]]
    ) -> SqlAnswer:
        """Run statements as one transaction; after the first that fails everything is rolled back."""
        if len(statements) == 1:
            text, parameters = statements[0]
            return await connection.ask(text, *parameters)
        await connection.ask("BEGIN")
        for text, parameters in statements:
            answer = await connection.ask(text, *parameters)
            if answer.outcome != "done":
                await connection.ask("ROLLBACK")
                return answer
        return await connection.ask("COMMIT")

    def _item_statement(self, keys: int) -> tuple[str, tuple[SqlValue, ...]]:
        random = self._host.random
        row, kind = random.below(keys), random.below(KINDS)
        match random.below(6):
            case 0:
                return "INSERT INTO item VALUES ($1, $2, $3, $4)", (row, kind, f"note {row}", row / 4)
            case 1 | 2 | 3:
                return "UPDATE item SET kind = $2, price = price + 0.5 WHERE id = $1", (row, kind)
            case 4:
                return "DELETE FROM item WHERE id = $1", (row,)
            case _:
                return "SELECT kind, COUNT(*), MAX(price) FROM item WHERE kind = $1 GROUP BY kind", (kind,)

    async def _index(self, connection: SqlConnection, keys: int) -> str:
        """Make an index on `item`, or drop the one that is there; compare it with the rows while it is."""
        async with self._defining:
            await self._items_exist(connection)
            if self._indexed:
                text = "DROP INDEX IF EXISTS item_kind"
            else:
                text = "CREATE INDEX IF NOT EXISTS item_kind ON item (kind)"
            answer = await connection.ask(text, timeout_s=DEFINITION_TIMEOUT_S)
            self._indexed = not self._indexed
            if answer.outcome == "done" and self._indexed:
                answer = await connection.ask("CHECK TABLE item")
            return answer.outcome

    async def _check(self, connection: SqlConnection, keys: int) -> str:
        """Compare the indexes of `item` with its rows."""
        await self._items_exist(connection)
        return (await connection.ask("CHECK TABLE item")).outcome

    async def _random(self, connection: SqlConnection, keys: int) -> str:
        """One random statement on tables of this client alone, judged by SQLite."""
        if self._oracle is None:
            self._oracle = Judge(self._host)
        return await self._oracle.statement(connection)


class Judge:
    """Random statements of one client, each compared with what SQLite says."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._statements = RandomStatements(host.random, host.name.replace("-", "_") + "_")
        self._sqlite = SqliteOracle()
        self._turn = asyncio.Lock()
        self._ready = False

    async def statement(self, connection: SqlConnection) -> str:
        """Run one statement when those before it are done; emit `SqlCompared`."""
        async with self._turn:
            if not self._ready:
                await self._prepare(connection)
            if self._statements.likely(40):
                return await self._change(connection, self._statements.change())
            return await self._query(connection, self._statements.query())

    async def _prepare(self, connection: SqlConnection) -> None:
        for text in self._statements.definitions():
            self._sqlite.change(text)
            await connection.insist(text, timeout_s=DEFINITION_TIMEOUT_S)
        self._ready = True

    async def _query(self, connection: SqlConnection, query: RandomQuery) -> str:
        answer = await connection.ask(query.text)
        if answer.outcome != "done":
            self._refused(query.text, answer)
            return answer.outcome
        self._tell(query.text, difference(query, answer.rows, self._sqlite.rows(query.text)))
        return "done"

    async def _change(self, connection: SqlConnection, text: str) -> str:
        """Change both; what was refused here is undone there."""
        sqlite = self._sqlite
        sqlite.begin()
        theirs: int | None
        try:
            theirs = sqlite.change(text)
        except sqlite3.IntegrityError:
            theirs = None
        try:
            answer = await connection.ask(text)
        except Lost:
            await self._find_out(connection, text)
            return "unknown"
        if answer.outcome == "done":
            sqlite.keep()
            self._tell(text, "" if theirs == answer.count else f"{answer.count} rows here, {theirs} in SQLite")
            return "done"
        sqlite.undo()
        if theirs is None:
            refused_alike = answer.sqlstate.startswith("23") or answer.sqlstate in (*BY_DESIGN, "40001")
            self._tell(text, "" if refused_alike else f"{answer.sqlstate} here, a constraint in SQLite")
        else:
            self._refused(text, answer)
        return "failed"

    async def _find_out(self, connection: SqlConnection, text: str) -> None:
        """Nobody knows whether a change took place: all of it or nothing of it is in the tables."""
        told = await self._differences(connection)
        if not told:
            self._sqlite.keep()
        else:
            self._sqlite.undo()
            told = await self._differences(connection)
        self._tell(text, told and f"neither done nor not done: {told}")

    async def _differences(self, connection: SqlConnection) -> str:
        for table in TABLES:
            query = RandomQuery(f"SELECT * FROM {self._statements.prefix}{table.name}")
            answer = await connection.insist(query.text)
            told = difference(query, answer.rows, self._sqlite.rows(query.text))
            if told:
                return told
        return ""

    def _refused(self, text: str, answer: SqlAnswer) -> None:
        """A statement that SQLite takes may be refused by design, or for what the network or other hosts do."""
        if answer.sqlstate not in (*BY_DESIGN, "40001") and not answer.sqlstate.startswith("5"):
            self._tell(text, f"refused here: {answer.sqlstate} {answer.text}")

    def _tell(self, text: str, told: str) -> None:
        self._host.emit(SqlCompared(text[:1000], told[:500]))
