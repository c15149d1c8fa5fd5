"""What operators and functions compute: each makes, of the functions of its arguments, the function of the whole.

NULL goes in and NULL comes out, except where the standard says otherwise: AND and OR know three values, IN and CASE
follow from them, IS never answers NULL. Types are checked before; values need no second look here.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from simkit_nodes.database.sql.errors import BAD_ROW_COUNT, DIVISION_BY_ZERO, SqlError
from simkit_nodes.database.sql.expression import (
    Constant,
    Expression,
    Function,
    Operation,
    Parameter,
    Parameters,
    Reference,
    Row,
)
from simkit_nodes.database.sql.values import Type, convert, finite, whole

Maker = Callable[[Operation, Sequence[Function]], Function]


def compile(expression: Expression) -> Function:
    """Return ``f(row, parameters)`` for a bound expression. It raises `SqlError` for what cannot be computed."""
    match expression:
        case Constant(value, _):
            return lambda row, parameters: value
        case Parameter(number, _):
            return lambda row, parameters: parameters[number]
        case Reference(place, _, _):
            return lambda row, parameters: row[place]
        case Operation(function, _, arguments):
            return FUNCTIONS[function](expression, [compile(argument) for argument in arguments])


def condition(expressions: Sequence[Expression]) -> Callable[[Row, Parameters], bool]:
    """Return a function that says whether all of these are true: neither false nor NULL."""
    functions = [compile(expression) for expression in expressions]
    if len(functions) == 1:
        only = functions[0]
        return lambda row, parameters: only(row, parameters) is True
    return lambda row, parameters: all(function(row, parameters) is True for function in functions)


def strict(compute: Callable[..., Any]) -> Maker:
    """Of a Python function make one that is NULL where an argument is."""

    def make(_: Operation, arguments: Sequence[Function]) -> Function:
        if len(arguments) == 1:
            (only,) = arguments

            def one(row: Row, parameters: Parameters) -> Any:
                value = only(row, parameters)
                return None if value is None else compute(value)

            return one
        if len(arguments) == 2:
            left, right = arguments

            def two(row: Row, parameters: Parameters) -> Any:
                value = left(row, parameters)
                other = right(row, parameters)
                return None if value is None or other is None else compute(value, other)

            return two

        def many(row: Row, parameters: Parameters) -> Any:
            values = [argument(row, parameters) for argument in arguments]
            return None if None in values else compute(*values)

        return many

    return make


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Maker:
    def integers(left: int, right: int) -> int:
        return whole(compute(left, right))

    def reals(left: float, right: float) -> float:
        try:
            return finite(float(compute(float(left), float(right))))
        except OverflowError:
            return finite(float("inf"))

    of_integers, of_reals = strict(integers), strict(reals)
    return lambda operation, arguments: (of_reals if operation.type is Type.REAL else of_integers)(operation, arguments)


def _divide(left: Any, right: Any) -> Any:
    if right == 0:
        raise SqlError(DIVISION_BY_ZERO, "division by zero")
    if isinstance(left, float):
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient  # towards zero


def _remainder(left: Any, right: Any) -> Any:
    return left - _divide(left, right) * right  # has the sign of the dividend


def _and(_: Operation, arguments: Sequence[Function]) -> Function:
    def function(row: Row, parameters: Parameters) -> bool | None:
        result: bool | None = True
        for argument in arguments:
            value = argument(row, parameters)
            if value is False:
                return False
            if value is None:
                result = None
        return result

    return function


def _or(_: Operation, arguments: Sequence[Function]) -> Function:
    def function(row: Row, parameters: Parameters) -> bool | None:
        result: bool | None = False
        for argument in arguments:
            value = argument(row, parameters)
            if value is True:
                return True
            if value is None:
                result = None
        return result

    return function


def _in(_: Operation, arguments: Sequence[Function]) -> Function:
    wanted, *members = arguments

    def function(row: Row, parameters: Parameters) -> bool | None:
        value = wanted(row, parameters)
        if value is None:
            return None
        result: bool | None = False
        for member in members:
            other = member(row, parameters)
            if other is None:
                result = None
            elif other == value:
                return True
        return result

    return function


def _is(test: Callable[[Any], bool]) -> Maker:
    def make(_: Operation, arguments: Sequence[Function]) -> Function:
        (argument,) = arguments
        return lambda row, parameters: test(argument(row, parameters))

    return make


def _is_distinct(_: Operation, arguments: Sequence[Function]) -> Function:
    left, right = arguments
    return lambda row, parameters: left(row, parameters) != right(row, parameters)


def _case(operation: Operation, arguments: Sequence[Function]) -> Function:
    *pairs, otherwise = arguments
    branches = list(zip(pairs[::2], pairs[1::2], strict=True))
    real = operation.type is Type.REAL

    def function(row: Row, parameters: Parameters) -> Any:
        for test, result in branches:
            if test(row, parameters) is True:
                return _as_real(result(row, parameters)) if real else result(row, parameters)
        return _as_real(otherwise(row, parameters)) if real else otherwise(row, parameters)

    return function


def _coalesce(operation: Operation, arguments: Sequence[Function]) -> Function:
    real = operation.type is Type.REAL

    def function(row: Row, parameters: Parameters) -> Any:
        for argument in arguments:
            value = argument(row, parameters)
            if value is not None:
                return float(value) if real else value
        return None

    return function


def _as_real(value: Any) -> Any:
    return None if value is None else float(value)


def _nullif(_: Operation, arguments: Sequence[Function]) -> Function:
    left, right = arguments

    def function(row: Row, parameters: Parameters) -> Any:
        value = left(row, parameters)
        return None if value is not None and value == right(row, parameters) else value

    return function


def _cast(operation: Operation, arguments: Sequence[Function]) -> Function:
    (argument,) = arguments
    return lambda row, parameters: convert(argument(row, parameters), operation.type)


@lru_cache(maxsize=256)
def like_pattern(pattern: str) -> re.Pattern[str]:
    """Return what LIKE compares with: `%` is any text, `_` one character; letters count as they are."""
    parts = {"%": ".*", "_": "."}
    collapsed = re.sub("%+", "%", pattern)
    return re.compile("".join(parts.get(letter, re.escape(letter)) for letter in collapsed), re.DOTALL)


def _like(text: str, pattern: str) -> bool:
    if pattern.count("%") <= 1:  # a regular expression would be as quick, but only for these
        return like_pattern(pattern).fullmatch(text) is not None
    return _like_pieces(text, re.split("%+", pattern))


def _like_pieces(text: str, pieces: list[str]) -> bool:
    """Match greedily from the left, piece by piece: linear in pieces where a regular expression might try them all."""
    first, *middle, last = pieces
    if (
        len(text) < len(first) + len(last)
        or not _alike(text, first, 0)
        or not _alike(text, last, len(text) - len(last))
    ):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        while position + len(piece) <= end and not _alike(text, piece, position):
            position += 1
        if position + len(piece) > end:
            return False
        position += len(piece)
    return True


def _alike(text: str, piece: str, position: int) -> bool:
    return all(letter in ("_", text[position + index]) for index, letter in enumerate(piece))


def _substring(text: str, start: int, length: int) -> str:
    if length < 0:
        raise SqlError(BAD_ROW_COUNT[:2] + "011", "negative length of a substring")
    first = max(start, 1)
    return text[first - 1 : max(first, start + length) - 1]


FUNCTIONS: dict[str, Maker] = {
    "and": _and,
    "or": _or,
    "not": strict(operator.not_),
    "=": strict(operator.eq),
    "<>": strict(operator.ne),
    "<": strict(operator.lt),
    "<=": strict(operator.le),
    ">": strict(operator.gt),
    ">=": strict(operator.ge),
    "+": _arithmetic(operator.add),
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(_divide),
    "%": _arithmetic(_remainder),
    "negate": strict(lambda value: -value + 0.0 if isinstance(value, float) else whole(-value)),
    "||": strict(operator.add),
    "like": strict(_like),
    "in": _in,
    "is null": _is(lambda value: value is None),
    "is true": _is(lambda value: value is True),
    "is false": _is(lambda value: value is False),
    "is distinct": _is_distinct,
    "case": _case,
    "coalesce": _coalesce,
    "nullif": _nullif,
    "cast": _cast,
    "abs": strict(lambda value: abs(value) if isinstance(value, float) else whole(abs(value))),
    "length": strict(len),
    "lower": strict(str.lower),
    "upper": strict(str.upper),
    "substr": strict(_substring),
}
"""By the names that bound expressions use."""
