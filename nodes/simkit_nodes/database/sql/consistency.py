"""Whether indexes agree with their table: every row has its entry, and every entry its row.

Compared in one transaction, so that writes beside it are all in or all out. It says what is wrong and mends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from simkit_nodes.database.interface import Transaction
from simkit_nodes.database.sql.descriptor import Index, State, Table, decode_row
from simkit_nodes.database.sql.scan import read


@dataclass(frozen=True)
class Compared:
    """One index against its table.

    Attributes:
        rows: of the table.
        missing: rows without the entry they should have.
        dangling: entries that no row has.
        example: a key of one that is wrong, if there is any.
    """

    table: str
    index: str
    rows: int
    missing: int
    dangling: int
    example: bytes = b""


async def compare(transaction: Transaction, table: Table) -> list[Compared]:
    """Return how each public index agrees with the rows."""
    begin, end = table.index_span(table.primary_index)
    rows = [
        decode_row(value)
        async for pairs in read(transaction, (begin, end), reverse=False, wanted=None)
        for _, value in pairs
    ]
    public = [index for index in table.indexes if index.state is State.PUBLIC]
    return [await _compare_one(transaction, table, index, rows) for index in public]


async def _compare_one(transaction: Transaction, table: Table, index: Index, rows: list[tuple]) -> Compared:
    wanted = dict(table.entry(index, row) for row in rows)
    found = {
        key: value
        async for pairs in read(transaction, table.index_span(index), reverse=False, wanted=None)
        for key, value in pairs
    }
    missing = [key for key, value in wanted.items() if found.get(key) != value]
    dangling = [key for key, value in found.items() if wanted.get(key) != value]
    example = min([*missing, *dangling], default=b"")
    return Compared(table.name, index.name, len(rows), len(missing), len(dangling), example)
