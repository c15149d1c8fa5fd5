"""The values of SQL: four types, NULL, and the arithmetic and logic among them.

INTEGER is 64 bits with a sign and never wraps; REAL is an IEEE double without infinities and NaN; TEXT compares by code
points; BOOLEAN has the third value NULL. In Python they are int, float, str, bool and None. No dates, no decimals, no
collations, no conversion that nobody asked for: an INTEGER becomes REAL where it meets one, everything else takes CAST.
"""

from __future__ import annotations

from enum import StrEnum
from math import isfinite
from typing import Any

from simkit_nodes.database.sql.errors import BAD_TEXT, NUMBER_OUT_OF_RANGE, TYPE_MISMATCH, SqlError

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1


class Type(StrEnum):
    """What a value is; NULL is the type of the word NULL where nothing says more."""

    INTEGER = "INTEGER"
    REAL = "REAL"
    TEXT = "TEXT"
    BOOLEAN = "BOOLEAN"
    NULL = "NULL"


NUMBERS = (Type.INTEGER, Type.REAL)
Value = int | float | str | bool | None


def type_of(value: Any) -> Type:
    """Return the type of a Python value. 42804 for one that SQL has no type for, 22003, 22P02."""
    match value:
        case None:
            return Type.NULL
        case bool():
            return Type.BOOLEAN
        case int():
            whole(value)
            return Type.INTEGER
        case float():
            finite(value)
            return Type.REAL
        case str():
            writable(value)
            return Type.TEXT
        case _:
            raise SqlError(TYPE_MISMATCH, f"no SQL type for a value of Python's {type(value).__name__}")


def whole(value: int) -> int:
    """Return an integer that fits in 64 bits; 22003 for others."""
    if INTEGER_MIN <= value <= INTEGER_MAX:
        return value
    raise SqlError(NUMBER_OUT_OF_RANGE, "integer out of range: 64 bits with a sign")


def finite(value: float) -> float:
    """Return a double that is a number; 22003 for infinities and NaN. Minus zero becomes zero."""
    if isfinite(value):
        return value + 0.0
    raise SqlError(NUMBER_OUT_OF_RANGE, "REAL out of range")


def writable(value: str) -> str:
    """Return a text that UTF-8 can encode; 22P02 for one with half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SqlError(BAD_TEXT, "TEXT holds a code point that UTF-8 cannot encode") from None
    return value


def convert(value: Value, wanted: Type) -> Value:
    """Return what CAST makes of a value. 22P02 for a text that does not say one, 22003 for a number too large."""
    if value is None:
        return None
    match wanted:
        case Type.INTEGER:
            return _to_integer(value)
        case Type.REAL:
            return _to_real(value)
        case Type.TEXT:
            return to_text(value)
        case Type.BOOLEAN:
            return _to_boolean(value)
        case Type.NULL:
            raise SqlError(TYPE_MISMATCH, "no conversion to the type of NULL")


def _to_integer(value: Any) -> int:
    if isinstance(value, str):
        try:
            return whole(int(value.strip()[:64], 10)) if "_" not in value else _refuse(value, Type.INTEGER)
        except ValueError:
            return _refuse(value, Type.INTEGER)
    return whole(int(value))  # towards zero, as the standard leaves open and SQLite has it


def _to_real(value: Any) -> float:
    if isinstance(value, str):
        try:
            return finite(float(value.strip()[:512])) if "_" not in value else _refuse(value, Type.REAL)
        except ValueError:
            return _refuse(value, Type.REAL)
    return finite(float(value))


def _to_boolean(value: Any) -> bool:
    if isinstance(value, str):
        said = value.strip().lower()
        if said in ("true", "false"):
            return said == "true"
        return _refuse(value, Type.BOOLEAN)
    return bool(value)


def to_text(value: Any) -> str:
    """Return a value that is not NULL as TEXT, so that casting back gives it again."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def _refuse(value: str, wanted: Type) -> Any:
    raise SqlError(BAD_TEXT, f"not a value of {wanted}: {value[:40]!r}")
