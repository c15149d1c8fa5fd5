"""Writing rows: the row, an entry in each index that takes one, and the constraints that they must keep.

Constraints hold at the end of a statement, as the standard says: all keys that go are deleted before any that come is
looked for, so that ``a = a + 1`` over a unique column meets nobody. In which states an index takes what is F1's rule; a
statement knows only the version of the table that it was planned with.
"""

from __future__ import annotations

from collections.abc import Sequence

from simkit_nodes.database.interface import Transaction
from simkit_nodes.database.sql.descriptor import Index, Table, encode_row
from simkit_nodes.database.sql.errors import DUPLICATE_KEY, NULL_NOT_ALLOWED, SqlError
from simkit_nodes.database.sql.expression import Row

Change = tuple[Row | None, Row | None]
"""A row as it was and as it will be; None where there was, or will be, none."""


class Writer:
    """Writes rows of one version of a table in one transaction."""

    def __init__(self, table: Table, transaction: Transaction) -> None:
        self._table = table
        self._transaction = transaction

    async def write(self, changes: Sequence[Change]) -> None:
        """Make all changes of a statement. 23502, 23505, 54000; whatever was written must then be rolled back."""
        gone: dict[bytes, None] = {}
        come: dict[bytes, tuple[bytes, Index | None]] = {}  # with the index that must not have the key, if any
        for old, new in changes:
            self._change(old, new, gone, come)
        for key in gone:
            await self._transaction.delete(key)
        await self._check_unique([(key, index) for key, (_, index) in come.items() if index is not None])
        for key, (value, _) in come.items():
            await self._transaction.put(key, value)

    def _change(
        self, old: Row | None, new: Row | None, gone: dict[bytes, None], come: dict[bytes, tuple[bytes, Index | None]]
    ) -> None:
        before = {} if old is None else self._entries(old, deleting=True)
        after: dict[bytes, tuple[bytes, Index]] = {}
        if new is not None:
            self._check_nulls(new)
            after = self._entries(new, deleting=False)
        for key in before:
            if key not in after:
                gone[key] = None
        for key, (value, index) in after.items():
            same = before.get(key)
            if same is not None and same[0] == value:
                continue
            if key in come:
                raise self._duplicate(index, key)
            # An entry without a value has the primary key in its key, and can meet nobody's.
            come[key] = value, index if same is None and index.unique and value else None

    def _entries(self, row: Row, *, deleting: bool) -> dict[bytes, tuple[bytes, Index]]:
        """Return the keys of a row, its own first, with their values."""
        table = self._table
        entries = {table.row_key(row): (encode_row(row), table.primary_index)}
        for index in table.indexes:
            if deleting or index.takes_inserts:
                key, value = table.entry(index, row)
                entries[key] = value, index
        return entries

    def _check_nulls(self, row: Row) -> None:
        for column, value in zip(self._table.columns, row, strict=True):
            if value is None and not column.nullable:
                message = f"NULL in column `{column.name}` of `{self._table.name}`, which is NOT NULL"
                raise SqlError(NULL_NOT_ALLOWED, message)

    async def _check_unique(self, guarded: Sequence[tuple[bytes, Index]]) -> None:
        if not guarded:
            return
        for (key, index), found in zip(
            guarded, await self._transaction.get_many([key for key, _ in guarded]), strict=True
        ):
            if found is not None:
                raise self._duplicate(index, key)

    def _duplicate(self, index: Index, key: bytes) -> SqlError:
        table = self._table
        values = table.entry_values(index, key, b"")[: len(index.columns)]
        columns = ", ".join(table.columns[place].name for place in index.columns)
        told = ", ".join(repr(value) for value in values)[:80]
        return SqlError(DUPLICATE_KEY, f"duplicate key ({columns}) = ({told}) in `{index.name}` of `{table.name}`")
