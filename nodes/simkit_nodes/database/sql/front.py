"""SQL at a gateway: the sessions of its clients, and what keeps the gateway's view of the tables fresh.

A session lives in memory: where the gateway dies, its open transactions are abandoned and clients begin anew. One that
nobody uses for a while is rolled back, so that a client that vanished holds no locks. Nothing runs before the first
statement comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal

from simkit.node import Event
from simkit_nodes.database.errors import AmbiguousResult, DatabaseError, Overloaded
from simkit_nodes.database.interface import Database
from simkit_nodes.database.sql.consistency import Compared
from simkit_nodes.database.sql.descriptor import Table
from simkit_nodes.database.sql.descriptor import in_words as key_in_words
from simkit_nodes.database.sql.errors import TOO_LARGE, SqlError
from simkit_nodes.database.sql.events import IndexCompared, SchemaPublished, StatementRefused
from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.messages import SqlAnswer
from simkit_nodes.database.sql.prepare import Preparation
from simkit_nodes.database.sql.schema import Schema
from simkit_nodes.database.sql.schema_change import Steps
from simkit_nodes.database.sql.session import Session

SessionName = tuple[str, str]
"""A client and what it calls the session: nobody reaches somebody else's."""

SESSIONS_MAX = 10_000
NAME_LETTERS_MAX = 200
IDLE_S = 60.0
TURN_S = 5.0  # between two looks for idle sessions and for changes that nobody finishes


@dataclass
class Seat:
    """A session with the moment of its last statement; its statements wait for each other."""

    session: Session
    used_s: float
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class SqlFront:
    """The SQL sessions of a gateway.

    Args:
        database: the gateway's.
        name: the gateway's.
        emit: publishes events.
        spawn: lets something run beside, for as long as the gateway lives.
        lease_ns: how long a lease on the version of a table lasts.
        steps: how schema changes proceed.
        statement_timeout_s: of sessions that do not set another.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        emit: Callable[[Event], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        lease_ns: int,
        steps: Steps,
        statement_timeout_s: float,
    ) -> None:
        self._database = database
        self._emit = emit
        self._spawn = spawn
        self._timeout_s = statement_timeout_s
        self._preparation = Preparation(Limits())
        self._schema = Schema(
            database, name, lease_ns=lease_ns, steps=steps, on_compared=self._compared, on_published=self._published
        )
        self._seats: dict[SessionName, Seat] = {}
        self._awake = False

    async def answer(self, name: SessionName, text: str, parameters: tuple[Any, ...]) -> SqlAnswer:
        """Run one statement of a session and return its answer, whatever it is."""
        self._wake()
        try:
            seat = self._seat(name)
        except DatabaseError as error:
            return self.refused(error, "idle")
        async with seat.turn:
            try:
                result = await seat.session.execute(text, parameters)
            except DatabaseError as error:
                return self.refused(error, seat.session.state)
            finally:
                seat.used_s = asyncio.get_running_loop().time()
        types = tuple(map(str, result.types))
        return SqlAnswer("done", result.names, types, result.rows, result.count, state=seat.session.state)

    async def close(self, name: SessionName) -> None:
        """End a session and roll back what it has open."""
        seat = self._seats.pop(name, None)
        if seat is not None:
            await seat.session.close()

    def refused(self, error: DatabaseError, state: str) -> SqlAnswer:
        """Return the answer to a statement that failed, and make it seen."""
        text = error.message if isinstance(error, SqlError) else f"{type(error).__name__}: {error}"
        line, column = (error.line, error.column) if isinstance(error, SqlError) else (0, 0)
        self._emit(StatementRefused(error.sqlstate, text[:200]))
        outcome: Literal["failed", "unknown"] = "unknown" if isinstance(error, AmbiguousResult) else "failed"
        return SqlAnswer(
            outcome, sqlstate=error.sqlstate, text=text[:1000], line=line or 0, column=column or 0, state=state
        )

    def _seat(self, name: SessionName) -> Seat:
        seat = self._seats.get(name)
        if seat is None:
            if len(name[1]) > NAME_LETTERS_MAX:
                raise SqlError(TOO_LARGE, f"the name of a session has at most {NAME_LETTERS_MAX} letters")
            if len(self._seats) >= SESSIONS_MAX:
                raise Overloaded(f"{SESSIONS_MAX:,} sessions are open")
            session = Session(self._database, self._schema, self._preparation, statement_timeout_s=self._timeout_s)
            seat = self._seats[name] = Seat(session, asyncio.get_running_loop().time())
        return seat

    def _wake(self) -> None:
        if not self._awake:
            self._awake = True
            self._spawn(self._schema.keep())
            self._spawn(self._look_after())

    async def _look_after(self) -> None:
        """Roll back sessions that nobody uses, and go on with changes whose gateway died; for ever."""
        while True:
            await asyncio.sleep(TURN_S)
            now_s = asyncio.get_running_loop().time()
            for name, seat in list(self._seats.items()):
                if now_s - seat.used_s > IDLE_S and not seat.turn.locked():
                    await self.close(name)
            try:
                await self._schema.adopt()
            except DatabaseError:
                continue

    def _compared(self, compared: Compared) -> None:
        self._emit(
            IndexCompared(
                compared.table,
                compared.index,
                compared.rows,
                compared.missing,
                compared.dangling,
                key_in_words(compared.example) if compared.example else "",
            )
        )

    def _published(self, table: Table) -> None:
        indexes = tuple(f"{index.name} {index.state}" for index in table.indexes)
        self._emit(SchemaPublished(table.name, table.version, indexes))
