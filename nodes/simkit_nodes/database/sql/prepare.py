"""Preparing: a statement's text becomes a syntax tree once and a plan once for each version of its tables.

Parsing costs a hundred times what a short statement's plan costs to run, so both are kept, the least used given up
first. A plan is made for the types of the parameters, never for their values.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from sqlglot import exp

from simkit_nodes.database.sql.descriptor import Table
from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.mutation import Mutation, plan_delete, plan_insert, plan_update
from simkit_nodes.database.sql.parse import Statement, parse
from simkit_nodes.database.sql.scope import name_of
from simkit_nodes.database.sql.select import Query, plan_select
from simkit_nodes.database.sql.values import Type

KEPT = 500  # statements of which tree and plan are kept
TEXT_MAX = 4096  # characters of a statement that is worth keeping

Planned = Query | Mutation
Made = TypeVar("Made")

PLANNERS: dict[type, Callable[[Statement, Mapping[str, Table], Sequence[Type]], Planned]] = {
    exp.Select: plan_select,
    exp.Insert: plan_insert,
    exp.Update: plan_update,
    exp.Delete: plan_delete,
}


class _Recent(Generic[Made]):
    """The last things made, by what they were made of."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Any, Made] = OrderedDict()

    def get(self, key: Any) -> Made | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def keep(self, key: Any, made: Made) -> None:
        self._kept[key] = made
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)


class Preparation:
    """The statements of a gateway.

    Args:
        limits: what a statement may ask for.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._statements: _Recent[Statement] = _Recent(KEPT)
        self._plans: _Recent[Planned] = _Recent(KEPT)

    def statement(self, text: str) -> Statement:
        """Return the syntax tree of a text. 42601, 54000, 54001."""
        found = self._statements.get(text)
        if found is None:
            found = parse(text, self.limits)
            if len(text) <= TEXT_MAX:
                self._statements.keep(text, found)
        return found

    def plan(self, text: str, statement: Statement, tables: Mapping[str, Table], types: Sequence[Type]) -> Planned:
        """Return the plan of a SELECT, INSERT, UPDATE or DELETE over these versions of its tables."""
        versions = tuple((name, table.table_id, table.version) for name, table in tables.items())
        key = (text, tuple(types), versions)
        found = self._plans.get(key)
        if found is None:
            planner = PLANNERS.get(type(statement.tree))
            if planner is None:
                raise statement.refused(f"the statement {type(statement.tree).__name__.upper()}", statement.tree)
            found = planner(statement, tables, types)
            if len(text) <= TEXT_MAX:
                self._plans.keep(key, found)
        return found


def tables_of(tree: exp.Expr) -> dict[str, exp.Table]:
    """Return the tables that a statement names, each with a place where it does."""
    return {name_of(node.this): node for node in tree.find_all(exp.Table)}


def explain(planned: Planned) -> list[str]:
    """Return what EXPLAIN says of a plan."""
    return list(planned.plan.lines() if isinstance(planned, Query) else planned.lines())
