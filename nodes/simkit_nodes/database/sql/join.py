"""Joins: a row on the left with each row on the right that fits; of a LEFT join also alone, with NULL on the right.

Three ways: by an index of the right table, by a table of hashes, or each with each. All keep the order of the left
side, so that an order below survives a join. There is no merge join.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from simkit_nodes.database.sql.access import Path
from simkit_nodes.database.sql.expression import Expression, Row, in_words
from simkit_nodes.database.sql.functions import compile, condition
from simkit_nodes.database.sql.plan import Batch, Execution, Plan, every_row, line
from simkit_nodes.database.sql.scan import Reader, span_words

OUT_ROWS = 1024  # of a batch that a join hands on


def _name(outer: bool) -> str:
    return "left join" if outer else "join"


@dataclass(frozen=True)
class LookupJoin:
    """For each row of the left side the rows of a table that an index leads to.

    Attributes:
        path: its conditions speak of the joined row.
        table_conditions: on the right table's row alone.
        conditions: on the joined row.
        outer: whether a left row without a partner stays.
    """

    left: Plan
    path: Path
    table_conditions: tuple[Expression, ...]
    conditions: tuple[Expression, ...]
    outer: bool

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        parameters, reader = execution.parameters, Reader(self.path)
        keep, fits = condition(self.table_conditions), condition(self.conditions)
        alone = (None,) * len(self.path.table.columns)
        async for batch in self.left.batches(execution, wanted):
            joined: Batch = []
            for row in batch:
                partners = 0
                async for found in reader.batches(execution, row, parameters, None):
                    both = [row + right for right in found if keep(right, parameters)]
                    both = [each for each in both if fits(each, parameters)]
                    partners += len(both)
                    joined += both
                    if len(joined) >= OUT_ROWS:
                        yield joined
                        joined = []
                if self.outer and not partners:
                    joined.append(row + alone)
            if joined:
                yield joined

    def lines(self, depth: int = 0) -> Iterator[str]:
        conditions = (*self.table_conditions, *self.conditions)
        yield line(depth, f"{_name(self.outer)} by index {span_words(self.path)}", conditions)
        yield from self.left.lines(depth + 1)


@dataclass(frozen=True)
class HashJoin:
    """Rows whose expressions are equal, found by a table of the right side.

    Attributes:
        left_keys, right_keys: what must be equal; each speaks of its own side's row.
        conditions: further ones, on the joined row.
        width: columns of the right side.
    """

    left: Plan
    right: Plan
    left_keys: tuple[Expression, ...]
    right_keys: tuple[Expression, ...]
    conditions: tuple[Expression, ...]
    outer: bool
    width: int

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        parameters, fits = execution.parameters, condition(self.conditions)
        of_left = [compile(key) for key in self.left_keys]
        table = await self._table(execution)
        alone = (None,) * self.width
        async for batch in self.left.batches(execution, wanted):
            joined: Batch = []
            for row in batch:
                partners = table.get(tuple([key(row, parameters) for key in of_left]), ())
                both = [each for right in partners if fits(each := row + right, parameters)]
                joined += both or ([row + alone] if self.outer else [])
                if len(joined) >= OUT_ROWS:
                    yield joined
                    joined = []
            if joined:
                yield joined

    async def _table(self, execution: Execution) -> dict[Row, Batch]:
        """Return the right side by its keys; rows with a NULL among them equal nothing."""
        of_right = [compile(key) for key in self.right_keys]
        table: dict[Row, Batch] = {}
        for row in await every_row(self.right, execution):
            key = tuple([each(row, execution.parameters) for each in of_right])
            if None not in key:
                table.setdefault(key, []).append(row)
        return table

    def lines(self, depth: int = 0) -> Iterator[str]:
        pairs = zip(self.left_keys, self.right_keys, strict=True)
        words = " AND ".join(f"{in_words(left)} = {in_words(right)}" for left, right in pairs)
        yield line(depth, f"{_name(self.outer)} by hash on {words}", self.conditions)
        yield from self.left.lines(depth + 1)
        yield from self.right.lines(depth + 1)


@dataclass(frozen=True)
class NestedLoopJoin:
    """Each row of the left side with each row of the right one."""

    left: Plan
    right: Plan
    conditions: tuple[Expression, ...]
    outer: bool
    width: int

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        parameters, fits = execution.parameters, condition(self.conditions)
        right_rows = await every_row(self.right, execution)
        alone = (None,) * self.width
        async for batch in self.left.batches(execution, wanted):
            joined: Batch = []
            for row in batch:
                both = [each for right in right_rows if fits(each := row + right, parameters)]
                joined += both or ([row + alone] if self.outer else [])
                if len(joined) >= OUT_ROWS:
                    yield joined
                    joined = []
            if joined:
                yield joined

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, f"{_name(self.outer)} each with each", self.conditions)
        yield from self.left.lines(depth + 1)
        yield from self.right.lines(depth + 1)
