"""Messages of SQL between a client and its gateway: a statement of a session, and its answer.

A session is a name that the client chooses; it begins with its first statement. It is deliberately not PostgreSQL's
wire protocol: an answer is one message, however many rows it has.
"""

from __future__ import annotations

from typing import Literal

from simkit.network.message import Message

SqlValue = int | float | str | bool | None


class SqlRequest(Message, tag="database.sql_request/1"):
    """Run one statement.

    Attributes:
        session: whose transaction it belongs to, if one is open there.
        text, parameters: the statement; ``$1`` is the first parameter.
    """

    session: str
    text: str
    parameters: tuple[SqlValue, ...] = ()


class SqlClose(Message, tag="database.sql_close/1"):
    """The session is over; what it has open is rolled back."""

    session: str


class SqlAnswer(Message, tag="database.sql_answer/1"):
    """What came of a statement.

    Attributes:
        outcome: done, failed (nothing of it happened, and its transaction has been rolled back), or unknown.
        names, types, rows: of a query.
        count: rows returned, inserted, changed or deleted.
        sqlstate, text, line, column: why it failed, and where in the statement, from 1; 0 for no place.
        state: of the session now: idle, open or failed.
    """

    outcome: Literal["done", "failed", "unknown"]
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[tuple[SqlValue, ...], ...] = ()
    count: int = 0
    sqlstate: str = ""
    text: str = ""
    line: int = 0
    column: int = 0
    state: str = "idle"
