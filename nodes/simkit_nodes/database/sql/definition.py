"""CREATE TABLE, CREATE INDEX and DROP: from the words to a descriptor.

A table has a primary key, because a row must have a place. Checks, references, generated columns and other indexes than
ordered ones are not there. How a new index comes into use without anybody waiting is `schema_change`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from simkit_nodes.database.sql.bind import Binder
from simkit_nodes.database.sql.descriptor import PRIMARY, Column, Index, Table
from simkit_nodes.database.sql.errors import (
    BAD_DEFINITION,
    DUPLICATE_COLUMN,
    DUPLICATE_TABLE,
    TOO_LARGE,
    UNKNOWN_COLUMN,
    SqlError,
    nearest,
)
from simkit_nodes.database.sql.expression import Constant
from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.parse import Statement
from simkit_nodes.database.sql.scope import Scope, name_of
from simkit_nodes.database.sql.values import Type, Value

NAME_BYTES_MAX = 128


@dataclass
class _Keys:
    """PRIMARY KEY and UNIQUE of a CREATE TABLE, as lists of columns."""

    primary: list[tuple[str, ...]] = field(default_factory=list)
    unique: list[tuple[str | None, tuple[str, ...], exp.Expr]] = field(default_factory=list)


def define_table(statement: Statement, limits: Limits) -> Table:
    """Return the table that a CREATE TABLE describes, with number 0 and version 1. 42701, 42P16, 42804, 54000."""
    tree = statement.tree
    statement.only(tree, "this", "kind", "exists")
    schema = tree.this
    if not isinstance(schema, exp.Schema):
        raise statement.refused("CREATE TABLE without a list of columns", tree)
    statement.only(schema.this, "this")
    keys = _Keys()
    columns: dict[str, Column] = {}
    for node in schema.expressions:
        if isinstance(node, exp.ColumnDef):
            column = _column(statement, node, keys)
            if column.name in columns:
                at = statement.position.of(node)
                raise SqlError(DUPLICATE_COLUMN, f"column `{column.name}` is there twice", at)
            columns[column.name] = column
        else:
            _table_key(statement, node, keys)
    if len(columns) > limits.columns:
        raise SqlError(TOO_LARGE, f"a table has at most {limits.columns} columns")
    return _assembled(statement, table_name(statement, schema.this), columns, keys)


def _assembled(statement: Statement, name: str, columns: dict[str, Column], keys: _Keys) -> Table:
    if len(keys.primary) != 1:
        found = "no PRIMARY KEY" if not keys.primary else "more than one PRIMARY KEY"
        raise SqlError(BAD_DEFINITION, f"table `{name}` has {found}", statement.position.of(statement.tree))
    primary = tuple(_places(statement, columns, keys.primary[0], statement.tree))
    ordered = [
        Column(each.name, each.type, each.nullable and place not in primary, each.default)
        for place, each in enumerate(columns.values())
    ]
    indexes: list[Index] = []
    for given, names, node in keys.unique:
        index_name = given or "_".join((name, *names, "key"))
        if index_name in (PRIMARY, *(each.name for each in indexes)):
            at = statement.position.of(node)
            raise SqlError(DUPLICATE_TABLE, f"there is an index `{index_name}` already", at)
        places = tuple(_places(statement, columns, names, node))
        indexes.append(Index(len(indexes) + 1, index_name, places, unique=True))
    return Table(0, name, 1, tuple(ordered), primary, tuple(indexes))


def define_index(statement: Statement, table: Table, limits: Limits) -> Index:
    """Return the index that a CREATE INDEX describes, with number 0, not yet in use."""
    index = statement.tree.this
    params = index.args.get("params")
    columns = [] if params is None else params.args.get("columns") or []
    names = []
    for node in columns:
        statement.only(node, "this", "nulls_first")
        if not isinstance(node.this, exp.Column):
            raise statement.refused("an index on anything but columns", node)
        names.append(name_of(node.this.this))
    if not 1 <= len(names) <= limits.columns:
        raise SqlError(BAD_DEFINITION, f"an index has 1 to {limits.columns} columns")
    places = tuple(_places(statement, table.places, names, index))
    name = name_of(index.this) or "_".join((table.name, *names, "idx"))
    return Index(0, _checked_name(statement, name, index), places, unique=bool(statement.tree.args.get("unique")))


def check_index_words(statement: Statement) -> exp.Table:
    """Return the table that a CREATE INDEX names, after refusing the clauses that nobody would look at."""
    tree = statement.tree
    statement.only(tree, "this", "kind", "unique", "exists")
    statement.only(tree.this, "this", "table", "params")
    params = tree.this.args.get("params")
    if params is not None:
        statement.only(params, "columns")
    table = tree.this.args["table"]
    statement.only(table, "this")
    return table


def table_name(statement: Statement, node: exp.Expr) -> str:
    """Return the name of a table that is to be; 54000 for one that is too long."""
    return _checked_name(statement, name_of(node.this), node)


def _checked_name(statement: Statement, name: str, node: exp.Expr) -> str:
    if not 1 <= len(name.encode(errors="replace")) <= NAME_BYTES_MAX:
        raise SqlError(TOO_LARGE, f"a name has 1 to {NAME_BYTES_MAX} bytes", statement.position.of(node))
    return name


def _column(statement: Statement, node: exp.ColumnDef, keys: _Keys) -> Column:
    statement.only(node, "this", "kind", "constraints")
    name = _checked_name(statement, name_of(node.this), node)
    binder = Binder(Scope(statement, ()))
    if node.args.get("kind") is None:
        raise SqlError(BAD_DEFINITION, f"column `{name}` has no type", statement.position.of(node))
    type_ = binder.type_named(node.args["kind"])
    nullable, default = True, None
    for constraint in node.args.get("constraints") or ():
        kind = constraint.args.get("kind")
        match kind:
            case exp.NotNullColumnConstraint():
                nullable = bool(kind.args.get("allow_null"))
            case exp.PrimaryKeyColumnConstraint():
                keys.primary.append((name,))
            case exp.UniqueColumnConstraint():
                keys.unique.append((None, (name,), node))
            case exp.DefaultColumnConstraint():
                default = _default(binder, name, type_, kind.this)
            case _:
                raise statement.refused(
                    f"{type(kind).__name__.removesuffix('ColumnConstraint').upper()} of a column", node
                )
    return Column(name, type_, nullable, default)


def _default(binder: Binder, name: str, type_: Type, node: exp.Expr) -> Value:
    bound = binder.bind(node)
    if not isinstance(bound, Constant):
        raise binder.statement.refused("a DEFAULT that is not a constant", node)
    if type_ is Type.REAL and bound.type is Type.INTEGER:
        return float(bound.value)  # type: ignore[arg-type]
    if bound.type not in (type_, Type.NULL):
        raise binder.mismatch(f"column `{name}` is {type_}, its default is {bound.type}", node)
    return bound.value


def _table_key(statement: Statement, node: exp.Expr, keys: _Keys, name: str | None = None) -> None:
    """Take PRIMARY KEY (a, b), UNIQUE (a, b), or one of them with a name."""
    match node:
        case exp.Constraint():
            if len(node.expressions) != 1:
                raise statement.refused("this constraint", node)
            _table_key(statement, node.expressions[0], keys, name_of(node.this))
        case exp.PrimaryKey():
            keys.primary.append(tuple(_column_name(statement, each) for each in node.expressions))
        case exp.UniqueColumnConstraint() if isinstance(node.this, exp.Schema):
            keys.unique.append((name, tuple(_column_name(statement, each) for each in node.this.expressions), node))
        case _:
            raise statement.refused(f"`{node.sql()[:60]}` in CREATE TABLE", node)


def _column_name(statement: Statement, node: exp.Expr) -> str:
    inner = node.this if isinstance(node, exp.Ordered | exp.Column) else node
    if not isinstance(inner, exp.Identifier):
        raise statement.refused("a key of anything but columns", node)
    return name_of(inner)


def _places(
    statement: Statement,
    known: Sequence[str] | dict[str, Column] | dict[str, int],
    names: Sequence[str],
    node: exp.Expr,
) -> list[int]:
    order = list(known)
    at = statement.position.of(node)
    for name in names:
        if name not in order:
            raise SqlError(UNKNOWN_COLUMN, f"no column `{name}`{nearest(name, order)}", at)
    if len(set(names)) < len(names):
        raise SqlError(DUPLICATE_COLUMN, "a key names a column twice", at)
    return [order.index(name) for name in names]
