"""How values that msgpack does not know travel inside messages: integers of any size, and what users register.

It deliberately registers types, not values: which codec reads a field is decided by the field's annotation.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
Plain = Any
"""What msgpack knows: str, bytes, int, float, bool, None, and tuples of them."""


class BigInteger(int):
    """An integer of any size; msgpack itself stops at 64 bits."""

    __slots__ = ()


_codecs: dict[type, tuple[Callable[[Any], Plain], Callable[[Plain], Any]]] = {}


def register_codec(kind: type[T], encode: Callable[[T], Plain], decode: Callable[[Plain], T]) -> None:
    """Let values of an immutable type travel in messages; ValueError if the type has a codec already."""
    if kind in _codecs:
        raise ValueError(f"{kind.__name__} has a codec already")
    _codecs[kind] = (encode, decode)


def known_types() -> tuple[type, ...]:
    """Return the types that have a codec."""
    return tuple(_codecs)


def to_plain(value: object) -> Plain:
    """Return what stands for a value on the wire; TypeError if its type has no codec."""
    codec = _codecs.get(type(value))
    if codec is None:
        raise TypeError(f"a {type(value).__name__} cannot be part of a message")
    return codec[0](value)


def from_plain(kind: type, plain: Plain) -> object:
    """Return the value that something on the wire stands for."""
    codec = _codecs.get(kind)
    if codec is None:
        raise TypeError(f"a {kind.__name__} cannot be part of a message")
    return codec[1](plain)


def _integer_from(plain: Plain) -> BigInteger:
    return BigInteger(int.from_bytes(plain, "big", signed=True) if isinstance(plain, bytes) else plain)


register_codec(BigInteger, lambda n: n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True), _integer_from)

encode: Callable[[object], bytes] = msgspec.msgpack.Encoder(enc_hook=to_plain, order="deterministic").encode
