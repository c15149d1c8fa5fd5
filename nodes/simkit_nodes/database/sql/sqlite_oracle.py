"""SQLite as an oracle: what a statement should have answered, and whether two answers agree.

In memory, with the standard library's module; it stands for the table of one client. It knows nothing of transactions
of others, so whoever compares must be alone with its tables.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from simkit_nodes.database.sql.random_statements import RandomQuery


class _Connection(sqlite3.Connection):
    """Closed where it is forgotten: a client that is killed closes nothing, and Python 3.13 warns of that."""

    def __del__(self) -> None:
        self.close()


class SqliteOracle:
    """One SQLite database. Its errors are `sqlite3.Error`."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0, factory=_Connection)
        self._connection.execute("PRAGMA case_sensitive_like = ON")

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self._connection.execute(text).fetchall()

    def change(self, text: str) -> int:
        """Run a statement and return the number of rows that it changed."""
        return self._connection.execute(text).rowcount

    def begin(self) -> None:
        """Begin what `keep` or `undo` ends."""
        self._connection.execute("BEGIN")

    def keep(self) -> None:
        """Let what was changed since `begin` stay."""
        self._connection.execute("COMMIT")

    def undo(self) -> None:
        """Undo what was changed since `begin`."""
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()


def difference(query: RandomQuery, ours: Sequence[tuple[Any, ...]], theirs: Sequence[tuple[Any, ...]]) -> str:
    """Return in words how two answers to a query differ, nothing if they agree. TRUE and 1 are the same to SQLite."""
    mine = Counter(ours)
    its = Counter(theirs)
    if mine != its:
        only_mine, only_its = list((mine - its).elements()), list((its - mine).elements())
        return f"only here: {only_mine[:3]}; only in SQLite: {only_its[:3]}"
    if query.ordered:
        keys = [[tuple(row[place] for place in query.ordered) for row in rows] for rows in (ours, theirs)]
        if keys[0] != keys[1]:
            at = next(index for index, pair in enumerate(zip(*keys, strict=True)) if pair[0] != pair[1])
            return f"row {at + 1} in order is {keys[0][at]} here and {keys[1][at]} in SQLite"
    return ""
