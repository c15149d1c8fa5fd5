"""The operators above scans and joins: filter, group, project, distinct, sort, limit; and the one row without FROM.

Each is a few lines around Python's own tools; what is worth reading is what they promise each other. Filter, project,
distinct and limit keep the order of what is below them. Nothing spills to a disk: what does not fit in the statement's
bound is refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from simkit_nodes.database.sql.errors import BAD_ROW_COUNT, SqlError
from simkit_nodes.database.sql.expression import Expression, Parameters, Row, in_words
from simkit_nodes.database.sql.functions import compile, condition
from simkit_nodes.database.sql.grouping import Aggregate, accumulator
from simkit_nodes.database.sql.plan import Batch, Execution, Plan, every_row, line


@dataclass(frozen=True)
class OneRow:
    """What SELECT without FROM reads: one row without columns."""

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        yield [()]

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, "one row")


@dataclass(frozen=True)
class Filter:
    """The rows for which conditions are true."""

    below: Plan
    conditions: tuple[Expression, ...]

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        keep, parameters = condition(self.conditions), execution.parameters
        async for batch in self.below.batches(execution, wanted):
            kept = [row for row in batch if keep(row, parameters)]
            if kept:
                yield kept

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, "filter", self.conditions)
        yield from self.below.lines(depth + 1)


@dataclass(frozen=True)
class Project:
    """Expressions over each row."""

    below: Plan
    expressions: tuple[Expression, ...]

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        functions, parameters = [compile(each) for each in self.expressions], execution.parameters
        async for batch in self.below.batches(execution, wanted):
            yield [tuple([function(row, parameters) for function in functions]) for row in batch]

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, f"project {', '.join(map(in_words, self.expressions))}")
        yield from self.below.lines(depth + 1)


@dataclass(frozen=True)
class Group:
    """One row for each group: its keys, then its aggregates. Without keys there is one group, even of no rows."""

    below: Plan
    keys: tuple[Expression, ...]
    aggregates: tuple[Aggregate, ...]

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        parameters, of_row = execution.parameters, [compile(key) for key in self.keys]
        groups: dict[Row, Batch] = {} if self.keys else {(): []}
        async for batch in self.below.batches(execution):
            execution.hold(len(batch))
            for row in batch:
                groups.setdefault(tuple([key(row, parameters) for key in of_row]), []).append(row)
        compute = [accumulator(aggregate) for aggregate in self.aggregates]
        rows = [(*key, *[each(members, parameters) for each in compute]) for key, members in groups.items()]
        if rows:
            yield rows

    def lines(self, depth: int = 0) -> Iterator[str]:
        by = f" by {', '.join(map(in_words, self.keys))}" if self.keys else ""
        yield line(depth, f"group{by}: {', '.join(map(str, self.aggregates)) or 'nothing else'}")
        yield from self.below.lines(depth + 1)


@dataclass(frozen=True)
class Distinct:
    """Each row once, the first time it comes."""

    below: Plan

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        seen: set[Row] = set()
        async for batch in self.below.batches(execution, wanted):
            new = [row for row in dict.fromkeys(batch) if row not in seen]
            execution.hold(len(new))
            seen.update(new)
            if new:
                yield new

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, "distinct")
        yield from self.below.lines(depth + 1)


@dataclass(frozen=True)
class SortKey:
    """One expression of ORDER BY."""

    expression: Expression
    descending: bool
    nulls_first: bool

    def __str__(self) -> str:
        natural = self.nulls_first is not self.descending
        nulls = "" if natural else f" nulls {'first' if self.nulls_first else 'last'}"
        return f"{in_words(self.expression)}{' desc' if self.descending else ''}{nulls}"


@dataclass(frozen=True)
class Sort:
    """All rows in order; rows that are equal in all keys stay as they came."""

    below: Plan
    keys: tuple[SortKey, ...]

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        rows = await every_row(self.below, execution)
        for key in reversed(self.keys):  # sorting is stable: the first key last
            self._sort(rows, key, execution.parameters)
        if rows:
            yield rows

    def _sort(self, rows: Batch, key: SortKey, parameters: Parameters) -> None:
        function = compile(key.expression)
        last = key.nulls_first is key.descending  # where Python's order would put what sorts above
        rows.sort(
            key=lambda row: (last, 0) if (value := function(row, parameters)) is None else (not last, value),
            reverse=key.descending,
        )

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, f"sort by {', '.join(map(str, self.keys))}")
        yield from self.below.lines(depth + 1)


@dataclass(frozen=True)
class Limit:
    """The first rows after those passed over; `limit` and `offset` are expressions without columns."""

    below: Plan
    limit: Expression | None
    offset: Expression | None

    async def batches(self, execution: Execution, wanted: int | None = None) -> AsyncIterator[Batch]:
        passed = _count(self.offset, execution.parameters, "OFFSET") or 0
        left = _count(self.limit, execution.parameters, "LIMIT")
        if left == 0:
            return
        async for batch in self.below.batches(execution, None if left is None else left + passed):
            rest = batch[passed:]
            passed = max(0, passed - len(batch))
            if left is not None:
                rest = rest[:left]
                left -= len(rest)
            if rest:
                yield rest
            if left == 0:
                return

    def lines(self, depth: int = 0) -> Iterator[str]:
        words = [
            f"{word} {in_words(count)}" for word, count in (("limit", self.limit), ("offset", self.offset)) if count
        ]
        yield line(depth, " ".join(words))
        yield from self.below.lines(depth + 1)


def _count(expression: Expression | None, parameters: Parameters, word: str) -> int | None:
    """Return the number of rows that LIMIT or OFFSET says; None for no bound."""
    value = None if expression is None else compile(expression)((), parameters)
    if value is not None and value < 0:
        raise SqlError(BAD_ROW_COUNT, f"{word} must not be negative")
    return value
