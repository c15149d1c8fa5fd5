"""What a statement answers: columns with names and types, rows, and how many.

It is whole: no cursor, nothing that arrives later.
"""

from __future__ import annotations

from dataclasses import dataclass

from simkit_nodes.database.sql.expression import Row
from simkit_nodes.database.sql.values import Type


@dataclass(frozen=True)
class Result:
    """The answer to one statement.

    Attributes:
        names, types: of the columns of `rows`; empty for a statement that returns none.
        rows: in order.
        count: rows returned, inserted, changed or deleted.
    """

    names: tuple[str, ...] = ()
    types: tuple[Type, ...] = ()
    rows: tuple[Row, ...] = ()
    count: int = 0


DONE = Result()
"""The answer of a statement that has nothing to tell but that it is done."""


def lines(name: str, told: list[str]) -> Result:
    """Return a result of one column of text."""
    return Result((name,), (Type.TEXT,), tuple((each,) for each in told), len(told))
