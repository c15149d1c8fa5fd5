"""Grouping: GROUP BY, aggregates, and what may stand beside them.

After grouping a row is the values of the group's expressions followed by the aggregates; everything behind speaks of
that row. A column that is neither grouped nor inside of an aggregate has many values and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from sqlglot import exp

from simkit_nodes.database.sql.bind import Binder
from simkit_nodes.database.sql.errors import NOT_GROUPED, SqlError
from simkit_nodes.database.sql.expression import Expression, Parameters, Reference, Row, in_words
from simkit_nodes.database.sql.functions import compile
from simkit_nodes.database.sql.values import NUMBERS, Type, Value, finite, whole

NAMES = {exp.Count: "count", exp.Sum: "sum", exp.Avg: "avg", exp.Min: "min", exp.Max: "max"}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate; `argument` is None for ``count(*)``."""

    function: str
    argument: Expression | None
    distinct: bool
    type: Type

    def __str__(self) -> str:
        given = "*" if self.argument is None else in_words(self.argument)
        return f"{self.function}({'DISTINCT ' if self.distinct else ''}{given})"


class GroupedBinder(Binder):
    """Binds expressions over groups, and collects the aggregates they name.

    Args:
        rows: the binder of the rows that are grouped.
        keys: the expressions of GROUP BY.
    """

    def __init__(self, rows: Binder, keys: Sequence[Expression]) -> None:
        super().__init__(rows.scope, rows.parameters)
        self._rows = rows
        self._keys = list(keys)
        self.aggregates: list[Aggregate] = []

    def bind(self, node: exp.Expr) -> Expression:
        if isinstance(node, exp.AggFunc):
            return self._aggregate(node)
        if node.find(exp.AggFunc) is None:
            bound = self._rows.bind(node)
            if bound in self._keys:
                return Reference(self._keys.index(bound), bound.type, in_words(bound))
            if isinstance(bound, Reference):
                message = f"column `{bound.name}` is neither grouped nor inside of an aggregate"
                raise SqlError(NOT_GROUPED, message, self.statement.position.of(node))
        return super().bind(node)

    def _aggregate(self, node: exp.AggFunc) -> Reference:
        function = NAMES.get(type(node))
        if function is None:
            return super().bind(node)  # type: ignore[return-value]
        self.statement.only(node, "this", "big_int")
        argument, distinct = node.this, isinstance(node.this, exp.Distinct)
        if distinct:
            self.statement.only(argument, "expressions")
            if len(argument.expressions) != 1:
                raise self.statement.refused("DISTINCT of several columns in an aggregate", node)
            argument = argument.expressions[0]
        aggregate = self._typed_aggregate(function, argument, distinct, node)
        if aggregate not in self.aggregates:
            self.aggregates.append(aggregate)
        return Reference(len(self._keys) + self.aggregates.index(aggregate), aggregate.type, str(aggregate))

    def _typed_aggregate(self, function: str, argument: exp.Expr | None, distinct: bool, node: exp.Expr) -> Aggregate:
        if function == "count" and isinstance(argument, exp.Star):
            return Aggregate("count", None, False, Type.INTEGER)
        if argument is None or isinstance(argument, exp.Star):
            raise SqlError(NOT_GROUPED, f"{function} takes one argument", self.statement.position.of(node))
        bound = self._rows.bind(argument)
        if function in ("sum", "avg") and bound.type not in (*NUMBERS, Type.NULL):
            raise self.mismatch(f"{function} takes INTEGER or REAL, not {bound.type}", argument)
        result = {"count": Type.INTEGER, "avg": Type.REAL}.get(function, bound.type)
        return Aggregate(function, bound, distinct and function not in ("min", "max"), result)


def accumulator(aggregate: Aggregate) -> Callable[[Sequence[Row], Parameters], Value]:
    """Return a function that computes an aggregate over the rows of a group."""
    if aggregate.argument is None:
        return lambda rows, parameters: len(rows)
    argument = compile(aggregate.argument)
    finish = _FINISH[aggregate.function]
    real = aggregate.argument.type is Type.REAL

    def compute(rows: Sequence[Row], parameters: Parameters) -> Value:
        values = [value for row in rows if (value := argument(row, parameters)) is not None]
        return finish(list(dict.fromkeys(values)) if aggregate.distinct else values, real)

    return compute


def _total(values: list[Any], real: bool) -> Value:
    if not values:
        return None
    return _real_sum(values) if real else whole(sum(values))


def _mean(values: list[Any], real: bool) -> Value:
    if not values:
        return None
    return finite((_real_sum(values) if real else sum(values)) / len(values))


def _real_sum(values: list[float]) -> float:
    """Sum exactly and round once: the order in which ranges answer must not show in the last digit."""
    try:
        return finite(fsum(values))
    except OverflowError:
        return finite(float("inf"))


_FINISH: dict[str, Callable[[list[Any], bool], Value]] = {
    "count": lambda values, real: len(values),
    "sum": _total,
    "avg": _mean,
    "min": lambda values, real: min(values, default=None),
    "max": lambda values, real: max(values, default=None),
}
