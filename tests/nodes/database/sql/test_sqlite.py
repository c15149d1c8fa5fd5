"""Thousands of random statements answer as SQLite answers them."""

import asyncio
import sqlite3
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from memory_database import MemoryDatabase

from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.prepare import Preparation
from simkit_nodes.database.sql.random_statements import TABLES, RandomQuery, RandomStatements
from simkit_nodes.database.sql.schema import Schema
from simkit_nodes.database.sql.session import Session
from simkit_nodes.database.sql.sqlite_oracle import SqliteOracle, difference

DIFFERS_BY_DESIGN = ("22003", "22012")  # numbers out of range, division by zero
STATEMENTS = 25  # of one example, after which tables and indexes are compared as a whole


class Seeded:
    """Choices of a generator."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def below(self, n: int) -> int:
        return self._random.randrange(n)


class Pair:
    """The same tables here and in SQLite."""

    def __init__(self, statements: RandomStatements) -> None:
        database = MemoryDatabase()
        self.session = Session(database, Schema(database, "gateway"), Preparation(Limits()))
        self.oracle = SqliteOracle()
        self.statements = statements
        self.compared = self.refused = 0

    async def begin(self, rows: int) -> None:
        for text in self.statements.definitions():
            await self.session.execute(text)
            self.oracle.change(text)
        for _ in range(rows):
            await self.change(self.statements.change())

    async def query(self, query: RandomQuery) -> None:
        try:
            ours = (await self.session.execute(query.text)).rows
        except DatabaseError as error:
            if error.sqlstate not in DIFFERS_BY_DESIGN:
                raise
            self.refused += 1
            return
        self.compared += 1
        told = difference(query, ours, self.oracle.rows(query.text))
        assert not told, f"{query.text}\n{told}\n{await self._plan(query.text)}"

    async def _plan(self, text: str) -> str:
        return "\n".join(row[0] for row in (await self.session.execute(f"EXPLAIN {text}")).rows)

    async def change(self, text: str) -> None:
        try:
            ours: int | str = (await self.session.execute(text)).count
        except DatabaseError as error:
            if error.sqlstate in DIFFERS_BY_DESIGN:
                return
            if error.sqlstate not in ("23505", "23502"):
                raise
            ours = "constraint"
        try:
            theirs: int | str = self.oracle.change(text)
        except sqlite3.IntegrityError:
            theirs = "constraint"
        assert ours == theirs, text
        self.compared += 1

    async def compare_tables(self) -> None:
        for table in TABLES:
            names = ", ".join(name for name, _ in table.columns)
            for name, _ in table.columns:
                await self.query(
                    RandomQuery(f"SELECT {names} FROM {table.name} ORDER BY {name}, {', '.join(table.key)}")
                )
            for _, _, missing, dangling in (await self.session.execute(f"CHECK TABLE {table.name}")).rows:
                assert (missing, dangling) == (0, 0)


async def some_statements(chance: Any, rows: int, statements: int) -> Pair:
    pair = Pair(RandomStatements(chance))
    await pair.begin(rows)
    for _ in range(statements):
        if pair.statements.likely(20):
            await pair.change(pair.statements.change())
        else:
            await pair.query(pair.statements.query())
    await pair.compare_tables()
    pair.oracle.close()
    return pair


@settings(max_examples=25, deadline=None, phases=[Phase.generate], database=None)
@given(st.integers(0, 2**32))
def test_a_thousand_statements(seed: int) -> None:
    pair = asyncio.run(some_statements(Seeded(seed), rows=25, statements=STATEMENTS))
    assert pair.compared > pair.refused


@pytest.mark.audit
@pytest.mark.parametrize("seed", range(100))
def test_a_hundred_thousand_statements(seed: int) -> None:
    pair = asyncio.run(some_statements(Seeded(seed), rows=60, statements=1000))
    assert pair.compared > 10 * pair.refused
