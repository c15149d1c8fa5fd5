"""What the SQL layer makes seen: refused statements, steps of schema changes, and comparisons that checks judge.

Deliberately nothing for a statement that succeeds: what it did is in the ranges, and what it answered at its client.
"""

from __future__ import annotations

from simkit.node import Event


class StatementRefused(Event, frozen=True, tag="sql.refused"):
    """A gateway is about to tell a client that a statement failed, or that nobody knows."""

    sqlstate: str
    text: str


class SchemaPublished(Event, frozen=True, tag="sql.schema"):
    """A new version of a table has been published."""

    table: str
    version: int
    indexes: tuple[str, ...]
    """Each index with its state."""


class IndexCompared(Event, frozen=True, tag="sql.index_compared"):
    """A gateway has compared an index with its table, as of one timestamp."""

    table: str
    index: str
    rows: int
    missing: int
    """Rows without the entry they should have."""
    dangling: int
    """Entries that no row has."""
    example: str
    """The key of one that is wrong."""


class SqlCompared(Event, frozen=True, tag="sql.compared"):
    """A client has compared an answer with SQLite's."""

    statement: str
    difference: str
    """In words; empty where both agree."""


EVENTS: tuple[type[Event], ...] = (StatementRefused, SchemaPublished, IndexCompared, SqlCompared)
