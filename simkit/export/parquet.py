"""A run as Parquet: one file for each table, columns typed as `tables.COLUMNS` says, written a batch at a time.

It deliberately needs pyarrow, which comes with the extra ``export`` and with nothing else of simkit.
"""

from contextlib import ExitStack
from pathlib import Path

import pyarrow
import pyarrow.parquet

from simkit.export.formats import Done
from simkit.export.tables import COLUMNS, Value, rows_of
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace

BATCH_ROWS = 50_000

_TYPES = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}


def write(document: Document, trace: StoredTrace | None, folder: Path) -> Done:
    """Write ``messages.parquet`` and its three sisters; an empty value is null."""
    with ExitStack() as files:
        tables = {name: files.enter_context(_Table(folder / f"{name}.parquet", name)) for name in COLUMNS}
        for name, values in rows_of(document, trace):
            tables[name].add(values)
    return Done({table.path: table.count for table in tables.values()})


class _Table:
    """One file; a context manager that writes what is left."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.count = 0
        self._rows: list[tuple[Value, ...]] = []
        fields = [(column, _TYPES[kind]) for column, kind in COLUMNS[name].items()]
        self._schema = pyarrow.schema(fields)
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema)

    def __enter__(self) -> "_Table":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, values: tuple[Value, ...]) -> None:
        self._rows.append(values)
        self.count += 1
        if len(self._rows) == BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = [
                pyarrow.array(values, column.type)
                for values, column in zip(zip(*self._rows, strict=True), self._schema, strict=True)
            ]
            self._writer.write_table(pyarrow.Table.from_arrays(columns, schema=self._schema))
            self._rows.clear()
