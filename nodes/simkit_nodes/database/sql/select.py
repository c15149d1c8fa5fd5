"""SELECT: from the words to a plan.

Rows go through FROM and WHERE, GROUP BY and HAVING, ORDER BY, the list of expressions, DISTINCT and LIMIT. An order
that an index already has is not sorted again. There are no subqueries, unions or windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from simkit_nodes.database.sql.access import Path
from simkit_nodes.database.sql.bind import Binder
from simkit_nodes.database.sql.descriptor import Table
from simkit_nodes.database.sql.errors import BAD_ORDER, NOT_GROUPED, SYNTAX_ERROR, SqlError
from simkit_nodes.database.sql.expression import Expression, Reference, places
from simkit_nodes.database.sql.grouping import GroupedBinder
from simkit_nodes.database.sql.operators import Distinct, Filter, Group, Limit, Project, Sort, SortKey
from simkit_nodes.database.sql.parse import Statement
from simkit_nodes.database.sql.plan import Plan
from simkit_nodes.database.sql.scope import name_of
from simkit_nodes.database.sql.source import Source
from simkit_nodes.database.sql.values import Type

CLAUSES = ("expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct")
SORT_COST = 1.0  # of a row that has to be sorted, against one that a scan passes by


@dataclass(frozen=True)
class Query:
    """A plan with the names and types of its columns."""

    plan: Plan
    names: tuple[str, ...]
    types: tuple[Type, ...]


@dataclass(frozen=True)
class Item:
    """One expression of the list: as written, under which name, and whether the name was given with AS."""

    node: exp.Expr
    name: str
    named: bool


def plan_select(statement: Statement, tables: Mapping[str, Table], parameters: Sequence[Type]) -> Query:
    """Return the plan of a SELECT; `tables` are the descriptors of those it names."""
    tree = statement.tree
    assert isinstance(tree, exp.Select)
    return _Select(statement, tree, tables, parameters).query()


class _Select:
    def __init__(
        self, statement: Statement, tree: exp.Select, tables: Mapping[str, Table], parameters: Sequence[Type]
    ) -> None:
        statement.only(tree, *CLAUSES)
        self.statement, self.tree = statement, tree
        self.source = Source(statement, tables, parameters)
        if tree.args.get("from_") is not None:
            self.source.add(tree.args["from_"].this)
        for join in tree.args.get("joins") or ():
            self.source.join(join)
        self.rows = self.source.binder()
        self._where()
        self.items = [item for node in tree.expressions for item in self._items(node)]
        self.keys: list[Expression] = []
        self.binder: Binder = self.rows
        if self._is_grouped():
            self.keys = [self._group_key(node) for node in self._group_nodes()]
            self.binder = GroupedBinder(self.rows, self.keys)

    def query(self) -> Query:
        """Bind everything, then plan from below to above."""
        outputs = [self.binder.bind(item.node) for item in self.items]
        having = [] if self.tree.args.get("having") is None else self.binder.condition(self.tree.args["having"].this)
        order = [self._sort_key(node, outputs) for node in self._order_nodes()]
        aggregates = tuple(self.binder.aggregates) if isinstance(self.binder, GroupedBinder) else ()
        grouped = isinstance(self.binder, GroupedBinder)
        read = [*self.keys, *(each.argument for each in aggregates if each.argument is not None)]
        read = read if grouped else [*outputs, *(key.expression for key in order)]
        sorted_by_index = False

        def choose(candidates: Sequence[Path]) -> tuple[Path, bool]:
            nonlocal sorted_by_index
            path, direction = self._choose(candidates, [] if grouped or self._distinct else order)
            sorted_by_index = direction is not None
            return path, bool(direction)

        plan = self.source.plan({place for each in read for place in places(each)}, choose)
        if grouped:
            plan = Group(plan, tuple(self.keys), aggregates)
        if having:
            plan = Filter(plan, tuple(having))
        if order and not sorted_by_index and not self._distinct:
            plan = Sort(plan, tuple(order))
        plan = Project(plan, tuple(outputs))
        if self._distinct:
            plan = Distinct(plan)
            plan = Sort(plan, tuple(self._over_outputs(order, outputs))) if order else plan
        names = tuple(item.name for item in self.items)
        return Query(self._limited(plan), names, tuple(output.type for output in outputs))

    # Clauses

    @property
    def _distinct(self) -> bool:
        distinct = self.tree.args.get("distinct")
        if distinct is not None:
            self.statement.only(distinct)
        return distinct is not None

    def _where(self) -> None:
        where = self.tree.args.get("where")
        if where is None:
            return
        if not self.source.members:
            raise SqlError(SYNTAX_ERROR, "WHERE needs FROM", self.statement.position.of(where))
        self.source.require(self.rows.condition(where.this))

    def _items(self, node: exp.Expr) -> list[Item]:
        if isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star)):
            self.statement.only(node, "this", "table")
            table = name_of(node.args.get("table")) if isinstance(node, exp.Column) else ""
            if not self.source.members:
                raise SqlError(SYNTAX_ERROR, "`*` needs FROM", self.statement.position.of(node) or (1, 1))
            found = self.rows.scope.star(table, node)
            fields = [self.rows.scope.fields[each.place] for each in found]
            return [
                Item(exp.column(_quoted(field.name), table=_quoted(field.table)), field.name, False) for field in fields
            ]
        if isinstance(node, exp.Alias):
            return [Item(node.this, name_of(node.args["alias"]), True)]
        name = name_of(node.this) if isinstance(node, exp.Column) else node.sql().lower()[:60]
        return [Item(node, name, False)]

    def _is_grouped(self) -> bool:
        nodes = [*(item.node for item in self.items), *self._order_nodes()]
        aggregated = any(node.find(exp.AggFunc) for node in nodes)
        return aggregated or any(self.tree.args.get(clause) is not None for clause in ("group", "having"))

    def _group_nodes(self) -> list[exp.Expr]:
        group = self.tree.args.get("group")
        if group is None:
            return []
        self.statement.only(group, "expressions")
        return list(group.expressions)

    def _group_key(self, node: exp.Expr) -> Expression:
        """A name in GROUP BY is a column, or else a name given in the list; a number is a place in the list."""
        item = self._item_at(node)
        if item is None and isinstance(node, exp.Column) and not node.args.get("table"):
            name = name_of(node.this)
            if not any(field.name == name for field in self.rows.scope.fields):
                item = self._item_named(name)
        if item is not None and item.node.find(exp.AggFunc):
            raise SqlError(NOT_GROUPED, "no aggregate is allowed in GROUP BY", self.statement.position.of(node))
        return self.rows.bind(node if item is None else item.node)

    def _order_nodes(self) -> list[exp.Expr]:
        order = self.tree.args.get("order")
        if order is None:
            return []
        self.statement.only(order, "expressions")
        return list(order.expressions)

    def _sort_key(self, node: exp.Expr, outputs: Sequence[Expression]) -> SortKey:
        """A name in ORDER BY is one given in the list, or else a column; a number is a place in the list."""
        self.statement.only(node, "this", "desc", "nulls_first")
        key = node.this
        item = self._item_at(key)
        if item is None and isinstance(key, exp.Column) and not key.args.get("table"):
            item = self._item_named(name_of(key.this))
        bound = outputs[self.items.index(item)] if item is not None else self.binder.bind(key)
        if self._distinct and bound not in outputs:
            message = "ORDER BY after DISTINCT can only name what is in the list"
            raise SqlError(BAD_ORDER, message, self.statement.position.of(key))
        return SortKey(bound, bool(node.args.get("desc")), bool(node.args.get("nulls_first")))

    def _item_at(self, node: exp.Expr) -> Item | None:
        if not (isinstance(node, exp.Literal) and node.is_int):
            return None
        number = int(str(node.this)[:9])
        if not 1 <= number <= len(self.items):
            message = f"there is no expression number {number} in the list, which has {len(self.items)}"
            raise SqlError(BAD_ORDER, message, self.statement.position.of(node))
        return self.items[number - 1]

    def _item_named(self, name: str) -> Item | None:
        return next((item for item in self.items if item.named and item.name == name), None)

    def _over_outputs(self, order: Sequence[SortKey], outputs: Sequence[Expression]) -> list[SortKey]:
        """Return the keys as places in the list: after DISTINCT there is nothing else."""
        found = []
        for key in order:
            place = list(outputs).index(key.expression)
            found.append(replace(key, expression=Reference(place, key.expression.type, self.items[place].name)))
        return found

    def _limited(self, plan: Plan) -> Plan:
        counts = [self._count(clause) for clause in ("limit", "offset")]
        return plan if counts == [None, None] else Limit(plan, counts[0], counts[1])

    def _count(self, clause: str) -> Expression | None:
        node = self.tree.args.get(clause)
        if node is None:
            return None
        self.statement.only(node, "expression")
        bound = self.rows.bind(node.expression)
        if bound.type not in (Type.INTEGER, Type.NULL) or places(bound):
            raise self.rows.mismatch(f"{clause.upper()} takes an INTEGER without columns", node)
        return bound

    # The order that an index has

    def _choose(self, candidates: Sequence[Path], order: Sequence[SortKey]) -> tuple[Path, bool | None]:
        """Return the cheapest path; if it yields the order that is asked for, also whether backwards, else None."""
        limited = self.tree.args.get("limit") is not None
        best: tuple[float, Path, bool | None] | None = None
        for path in candidates:
            direction = direction_of(path, order) if order else None
            cost = path.cost
            if order:
                cost = cost + path.rows * SORT_COST if direction is None else cost / 10 if limited else cost
            if best is None or cost < best[0]:
                best = cost, path, direction
        assert best is not None
        return best[1], best[2]


def direction_of(path: Path, order: Sequence[SortKey]) -> bool | None:
    """Return whether a path must be read backwards (True) or forwards (False) to yield an order, None if neither."""
    fixed = path.fixed
    columns = path.index.columns
    constant = {*columns[:fixed]}
    if not path.index.index_id:
        following = columns[fixed:]
    else:
        following = (*columns[fixed:], *path.table.primary)
    wanted: list[tuple[int, bool]] = []
    for key in order:
        if not isinstance(key.expression, Reference) or key.nulls_first is key.descending:
            return None
        place = key.expression.place
        if place not in constant and place not in [each for each, _ in wanted]:
            wanted.append((place, key.descending))
    directions = {descending for _, descending in wanted}
    if len(directions) > 1 or tuple(place for place, _ in wanted) != following[: len(wanted)]:
        return None
    return directions == {True}


def _quoted(name: str) -> exp.Identifier:
    return exp.Identifier(this=name, quoted=True)
