"""Plans: operators that stand on each other, each asking the one below for rows, a batch at a time.

Whoever runs a plan says how many rows it wants at least, so that LIMIT reaches the scan. Operators that must hold rows
(sort, group, join) count them against the statement's bound. An operator changes nothing in the database.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simkit_nodes.database.interface import Transaction
from simkit_nodes.database.sql.errors import OUT_OF_MEMORY, SqlError
from simkit_nodes.database.sql.expression import Expression, Parameters, Row, in_words
from simkit_nodes.database.sql.limits import Limits

Batch = list[Row]


@dataclass(slots=True)
class Execution:
    """One execution of a plan.

    Attributes:
        transaction: what it reads in.
        parameters: the values given with the statement.
        limits: what it may hold.
    """

    transaction: Transaction
    parameters: Parameters
    limits: Limits
    _held: int = field(default=0)

    def hold(self, rows: int) -> None:
        """Count rows that stay in memory until the statement ends. 53200."""
        self._held += rows
        if self._held > self.limits.rows:
            raise SqlError(OUT_OF_MEMORY, f"the statement needs more than {self.limits.rows:,} rows in memory")


class Plan(Protocol):
    """An operator with those below it."""

    def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        """Yield rows in batches, none of them empty; `wanted` is how many may be enough."""
        ...

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield what EXPLAIN says of it, a line for each operator, indented by depth."""
        ...


async def every_row(plan: Plan, execution: Execution, wanted: int | None = None) -> Batch:
    """Return all rows of a plan, counted against the statement's bound."""
    rows: Batch = []
    async for batch in plan.batches(execution, wanted):
        execution.hold(len(batch))
        rows += batch
    return rows


def line(depth: int, words: str, conditions: Sequence[Expression] = ()) -> str:
    """Return one line of EXPLAIN."""
    where = f" where {' AND '.join(map(in_words, conditions))}" if conditions else ""
    return f"{'  ' * depth}{words}{where}"
