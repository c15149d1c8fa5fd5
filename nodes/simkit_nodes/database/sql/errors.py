"""Errors of SQL statements: an SQLSTATE that a program can decide by, a message for whoever wrote the statement.

Codes and their meaning are PostgreSQL's (documentation, appendix A). What goes wrong below a statement (retry, timeout,
no quorum) keeps its own class of `simkit_nodes.database.errors`, with a code as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from simkit_nodes.database.errors import DatabaseError

TRANSACTION_ACTIVE = "25001"
NO_TRANSACTION = "25P01"
TRANSACTION_FAILED = "25P02"
NOT_SUPPORTED = "0A000"
NUMBER_OUT_OF_RANGE = "22003"
DIVISION_BY_ZERO = "22012"
BAD_TEXT = "22P02"
BAD_VALUE = "22023"
BAD_ROW_COUNT = "2201W"
NULL_NOT_ALLOWED = "23502"
DUPLICATE_KEY = "23505"
SYNTAX_ERROR = "42601"
DUPLICATE_COLUMN = "42701"
AMBIGUOUS_COLUMN = "42702"
UNKNOWN_COLUMN = "42703"
UNKNOWN_INDEX = "42704"
DUPLICATE_ALIAS = "42712"
NOT_GROUPED = "42803"
TYPE_MISMATCH = "42804"
UNKNOWN_FUNCTION = "42883"
UNKNOWN_TABLE = "42P01"
UNKNOWN_PARAMETER = "42P02"
DUPLICATE_TABLE = "42P07"
BAD_ORDER = "42P10"
BAD_DEFINITION = "42P16"
OUT_OF_MEMORY = "53200"
TOO_LARGE = "54000"
TOO_COMPLEX = "54001"


class SqlError(DatabaseError):
    """A statement that was refused or failed; nothing of it took effect.

    Attributes:
        sqlstate: what is wrong, five characters.
        message: one sentence without the position.
        line, column: where in the statement, from 1; None where the error has no one place.
    """

    def __init__(self, sqlstate: str, message: str, at: tuple[int, int] | None = None) -> None:
        super().__init__(sqlstate, message, at)
        self.sqlstate = sqlstate  # type: ignore[misc]
        self.message = message
        self.line: int | None
        self.column: int | None
        self.line, self.column = at or (None, None)

    def __str__(self) -> str:
        where = "" if self.line is None else f" (line {self.line}, column {self.column})"
        return f"{self.sqlstate}: {self.message}{where}"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; nearest: `x`"`` for the known name that is spelt most like `name`, or nothing."""
    near = get_close_matches(name[:200], list(known), n=1, cutoff=0.5)
    return f"; nearest: `{near[0]}`" if near else ""
