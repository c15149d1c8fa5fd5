"""Keys of tuples: bytes that sort as the tuples do, NULL before every value (FoundationDB's tuple layer is the model).

Each element is a tag and a body; no element is the beginning of another one, so that tuples of different lengths sort
by their common elements first. An integer takes as many bytes as it needs. Nothing follows a tuple with a byte as
high as `END`, which makes a range of "everything that begins with these elements" one append.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from simkit_nodes.database.sql.values import Value

END = b"\xff"  # above everything that can follow a tuple
NULL = b"\x01"
_FALSE, _TRUE = b"\x02", b"\x03"
_ZERO = 0x14  # tags 0x0c to 0x1c: integers of eight negative bytes to eight positive ones
_REAL = b"\x21"
_TEXT = b"\x22"
_DOUBLE = Struct(">d")


def encode(values: Iterable[Value]) -> bytes:
    """Return the key of a tuple."""
    return b"".join(map(encode_one, values))


def encode_one(value: Value) -> bytes:
    """Return one element of a key. Types do not mix within a column, so only values of one type need to be in order."""
    match value:
        case None:
            return NULL
        case bool():
            return _TRUE if value else _FALSE
        case int():
            return _encode_integer(value)
        case float():
            return _REAL + _encode_double(value)
        case str():
            return _TEXT + encode_text(value) + b"\x00"


def encode_text(value: str) -> bytes:
    """Return the body of a text without its end: what the keys of all texts that begin with `value` begin with."""
    return value.encode().replace(b"\x00", b"\x00\xff")


def text_prefix(value: str) -> bytes:
    """Return what the elements of all texts that begin with `value` begin with."""
    return _TEXT + encode_text(value)


def _encode_integer(value: int) -> bytes:
    if value >= 0:
        size = (value.bit_length() + 7) // 8
        return bytes((_ZERO + size,)) + value.to_bytes(size, "big")
    size = ((-value).bit_length() + 7) // 8
    return bytes((_ZERO - size,)) + ((1 << 8 * size) - 1 + value).to_bytes(size, "big")


def _encode_double(value: float) -> bytes:
    bits = _DOUBLE.pack(value + 0.0)
    if bits[0] & 0x80:
        return bytes(byte ^ 0xFF for byte in bits)
    return bytes((bits[0] | 0x80,)) + bits[1:]


def decode(key: bytes, start: int = 0) -> list[Value]:
    """Return the elements of a key from `start` to its end; ValueError for bytes that are no key."""
    values: list[Value] = []
    position = start
    while position < len(key):
        value, position = _decode_one(key, position)
        values.append(value)
    return values


def _decode_one(key: bytes, position: int) -> tuple[Value, int]:
    tag = key[position]
    body = position + 1
    if _ZERO - 8 <= tag <= _ZERO + 8:
        size = abs(tag - _ZERO)
        whole = int.from_bytes(_take(key, body, size), "big")
        return (whole if tag >= _ZERO else whole - (1 << 8 * size) + 1), body + size
    if tag == _TEXT[0]:
        return _decode_text(key, body)
    if tag == _REAL[0]:
        return _decode_double(_take(key, body, 8)), body + 8
    if tag in (NULL[0], _FALSE[0], _TRUE[0]):
        return (None if tag == NULL[0] else tag == _TRUE[0]), body
    raise ValueError(f"no element of a key begins with 0x{tag:02x}")


def _take(key: bytes, position: int, size: int) -> bytes:
    if position + size > len(key):
        raise ValueError("a key ends within an element")
    return key[position : position + size]


def _decode_text(key: bytes, position: int) -> tuple[str, int]:
    end = position
    while True:
        end = key.find(b"\x00", end)
        if end < 0:
            raise ValueError("a key ends within a text")
        if key[end + 1 : end + 2] != b"\xff":
            return key[position:end].replace(b"\x00\xff", b"\x00").decode(), end + 1
        end += 2


def _decode_double(bits: bytes) -> float:
    plain = bytes((bits[0] & 0x7F,)) + bits[1:] if bits[0] & 0x80 else bytes(byte ^ 0xFF for byte in bits)
    return float(_DOUBLE.unpack(plain)[0])
