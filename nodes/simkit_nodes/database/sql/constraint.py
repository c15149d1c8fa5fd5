"""Constraints: what a condition says about one column of an index, as ranges of encoded values.

`constraint_of` recognises conditions that bound a column by values known before the row is read (constants, parameters,
columns of rows that are there already). What it returns computes, for each execution, the ranges of bytes in which the
column's element of a key must lie. Ranges may admit more than the condition does (the condition is evaluated again for
each row), never less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any, Final

from simkit_nodes.database.sql import key as keys
from simkit_nodes.database.sql.expression import Constant, Expression, Operation, Parameters, Reference, Row, places
from simkit_nodes.database.sql.functions import compile
from simkit_nodes.database.sql.values import INTEGER_MAX, INTEGER_MIN, Type

Range = tuple[bytes, bytes]
"""Encoded values from the first up to, not including, the second."""
Ranges = list[Range]
FIRST_VALUE: Final = b"\x02"  # above NULL, below every other element
NOTHING: Final[Ranges] = []
FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Constraint:
    """What one condition says about one column.

    Attributes:
        place: of the column.
        kind: ``=``, ``in``, ``range`` or ``between``: how much it narrows, for the choice of an index.
        condition: as it was written.
        ranges: from the row before and the parameters to the ranges, sorted and apart.
    """

    place: int
    kind: str
    condition: Expression
    ranges: Callable[[Row, Parameters], Ranges]


def constraint_of(condition: Expression, columns: range, known: range) -> Constraint | None:
    """Return what a condition says about one of the columns, or None if it says nothing that a key could use.

    Args:
        condition: one of the conditions that must all be true.
        columns: the places of the table whose rows are looked for.
        known: the places whose values are there when the table is read.
    """
    if isinstance(condition, Reference) and condition.place in columns:
        return _boolean(condition, condition, True)
    if not isinstance(condition, Operation):
        return None
    function, arguments = condition.function, condition.arguments
    if function in ("not", "is true", "is false") and _column(arguments[0], columns):
        return _boolean(condition, arguments[0], function == "is true")
    if function == "is null" and _column(arguments[0], columns):
        null = [(keys.NULL, keys.NULL + keys.END)]
        return Constraint(arguments[0].place, "=", condition, lambda row, parameters: null)  # type: ignore[union-attr]
    if function in FLIPPED:
        return _comparison(condition, columns, known)
    if function == "in" and _column(arguments[0], columns) and _all_known(arguments[1:], known):
        return _one_of(condition)
    if function == "like" and _column(arguments[0], columns) and isinstance(arguments[1], Constant):
        return _like(condition)
    if function == "or":
        return _union(condition, columns, known)
    return None


def intersect(first: Ranges, second: Ranges) -> Ranges:
    """Return what lies in both; both are sorted and apart."""
    found: Ranges = []
    left = right = 0
    while left < len(first) and right < len(second):
        begin = max(first[left][0], second[right][0])
        end = min(first[left][1], second[right][1])
        if begin < end:
            found.append((begin, end))
        if first[left][1] < second[right][1]:
            left += 1
        else:
            right += 1
    return found


def unite(ranges: Sequence[Range]) -> Ranges:
    """Return the same ranges sorted, with those that touch put together unless both are single values."""
    found: Ranges = []
    for begin, end in sorted(set(ranges)):
        if found and begin < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def is_point(bounds: Range) -> bool:
    """Whether a range is that of one value."""
    return bounds[1] == bounds[0] + keys.END


def _point(value: Any) -> Range:
    element = keys.encode_one(value)
    return element, element + keys.END


def _column(expression: Expression, columns: range) -> bool:
    return isinstance(expression, Reference) and expression.place in columns


def _all_known(expressions: Sequence[Expression], known: range) -> bool:
    return all(place in known for expression in expressions for place in places(expression))


def _boolean(condition: Expression, column: Expression, wanted: bool) -> Constraint:
    assert isinstance(column, Reference)
    point = [_point(wanted)]
    return Constraint(column.place, "=", condition, lambda row, parameters: point)


def _comparison(condition: Operation, columns: range, known: range) -> Constraint | None:
    function, (left, right) = condition.function, condition.arguments
    if not (_column(left, columns) and _all_known((right,), known)):
        function, left, right = FLIPPED[function], right, left
    if not (isinstance(left, Reference) and left.place in columns and _all_known((right,), known)):
        return None
    value, type_ = compile(right), left.type

    def ranges(row: Row, parameters: Parameters) -> Ranges:
        return bounds(function, type_, value(row, parameters))

    return Constraint(left.place, "=" if function == "=" else "range", condition, ranges)


def _one_of(condition: Operation) -> Constraint:
    column = condition.arguments[0]
    assert isinstance(column, Reference)
    values, type_ = [compile(argument) for argument in condition.arguments[1:]], column.type

    def ranges(row: Row, parameters: Parameters) -> Ranges:
        return unite([each for value in values for each in bounds("=", type_, value(row, parameters))])

    return Constraint(column.place, "=" if len(values) == 1 else "in", condition, ranges)


def _like(condition: Operation) -> Constraint | None:
    column, pattern = condition.arguments
    assert isinstance(column, Reference)
    assert isinstance(pattern, Constant)
    if not isinstance(pattern.value, str):
        return Constraint(column.place, "=", condition, lambda row, parameters: NOTHING)
    beginning = re.split("[%_]", pattern.value, maxsplit=1)[0]
    if beginning == pattern.value:
        found = [_point(beginning)]
    elif beginning:
        prefix = keys.text_prefix(beginning)
        found = [(prefix, prefix + keys.END)]
    else:
        return None
    return Constraint(column.place, "between", condition, lambda row, parameters: found)


def _union(condition: Operation, columns: range, known: range) -> Constraint | None:
    """Return the constraint of ``a = 1 OR a BETWEEN 5 AND 7``: all of the same column."""
    found = [_of_both(operand, columns, known) for operand in condition.arguments]
    parts = [each for each in found if each is not None]
    if len(parts) < len(found) or len({each.place for each in parts}) > 1:
        return None
    kind = "in" if all(each.kind in ("=", "in") for each in parts) else "range"

    def ranges(row: Row, parameters: Parameters) -> Ranges:
        return unite([bounds for part in parts for bounds in part.ranges(row, parameters)])

    return Constraint(parts[0].place, kind, condition, ranges)


def _of_both(condition: Expression, columns: range, known: range) -> Constraint | None:
    """Return the constraint of an operand of OR, which may be an AND of several about one column."""
    if not (isinstance(condition, Operation) and condition.function == "and"):
        return constraint_of(condition, columns, known)
    parts = [each for operand in condition.arguments if (each := constraint_of(operand, columns, known)) is not None]
    parts = [each for each in parts if each.place == parts[0].place]
    if not parts:
        return None

    def ranges(row: Row, parameters: Parameters) -> Ranges:
        return intersect_all([part.ranges(row, parameters) for part in parts])

    return Constraint(parts[0].place, "between", condition, ranges)


def intersect_all(several: Sequence[Ranges]) -> Ranges:
    """Return what lies in all of these, at least one."""
    found = several[0]
    for ranges in several[1:]:
        found = intersect(found, ranges)
    return found


def bounds(function: str, column: Type, value: Any) -> Ranges:
    """Return the encoded values v of a column for which ``v function value`` is true; none for NULL.

    A number of the other type is compared as the numbers they are, so the bound is the nearest value that the column
    can have.
    """
    if value is None:
        return NOTHING
    if column is Type.INTEGER and isinstance(value, float):
        function, value = _whole_bound(function, value)
    elif column is Type.REAL and not isinstance(value, float):
        function, value = _real_bound(function, value)
    if value is None:
        return NOTHING if function == "nothing" else [(FIRST_VALUE, keys.END)]
    begin, end = _point(value)
    match function:
        case "=":
            return [(begin, end)]
        case "<":
            return [(FIRST_VALUE, begin)]
        case "<=":
            return [(FIRST_VALUE, end)]
        case ">":
            return [(end, keys.END)]
        case _:
            return [(begin, keys.END)]


def _whole_bound(function: str, value: float) -> tuple[str, int | None]:
    whole = floor(value)
    exact = whole == value
    if not INTEGER_MIN <= whole <= INTEGER_MAX:
        below = value < 0
        everything = function.startswith(">") if below else function.startswith("<")
        return "all" if everything else "nothing", None
    if exact:
        return function, whole
    if function == "=":
        return "nothing", None
    return ("<=", whole) if function.startswith("<") else (">", whole)


def _real_bound(function: str, value: int) -> tuple[str, float | None]:
    near = float(value)
    if near == value:
        return function, near
    if function == "=":
        return "nothing", None
    above = near > value
    if function.startswith("<"):
        return ("<" if above else "<="), near
    return (">=" if above else ">"), near
