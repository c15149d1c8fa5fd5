"""Expressions with names and types resolved, and the functions they become.

A bound expression is a small frozen tree: a planner can look into it, and two that are equal mean the same. `compile`
turns it into ``f(row, parameters)``. Nothing is folded or rewritten here, and nothing refers to tables: a reference is
a place in the row that will be given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simkit_nodes.database.sql.values import Type, Value

Row = tuple[Any, ...]
Parameters = Sequence[Value]
Function = Callable[[Row, Parameters], Any]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the statement."""

    value: Value
    type: Type


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value given with the statement, by its number from 0."""

    number: int
    type: Type


@dataclass(frozen=True, slots=True)
class Reference:
    """A column of the row, by its place from 0; `name` is for people, and for nothing else."""

    place: int
    type: Type
    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A function of arguments, by its name in `functions.FUNCTIONS`."""

    function: str
    type: Type
    arguments: tuple[Expression, ...]


Expression = Constant | Parameter | Reference | Operation


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and everything below it."""
    yield expression
    if isinstance(expression, Operation):
        for argument in expression.arguments:
            yield from walk(argument)


def places(expression: Expression) -> set[int]:
    """Return the columns that an expression reads."""
    return {each.place for each in walk(expression) if isinstance(each, Reference)}


def conjuncts(expression: Expression | None) -> list[Expression]:
    """Return the conditions that an AND of any depth joins; none for None."""
    if expression is None:
        return []
    if isinstance(expression, Operation) and expression.function == "and":
        return [each for argument in expression.arguments for each in conjuncts(argument)]
    return [expression]


def conjunction(conditions: Sequence[Expression]) -> Expression | None:
    """Return one condition that means all of these; None for none."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return Operation("and", Type.BOOLEAN, tuple(conditions))


def shift(expression: Expression, by: int) -> Expression:
    """Return the expression for a row in which every column stands `by` places further right."""
    if isinstance(expression, Reference):
        return Reference(expression.place + by, expression.type, expression.name)
    if isinstance(expression, Operation):
        arguments = tuple(shift(argument, by) for argument in expression.arguments)
        return Operation(expression.function, expression.type, arguments)
    return expression


INFIX = {"=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "||", "like"}


def in_words(expression: Expression) -> str:
    """Return an expression as one would write it, for EXPLAIN."""
    match expression:
        case Constant(value, _):
            return _literal(value)
        case Parameter(number, _):
            return f"${number + 1}"
        case Reference(_, _, name):
            return name
        case Operation(function, type_, arguments):
            return _operation_in_words(function, type_, [in_words(argument) for argument in arguments])


def _literal(value: Value) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value).upper()


def _operation_in_words(function: str, type_: Type, arguments: list[str]) -> str:
    if function in ("and", "or"):
        return "(" + f" {function.upper()} ".join(arguments) + ")"
    if function in INFIX:
        return f"({arguments[0]} {function.upper()} {arguments[1]})"
    match function:
        case "not" | "negate":
            return f"{'NOT ' if function == 'not' else '-'}{arguments[0]}"
        case "in":
            return f"({arguments[0]} IN ({', '.join(arguments[1:])}))"
        case "is null" | "is true" | "is false":
            return f"({arguments[0]} {function.upper()})"
        case "is distinct":
            return f"({arguments[0]} IS DISTINCT FROM {arguments[1]})"
        case "cast":
            return f"CAST({arguments[0]} AS {type_})"
        case _:
            return f"{function}({', '.join(arguments)})"
