"""A run as CSV: one file for each table, with a line of names, in the manner of RFC 4180.

It deliberately changes no cell: what begins with an equals sign is data here, and a spreadsheet must be told so.
"""

import csv
from contextlib import ExitStack
from pathlib import Path

from simkit.export.formats import Done
from simkit.export.tables import COLUMNS, rows_of
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace


def write(document: Document, trace: StoredTrace | None, folder: Path) -> Done:
    """Write ``messages.csv`` and its three sisters; an empty value is an empty cell."""
    paths = {table: folder / f"{table}.csv" for table in COLUMNS}
    counts = dict.fromkeys(COLUMNS, 0)
    with ExitStack() as files:
        writers = {}
        for table, path in paths.items():
            writers[table] = csv.writer(files.enter_context(path.open("w", encoding="utf-8", newline="")))
            writers[table].writerow(COLUMNS[table])
        for table, values in rows_of(document, trace):
            writers[table].writerow(values)
            counts[table] += 1
    return Done({paths[table]: counts[table] for table in COLUMNS})
