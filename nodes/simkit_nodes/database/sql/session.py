"""A session: one client's statements in order, alone or in a transaction that the client begins and ends.

A statement alone is a transaction of its own and is run again when it cannot be serialized. In a transaction of the
client nothing can be run again without the client: any error rolls it back at once, and everything up to its COMMIT or
ROLLBACK is refused (25P02), as in PostgreSQL. A session keeps no rows and no cursors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlglot import exp

from simkit_nodes.database.errors import AmbiguousResult, DatabaseError, RetryableError, StatementTimeout
from simkit_nodes.database.interface import Database, Isolation
from simkit_nodes.database.sql.errors import (
    NO_TRANSACTION,
    TOO_LARGE,
    TRANSACTION_ACTIVE,
    TRANSACTION_FAILED,
    UNKNOWN_TABLE,
    SqlError,
    nearest,
)
from simkit_nodes.database.sql.parse import Statement
from simkit_nodes.database.sql.plan import Execution, every_row
from simkit_nodes.database.sql.prepare import Planned, Preparation, explain, tables_of
from simkit_nodes.database.sql.result import DONE, Result, lines
from simkit_nodes.database.sql.schema import Schema, Use
from simkit_nodes.database.sql.select import Query
from simkit_nodes.database.sql.values import Type, type_of

ATTEMPTS_MAX = 20  # of a statement alone that cannot be serialized


class Session:
    """One client's place at a gateway. One statement at a time.

    Args:
        database: where transactions begin.
        schema: the tables.
        preparation: trees and plans, shared by all sessions of a gateway.
        isolation: of transactions that do not say.
        statement_timeout_s: after which a statement is cancelled (57014); None for never.
    """

    def __init__(
        self,
        database: Database,
        schema: Schema,
        preparation: Preparation,
        *,
        isolation: Isolation = "serializable",
        statement_timeout_s: float | None = None,
    ) -> None:
        self._database = database
        self._schema = schema
        self._preparation = preparation
        self._isolation: Isolation = isolation
        self.statement_timeout_s = statement_timeout_s
        self._open: Use | None = None
        self._failed = False
        self._deciding = False

    @property
    def state(self) -> str:
        """``idle``, ``open`` within a transaction, ``failed`` within one that an error has rolled back."""
        return "failed" if self._failed else "open" if self._open is not None else "idle"

    async def execute(self, text: str, parameters: Sequence[Any] = ()) -> Result:
        """Run one statement and return its answer.

        Args:
            text: the statement; ``$1`` is the first parameter.
            parameters: int, float, str, bool or None.

        Raises:
            DatabaseError: with its `sqlstate`; nothing of the statement has taken effect, and an open transaction has
                been rolled back. Only `AmbiguousResult` leaves open what happened.
        """
        self._deciding = False
        try:
            statement = self._preparation.statement(text)
            # A change of tables goes on in steps that somebody else would finish; it ends when it is done.
            waits = isinstance(statement.tree, exp.Create | exp.Drop)
            async with asyncio.timeout(None if waits else self.statement_timeout_s):
                return await self._execute(text, statement, tuple(parameters))
        except TimeoutError:
            await self._fail()
            message = f"the statement took longer than {self.statement_timeout_s:g} s"
            if self._deciding:
                raise AmbiguousResult(f"{message}, and had begun to commit") from None
            raise StatementTimeout(message) from None
        except DatabaseError:
            await self._fail()
            raise

    async def close(self) -> None:
        """Roll back what is open; the client has gone."""
        await self._end(commit=False)
        self._failed = False

    async def _execute(self, text: str, statement: Statement, parameters: tuple[Any, ...]) -> Result:
        if len(parameters) > self._preparation.limits.parameters:
            raise SqlError(TOO_LARGE, f"more than {self._preparation.limits.parameters:,} parameters")
        types = tuple(map(type_of, parameters))
        kind = type(statement.tree)
        if self._failed and kind not in (exp.Commit, exp.Rollback):
            message = "the transaction was rolled back; nothing is done until COMMIT or ROLLBACK"
            raise SqlError(TRANSACTION_FAILED, message)
        control = _CONTROL.get(kind)
        if control is not None and not statement.explain:
            return await control(self, statement)
        return await self._run(text, statement, parameters, types)

    # Statements that read and write

    async def _run(
        self, text: str, statement: Statement, parameters: tuple[Any, ...], types: tuple[Type, ...]
    ) -> Result:
        if self._open is not None:
            if statement.as_of is not None:
                raise SqlError(TRANSACTION_ACTIVE, "AS OF SYSTEM TIME is for a SELECT outside of transactions")
            return await self._run_in(self._open, text, statement, parameters, types)
        for attempt in range(1, ATTEMPTS_MAX + 1):
            use = await self._begin_alone(statement)
            try:
                result = await self._run_in(use, text, statement, parameters, types)
                await self._commit(use)
                return result
            except RetryableError:
                if attempt == ATTEMPTS_MAX:
                    raise
            finally:
                await use.rollback()
        raise AssertionError("the last attempt returns or raises")

    async def _run_in(
        self, use: Use, text: str, statement: Statement, parameters: tuple[Any, ...], types: tuple[Type, ...]
    ) -> Result:
        tables = {}
        for name, node in tables_of(statement.tree).items():
            table = await use.table(name)
            if table is None:
                message = f"no table `{name}`{nearest(name, await use.names())}"
                raise SqlError(UNKNOWN_TABLE, message, statement.position.of(node))
            tables[name] = table
        planned = self._preparation.plan(text, statement, tables, types)
        if statement.explain:
            return lines("plan", explain(planned))
        return await self._answer(planned, Execution(use.transaction, parameters, self._preparation.limits))

    async def _answer(self, planned: Planned, execution: Execution) -> Result:
        if isinstance(planned, Query):
            rows = tuple(await every_row(planned.plan, execution))
            return Result(planned.names, planned.types, rows, len(rows))
        return Result(count=await planned.run(execution))

    # Transactions

    async def _begin(self, names: Any = ()) -> Use:
        await self._schema.prepare(names)
        return self._schema.use(self._database.begin(self._isolation))

    async def _begin_alone(self, statement: Statement) -> Use:
        """Begin the transaction of a statement alone; one that reads the past finds its tables there as well."""
        if statement.as_of is not None:
            return self._schema.use(statement.as_of.begin(self._database, self._isolation))
        return await self._begin(tables_of(statement.tree))

    async def _begin_statement(self, statement: Statement) -> Result:
        statement.only(statement.tree, "modes")
        if self._open is not None:
            raise SqlError(TRANSACTION_ACTIVE, "a transaction is open already")
        isolation = self._isolation
        for mode in statement.tree.args.get("modes") or ():
            isolation = _isolation(statement, str(mode))
        self._open = self._schema.use(self._database.begin(isolation))
        return DONE

    async def _commit_statement(self, statement: Statement) -> Result:
        statement.only(statement.tree)
        if self._failed:
            self._failed = False
            raise SqlError(TRANSACTION_FAILED, "COMMIT of a transaction that was rolled back: nothing was written")
        if self._open is None:
            raise SqlError(NO_TRANSACTION, "no transaction is open")
        await self._end(commit=True)
        return DONE

    async def _rollback_statement(self, statement: Statement) -> Result:
        statement.only(statement.tree)
        if self._open is None and not self._failed:
            raise SqlError(NO_TRANSACTION, "no transaction is open")
        self._failed = False
        await self._end(commit=False)
        return DONE

    async def _end(self, *, commit: bool) -> None:
        use, self._open = self._open, None
        if use is None:
            return
        try:
            if commit:
                await self._commit(use)
        finally:
            await use.rollback()

    async def _commit(self, use: Use) -> None:
        """Commit; who is interrupted here cannot say what became of it."""
        self._deciding = True
        await use.commit()
        self._deciding = False

    async def _fail(self) -> None:
        """After an error: give up what the client's transaction has done so far."""
        if self._open is not None:
            self._failed = True
            await self._end(commit=False)

    # Statements about tables

    async def _define(self, statement: Statement) -> Result:
        if self._open is not None:
            raise SqlError(TRANSACTION_ACTIVE, "tables and indexes change outside of transactions")
        await self._schema.define(statement, self._preparation.limits)
        return DONE

    async def _command(self, statement: Statement) -> Result:
        if statement.tree.this == "SHOW TABLES":
            use = self._open or await self._begin()
            try:
                return lines("table", await use.names())
            finally:
                if use is not self._open:
                    await use.rollback()
        return await self._schema.check(statement)

    async def _set(self, statement: Statement) -> Result:
        """SET statement_timeout = milliseconds, 0 for none."""
        items = statement.tree.expressions
        setting = items[0].this if len(items) == 1 else None
        if not (isinstance(setting, exp.EQ) and isinstance(setting.expression, exp.Literal)):
            raise statement.refused("this SET", statement.tree)
        if setting.this.name.lower() != "statement_timeout" or not setting.expression.is_int:
            raise statement.refused("SET of anything but statement_timeout, in milliseconds,", setting)
        milliseconds = int(str(setting.expression.this)[:12])
        self.statement_timeout_s = milliseconds / 1000 or None
        return DONE


def _isolation(statement: Statement, mode: str) -> Isolation:
    levels: dict[str, Isolation] = {
        "SERIALIZABLE": "serializable",
        "REPEATABLE READ": "snapshot",
        "SNAPSHOT": "snapshot",
    }
    level = mode.upper().removeprefix("ISOLATION LEVEL ")
    if level not in levels:
        raise statement.refused(f"`{mode}`", statement.tree)
    return levels[level]


_CONTROL: dict[type, Callable[[Session, Statement], Awaitable[Result]]] = {
    exp.Transaction: Session._begin_statement,
    exp.Commit: Session._commit_statement,
    exp.Rollback: Session._rollback_statement,
    exp.Create: Session._define,
    exp.Drop: Session._define,
    exp.Command: Session._command,
    exp.Set: Session._set,
}
