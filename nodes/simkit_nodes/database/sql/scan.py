"""Reading a table: the keys of one index, as narrow as its path allows, and the rows they stand for.

Reads are batches of `BATCH_ROWS`, so that a scan of a large table is many small requests. Conditions that speak of the
table alone are evaluated here, before anything else sees the row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from simkit_nodes.database.interface import Transaction
from simkit_nodes.database.sql.access import Path
from simkit_nodes.database.sql.constraint import Range
from simkit_nodes.database.sql.descriptor import Index, Table, decode_row
from simkit_nodes.database.sql.expression import Expression, Parameters, Row, in_words
from simkit_nodes.database.sql.functions import condition
from simkit_nodes.database.sql.plan import Batch, Execution, line

BATCH_ROWS = 256

Pair = tuple[bytes, bytes]


async def read(
    transaction: Transaction, span: Range, *, reverse: bool, wanted: int | None
) -> AsyncIterator[list[Pair]]:
    """Yield keys and values of a span in batches; the first is as small as what is wanted."""
    begin, end = span
    size = min(wanted or BATCH_ROWS, BATCH_ROWS)
    while True:
        pairs = await transaction.scan(begin, end, limit=size, reverse=reverse)
        if pairs:
            yield pairs
        if len(pairs) < size:
            return
        begin, end = (begin, pairs[-1][0]) if reverse else (pairs[-1][0] + b"\x00", end)
        size = BATCH_ROWS


async def rows_of(
    transaction: Transaction, table: Table, index: Index, pairs: Sequence[Pair], covering: bool
) -> list[Row]:
    """Return the rows that keys of an index stand for; with `covering`, only what the index knows of them."""
    if not index.index_id:
        return [decode_row(value) for _, value in pairs]
    if covering:
        return [table.partial_row(index, key, value) for key, value in pairs]
    stored = await transaction.get_many([table.row_key_of_entry(index, key, value) for key, value in pairs])
    return [decode_row(value) for value in stored if value is not None]


class Reader:
    """Reads by a path, for a scan or for one row of a join."""

    def __init__(self, path: Path, reverse: bool = False) -> None:
        self._path = path
        self._reverse = reverse
        self._by_get = (
            not path.index.index_id
        )  # a key of another index may go on where a NULL makes it no longer unique

    async def batches(
        self, execution: Execution, row: Row, parameters: Parameters, wanted: int | None
    ) -> AsyncIterator[Batch]:
        """Yield the rows of all spans in the order of the index."""
        path, transaction = self._path, execution.transaction
        spans, whole_keys = path.spans(row, parameters, execution.limits.spans)
        if whole_keys and self._by_get:
            pairs = await self._get(transaction, [begin for begin, _ in spans])
            if pairs:
                yield await rows_of(transaction, path.table, path.index, pairs, path.covering)
            return
        for span in reversed(spans) if self._reverse else spans:
            async for pairs in read(transaction, span, reverse=self._reverse, wanted=wanted):
                yield await rows_of(transaction, path.table, path.index, pairs, path.covering)

    async def _get(self, transaction: Transaction, keys: list[bytes]) -> list[Pair]:
        if self._reverse:
            keys.reverse()
        values = await transaction.get_many(keys)
        return [(key, value) for key, value in zip(keys, values, strict=True) if value is not None]


def span_words(path: Path) -> str:
    """Return what EXPLAIN says of a path: the index and what bounds each of its columns."""
    if not path.constraints:
        return f"{path.table.name}@{path.index.name} all"
    bounds = [" AND ".join(in_words(each.condition) for each in of_column) for of_column in path.constraints]
    columns = ", ".join(path.table.columns[place].name for place in path.index.columns[: len(path.constraints)])
    return f"{path.table.name}@{path.index.name} ({columns}) by {', '.join(bounds)}"


@dataclass(frozen=True)
class Scan:
    """The rows of a table by one of its indexes.

    Attributes:
        path: by which keys.
        conditions: on the table's row alone.
        reverse: from the last key down.
    """

    path: Path
    conditions: tuple[Expression, ...] = ()
    reverse: bool = False

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        keep, parameters = condition(self.conditions), execution.parameters
        async for batch in Reader(self.path, self.reverse).batches(execution, (), parameters, wanted):
            kept = [row for row in batch if keep(row, parameters)] if self.conditions else batch
            if kept:
                yield kept

    def lines(self, depth: int = 0) -> Iterator[str]:
        words = "index only " if self.path.covering and self.path.index.index_id else ""
        backwards = " backwards" if self.reverse else ""
        yield line(depth, f"{words}scan {span_words(self.path)}{backwards}", self.conditions)
