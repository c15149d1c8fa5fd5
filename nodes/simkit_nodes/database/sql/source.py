"""FROM: which tables a statement reads, which conditions belong to which of them, and how they are joined.

Predicates are pushed as far down as they go: to the scan of their table, else to the first join whose row has what
they speak of. Only what concerns the right side of a LEFT JOIN waits above it, unless it stands in that join's ON.
Tables are joined in the order in which they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from simkit_nodes.database.sql.access import LOOKUP_COST, Path, paths
from simkit_nodes.database.sql.bind import Binder, common_type
from simkit_nodes.database.sql.descriptor import Table
from simkit_nodes.database.sql.errors import DUPLICATE_ALIAS, SYNTAX_ERROR, SqlError
from simkit_nodes.database.sql.expression import Expression, Operation, places, shift
from simkit_nodes.database.sql.join import HashJoin, LookupJoin, NestedLoopJoin
from simkit_nodes.database.sql.operators import Filter, OneRow
from simkit_nodes.database.sql.parse import Statement
from simkit_nodes.database.sql.plan import Plan
from simkit_nodes.database.sql.scan import Scan
from simkit_nodes.database.sql.scope import Field, Scope, name_of
from simkit_nodes.database.sql.values import Type

Choose = Callable[[Sequence[Path]], tuple[Path, bool]]
"""Picks a path for the first table and says whether to read it backwards."""


@dataclass
class Member:
    """One table of FROM.

    Attributes:
        at: the place of its first column in the joined row.
        outer: whether it is the right side of a LEFT JOIN.
        on: the conditions of that join.
        conditions: of the first join whose row has all they speak of.
        above: conditions that wait until its LEFT JOIN has been made.
    """

    table: Table
    alias: str
    at: int
    outer: bool = False
    on: list[Expression] = field(default_factory=list)
    conditions: list[Expression] = field(default_factory=list)
    above: list[Expression] = field(default_factory=list)

    @property
    def columns(self) -> range:
        """The places of its columns."""
        return range(self.at, self.at + len(self.table.columns))


class Source:
    """FROM and its joins.

    Args:
        statement: for positions.
        tables: descriptors of all tables that the statement names.
        parameters: types of the values given.
    """

    def __init__(self, statement: Statement, tables: Mapping[str, Table], parameters: Sequence[Type]) -> None:
        self._statement = statement
        self._tables = tables
        self._parameters = parameters
        self._hidden: set[int] = set()
        self.members: list[Member] = []

    @property
    def scope(self) -> Scope:
        """The names of all tables so far."""
        fields = [
            Field(member.alias, column.name, column.type) for member in self.members for column in member.table.columns
        ]
        return Scope(self._statement, tuple(fields), frozenset(self._hidden))

    def binder(self) -> Binder:
        """Return what binds expressions over the joined row."""
        return Binder(self.scope, self._parameters)

    def add(self, node: exp.Expr, outer: bool = False) -> Member:
        """Take a table in."""
        if not isinstance(node, exp.Table):
            raise self._statement.refused("anything but a table in FROM", node)
        self._statement.only(node, "this", "alias")
        alias = node.args.get("alias")
        if alias is not None:
            self._statement.only(alias, "this")
        table = self._tables[name_of(node.this)]
        name = name_of(alias.this) if alias is not None else table.name
        if any(member.alias == name for member in self.members):
            at = self._statement.position.of(node)
            raise SqlError(DUPLICATE_ALIAS, f"two tables are called `{name}`; give one another name with AS", at)
        member = Member(table, name, sum(len(each.table.columns) for each in self.members), outer)
        self.members.append(member)
        return member

    def join(self, node: exp.Join) -> None:
        """Take a joined table in, with its ON or USING."""
        self._statement.only(node, "this", "side", "kind", "on", "using")
        side, kind = (str(node.args.get(each) or "").upper() for each in ("side", "kind"))
        if side not in ("", "LEFT") or kind not in ("", "INNER", "CROSS", "OUTER"):
            raise self._statement.refused(f"{' '.join(filter(None, (side, kind)))} JOIN", node)
        member = self.add(node.this, outer=side == "LEFT")
        binder = self.binder()
        found = [] if node.args.get("on") is None else binder.condition(node.args["on"])
        found += [self._equal(binder, member, column) for column in node.args.get("using") or ()]
        if member.outer:
            if not found:
                at = self._statement.position.of(node)
                raise SqlError(SYNTAX_ERROR, "a LEFT JOIN needs ON or USING", at)
            member.on = found
        else:
            self.require(found)

    def _equal(self, binder: Binder, member: Member, column: exp.Expr) -> Expression:
        """Return the condition of one column of USING; the right table's column is no longer seen by its bare name."""
        right = binder.scope.resolve(exp.column(column.copy(), table=exp.to_identifier(member.alias, quoted=True)))
        self._hidden.add(right.place)
        left = self.binder().scope.resolve(exp.column(column.copy()))
        if common_type((left.type, right.type)) is None:
            raise binder.mismatch(f"USING ({left.name}) compares {left.type} and {right.type}", column)
        return Operation("=", Type.BOOLEAN, (left, right))

    def require(self, conditions: Sequence[Expression]) -> None:
        """Take in conditions of WHERE, or of the ON of an inner join, which mean the same."""
        for condition in conditions:
            read = places(condition)
            last = next((each for each in reversed(self.members) if read & set(each.columns)), None)
            if last is None:
                last = self.members[0]
            (last.above if last.outer else last.conditions).append(condition)

    def plan(self, needed: set[int], choose: Choose) -> Plan:
        """Return the plan that yields the joined row; only columns `needed`, and those of conditions, have values."""
        if not self.members:
            return OneRow()
        needed = needed | {
            place
            for member in self.members
            for condition in (*member.on, *member.conditions, *member.above)
            for place in places(condition)
        }
        first = self.members[0]
        path, reverse = choose(paths(first.table, first.conditions, _local(first, needed), 0, range(0)))
        plan: Plan = Scan(path, tuple(first.conditions), reverse)
        rows = path.rows
        for member in self.members[1:]:
            plan, rows = self._joined(plan, rows, member, needed)
            if member.above:
                plan = Filter(plan, tuple(member.above))
        return plan

    def _joined(self, left: Plan, rows: float, member: Member, needed: set[int]) -> tuple[Plan, float]:
        """Return the plan that joins one more table, and how many rows are expected."""
        conditions = member.on if member.outer else member.conditions
        local = [each for each in conditions if places(each) and places(each) <= set(member.columns)]
        across = [each for each in conditions if each not in local]
        own = tuple(shift(each, -member.at) for each in local)
        width, wanted = len(member.table.columns), _local(member, needed)
        scanned = min(paths(member.table, own, wanted, 0, range(0)), key=lambda path: path.cost)
        lookup = min(
            paths(member.table, conditions, wanted, member.at, range(member.at)),
            key=lambda path: (not _reaches_left(path, member), path.cost),
        )
        by_lookup = _reaches_left(lookup, member) and rows * (LOOKUP_COST + lookup.cost) <= scanned.cost + rows
        if by_lookup:
            return LookupJoin(left, lookup, own, tuple(across), member.outer), rows * max(1.0, lookup.rows)
        right = Scan(scanned, own)
        keys = [pair for each in across if (pair := _equality(each, member)) is not None]
        rest = tuple(each for each in across if _equality(each, member) is None)
        if keys:
            left_keys, right_keys = (tuple(each) for each in zip(*keys, strict=True))
            return HashJoin(left, right, left_keys, right_keys, rest, member.outer, width), max(rows, scanned.rows)
        return NestedLoopJoin(left, right, rest, member.outer, width), rows * scanned.rows


def _local(member: Member, needed: set[int]) -> set[int]:
    return {place - member.at for place in needed if place in member.columns}


def _reaches_left(path: Path, member: Member) -> bool:
    """Whether a path is bounded by values of the rows on the left."""
    read = {place for of_column in path.constraints for each in of_column for place in places(each.condition)}
    return bool(read - set(member.columns))


def _equality(condition: Expression, member: Member) -> tuple[Expression, Expression] | None:
    """Return both sides of an equality of left and right row, the right one in its own places; None for others."""
    if not (isinstance(condition, Operation) and condition.function == "="):
        return None
    for left, right in (condition.arguments, condition.arguments[::-1]):
        of_left, of_right = places(left), places(right)
        if of_right and of_right <= set(member.columns) and not of_left & set(member.columns):
            return left, shift(right, -member.at)
    return None
