"""Names: which columns of which tables a statement's expressions may speak of, and where they stand in the row.

Words without quotation marks are the same in lower and upper case, as in PostgreSQL; nearest spellings come with every
name that nobody knows. There are no subqueries, so there is one scope for a statement.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from simkit_nodes.database.sql.errors import AMBIGUOUS_COLUMN, UNKNOWN_COLUMN, UNKNOWN_TABLE, SqlError, nearest
from simkit_nodes.database.sql.expression import Reference
from simkit_nodes.database.sql.parse import Statement
from simkit_nodes.database.sql.values import Type


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the row: of which table, as the statement calls it, under which name."""

    table: str
    name: str
    type: Type


def name_of(identifier: exp.Expr | None) -> str:
    """Return the name that an identifier means: as written in quotation marks, else in lower case."""
    if not isinstance(identifier, exp.Identifier):
        return ""
    written = str(identifier.this)
    return written if identifier.args.get("quoted") else written.lower()


class Scope:
    """The columns of a row, in order.

    Args:
        statement: for positions.
        fields: the columns.
        hidden: places that `*` leaves out: of two columns that USING makes one, the second.
    """

    def __init__(self, statement: Statement, fields: tuple[Field, ...], hidden: frozenset[int] = frozenset()) -> None:
        self.statement = statement
        self.fields = fields
        self.hidden = hidden
        self.tables = {field.table: None for field in fields}

    def reference(self, place: int) -> Reference:
        """Return the reference to a place of the row."""
        field = self.fields[place]
        return Reference(place, field.type, f"{field.table}.{field.name}" if len(self.tables) > 1 else field.name)

    def resolve(self, column: exp.Column) -> Reference:
        """Return what a column means. 42703, 42P01, 42702."""
        self.statement.only(column, "this", "table")
        name, table = name_of(column.this), name_of(column.args.get("table"))
        if table:
            self.check_table(table, column)
        found = [
            place
            for place, field in enumerate(self.fields)
            if field.name == name and (field.table == table if table else place not in self.hidden)
        ]
        at = self.statement.position.of(column)
        if not found:
            known = {field.name for field in self.fields if not table or field.table == table}
            where = f" in `{table}`" if table else ""
            raise SqlError(UNKNOWN_COLUMN, f"no column `{name}`{where}{nearest(name, sorted(known))}", at)
        if len(found) > 1:
            several = ", ".join(f"`{self.fields[place].table}.{name}`" for place in found)
            raise SqlError(AMBIGUOUS_COLUMN, f"column `{name}` could be {several}", at)
        return self.reference(found[0])

    def star(self, table: str, node: exp.Expr) -> list[Reference]:
        """Return the columns that ``*`` or ``table.*`` means."""
        if table:
            self.check_table(table, node)
        places = range(len(self.fields))
        if table:
            return [self.reference(place) for place in places if self.fields[place].table == table]
        return [self.reference(place) for place in places if place not in self.hidden]

    def check_table(self, table: str, node: exp.Expr) -> None:
        """Refuse a name of a table that the statement does not read. 42P01."""
        if table not in self.tables:
            message = f"`{table}` is not a table of this statement{nearest(table, self.tables)}"
            raise SqlError(UNKNOWN_TABLE, message, self.statement.position.of(node))
