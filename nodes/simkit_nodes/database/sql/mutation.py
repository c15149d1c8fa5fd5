"""INSERT, UPDATE and DELETE: which rows, and what becomes of them.

A statement first finds all its rows and then changes them, so that it never meets its own changes (the Halloween
problem). What is written, and where, is `writer`'s business. RETURNING and ON CONFLICT are not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from simkit_nodes.database.sql.access import paths
from simkit_nodes.database.sql.bind import Binder
from simkit_nodes.database.sql.descriptor import Column, Table
from simkit_nodes.database.sql.errors import (
    DUPLICATE_COLUMN,
    SYNTAX_ERROR,
    UNKNOWN_COLUMN,
    SqlError,
    nearest,
)
from simkit_nodes.database.sql.expression import Constant, Expression, Row, in_words
from simkit_nodes.database.sql.functions import compile
from simkit_nodes.database.sql.parse import Statement
from simkit_nodes.database.sql.plan import Execution, Plan, every_row, line
from simkit_nodes.database.sql.scan import Scan
from simkit_nodes.database.sql.scope import Scope, name_of
from simkit_nodes.database.sql.select import plan_select
from simkit_nodes.database.sql.source import Source
from simkit_nodes.database.sql.values import Type, Value
from simkit_nodes.database.sql.writer import Writer


@dataclass(frozen=True)
class Rows:
    """VALUES: rows of expressions without columns."""

    rows: tuple[tuple[Expression, ...], ...]

    async def batches(self, execution: Execution, wanted: int | None = None):
        yield [tuple([compile(each)((), execution.parameters) for each in row]) for row in self.rows]

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, f"{len(self.rows):,} rows of the statement")


@dataclass(frozen=True)
class Insert:
    """New rows.

    Attributes:
        places: where in the row each column of `source` goes; the others take their default.
    """

    table: Table
    places: tuple[int, ...]
    source: Plan

    async def run(self, execution: Execution) -> int:
        """Insert and return the number of rows."""
        given = await every_row(self.source, execution)
        rows = [self._row(values) for values in given]
        await Writer(self.table, execution.transaction).write([(None, row) for row in rows])
        return len(rows)

    def _row(self, values: Row) -> Row:
        row: list[Value] = [column.default for column in self.table.columns]
        for place, value in zip(self.places, values, strict=True):
            row[place] = _stored(value, self.table.columns[place])
        return tuple(row)

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, f"insert into {self.table.name}")
        yield from self.source.lines(depth + 1)


@dataclass(frozen=True)
class Update:
    """Rows that change.

    Attributes:
        source: the whole rows.
        assignments: the place of a column and its new value, from the row as it was.
    """

    table: Table
    source: Plan
    assignments: tuple[tuple[int, Expression], ...]

    async def run(self, execution: Execution) -> int:
        """Update and return the number of rows."""
        rows = await every_row(self.source, execution)
        functions = [(place, compile(expression)) for place, expression in self.assignments]
        changes: list[tuple[Row | None, Row | None]] = []
        for row in rows:
            new = list(row)
            for place, function in functions:
                new[place] = _stored(function(row, execution.parameters), self.table.columns[place])
            changes.append((row, tuple(new)))
        await Writer(self.table, execution.transaction).write(changes)
        return len(rows)

    def lines(self, depth: int = 0) -> Iterator[str]:
        sets = ", ".join(f"{self.table.columns[place].name} = {in_words(new)}" for place, new in self.assignments)
        yield line(depth, f"update {self.table.name} set {sets}")
        yield from self.source.lines(depth + 1)


@dataclass(frozen=True)
class Delete:
    """Rows that go."""

    table: Table
    source: Plan

    async def run(self, execution: Execution) -> int:
        """Delete and return the number of rows."""
        rows = await every_row(self.source, execution)
        await Writer(self.table, execution.transaction).write([(row, None) for row in rows])
        return len(rows)

    def lines(self, depth: int = 0) -> Iterator[str]:
        yield line(depth, f"delete from {self.table.name}")
        yield from self.source.lines(depth + 1)


Mutation = Insert | Update | Delete


def plan_insert(statement: Statement, tables: Mapping[str, Table], parameters: Sequence[Type]) -> Insert:
    """Return the plan of an INSERT."""
    tree = statement.tree
    statement.only(tree, "this", "expression", "default")
    target = tree.this
    named = isinstance(target, exp.Schema)
    node = target.this if named else target
    statement.only(node, "this")
    table = tables[name_of(node.this)]
    places = tuple(_place(statement, table, each) for each in target.expressions) if named else _all(table)
    if len(set(places)) < len(places):
        raise SqlError(DUPLICATE_COLUMN, "a column is named twice", statement.position.of(target))
    given = tree.expression
    if tree.args.get("default"):
        return Insert(table, (), Rows(((),)))
    if isinstance(given, exp.Values):
        return Insert(table, places, _values(statement, table, places, given, parameters))
    if isinstance(given, exp.Select):
        query = plan_select(Statement(given, False, statement.position), tables, parameters)
        _check_count(statement, len(query.types), len(places), given)
        for place, type_ in zip(places, query.types, strict=True):
            _check_type(Binder(Scope(statement, ()), parameters), table.columns[place], type_, given)
        return Insert(table, places, query.plan)
    raise statement.refused("INSERT of this", tree)


def _values(
    statement: Statement, table: Table, places: Sequence[int], given: exp.Values, parameters: Sequence[Type]
) -> Rows:
    statement.only(given, "expressions")
    binder = Binder(Scope(statement, ()), parameters)
    rows = []
    for node in given.expressions:
        members = node.expressions if isinstance(node, exp.Tuple) else [node.this]
        _check_count(statement, len(members), len(places), node)
        row = []
        for place, member in zip(places, members, strict=True):
            bound = _bound(binder, table.columns[place], member)
            row.append(bound)
        rows.append(tuple(row))
    return Rows(tuple(rows))


def plan_update(statement: Statement, tables: Mapping[str, Table], parameters: Sequence[Type]) -> Update:
    """Return the plan of an UPDATE."""
    tree = statement.tree
    statement.only(tree, "this", "expressions", "where")
    table, source, binder = _target(statement, tables, parameters)
    assignments: dict[int, Expression] = {}
    for node in tree.expressions:
        if not (isinstance(node, exp.EQ) and isinstance(node.this, exp.Column)):
            raise statement.refused("this form of SET", node)
        place = binder.scope.resolve(node.this).place
        if place in assignments:
            raise SqlError(DUPLICATE_COLUMN, "a column is set twice", statement.position.of(node))
        assignments[place] = _bound(binder, table.columns[place], node.expression)
    return Update(table, source, tuple(assignments.items()))


def plan_delete(statement: Statement, tables: Mapping[str, Table], parameters: Sequence[Type]) -> Delete:
    """Return the plan of a DELETE."""
    statement.only(statement.tree, "this", "where")
    table, source, _ = _target(statement, tables, parameters)
    return Delete(table, source)


def _target(
    statement: Statement, tables: Mapping[str, Table], parameters: Sequence[Type]
) -> tuple[Table, Plan, Binder]:
    """Return the table of an UPDATE or DELETE, the plan that yields its rows whole, and what binds expressions."""
    source = Source(statement, tables, parameters)
    member = source.add(statement.tree.this)
    binder = source.binder()
    where = statement.tree.args.get("where")
    conditions = () if where is None else tuple(binder.condition(where.this))
    candidates = paths(member.table, conditions, set(member.columns), 0, range(0))
    return member.table, Scan(min(candidates, key=lambda path: path.cost), conditions), binder


def _all(table: Table) -> tuple[int, ...]:
    return tuple(range(len(table.columns)))


def _place(statement: Statement, table: Table, node: exp.Expr) -> int:
    name = name_of(node)
    if name not in table.places:
        message = f"no column `{name}` in `{table.name}`{nearest(name, table.places)}"
        raise SqlError(UNKNOWN_COLUMN, message, statement.position.of(node))
    return table.places[name]


def _check_count(statement: Statement, given: int, wanted: int, node: exp.Expr) -> None:
    if given != wanted:
        message = f"{given} values for {wanted} columns"
        raise SqlError(SYNTAX_ERROR, message, statement.position.of(node))


def _bound(binder: Binder, column: Column, node: exp.Expr) -> Expression:
    """Return the value that a column is to have; the word DEFAULT stands for its default."""
    word = node.this if isinstance(node, exp.Column) else node
    if isinstance(word, exp.Identifier | exp.Var) and word.name.upper() == "DEFAULT" and not word.args.get("quoted"):
        return Constant(column.default, column.type)
    bound = binder.bind(node)
    _check_type(binder, column, bound.type, node)
    return bound


def _check_type(binder: Binder, column: Column, type_: Type, node: exp.Expr) -> None:
    fits = type_ in (column.type, Type.NULL) or (type_ is Type.INTEGER and column.type is Type.REAL)
    if not fits:
        raise binder.mismatch(f"column `{column.name}` is {column.type}, the value is {type_}", node)


def _stored(value: Value, column: Column) -> Value:
    """Return a value as the column has it: an INTEGER becomes REAL in a REAL column."""
    return float(value) if value is not None and column.type is Type.REAL else value
