"""What SQL promises: an index says what its table says, and answers are those of another implementation.

Both judge comparisons that others have made and emitted; they deliberately do not compare anything themselves.
"""

from __future__ import annotations

from simkit.checks import Check, Step, sees
from simkit_nodes.database.sql.events import IndexCompared, SchemaPublished, SqlCompared


class IndexConsistent(Check):
    """Every row of a table has its entry in each public index, and every entry its row."""

    name = "index_consistent"

    def __init__(self) -> None:
        super().__init__()
        self.comparisons = self.wrong = self.rows = 0
        self._published: dict[str, list[Step]] = {}

    @sees(SchemaPublished)
    def _publish(self, time_ns: int, host: str, event: SchemaPublished) -> None:
        states = ", ".join(event.indexes) or "no index"
        steps = self._published.setdefault(event.table, [])
        steps.append(Step(time_ns, host, f"version {event.version} of {event.table}: {states}"))
        del steps[:-6]

    @sees(IndexCompared)
    def _compare(self, time_ns: int, host: str, event: IndexCompared) -> None:
        self.comparisons += 1
        self.rows = max(self.rows, event.rows)
        if event.missing or event.dangling:
            self.wrong += 1
            text = (
                f"index {event.index} of {event.table}: {event.missing} of {event.rows} rows without an entry, "
                f"{event.dangling} entries without a row, such as {event.example}"
            )
            self.violated(time_ns, host, text, *self._published.get(event.table, ()), Step(time_ns, host, text))

    def conclude(self, end_ns: int) -> None:
        if not self.comparisons:
            self.undecided = "no index was ever compared with its table"

    def summary(self) -> str:
        return f"{self.comparisons:,} comparisons of up to {self.rows:,} rows, {self.wrong:,} wrong"


class SqlEqualsSqlite(Check):
    """Statements answer what SQLite answers, on tables that only one client uses."""

    name = "sql_equals_sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.compared = self.different = 0

    @sees(SqlCompared)
    def _compare(self, time_ns: int, host: str, event: SqlCompared) -> None:
        self.compared += 1
        if event.difference:
            self.different += 1
            text = f"{event.difference}: {event.statement}"
            self.violated(time_ns, host, text, Step(time_ns, host, text))

    def conclude(self, end_ns: int) -> None:
        if not self.compared:
            self.undecided = "no statement was ever compared"

    def summary(self) -> str:
        return f"{self.compared:,} statements compared with SQLite, {self.different:,} different"
