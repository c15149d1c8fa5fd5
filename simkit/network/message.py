"""Messages: typed values that hosts send each other, as deeply immutable as anything that has been sent.

A message class names its fields; its tag, ``name/version``, is what stands on the wire, so that two releases of a
program can run side by side. A class with a field that could be changed after sending is refused when it is made.

It deliberately does not say how a message travels; `endpoint.py` and `channel.py` do.
"""

import re
import typing
from typing import Any, ClassVar, Self, Union

import msgspec

from simkit.network import codec
from simkit.network.immutability import refusal

_TAG = re.compile(r"[A-Za-z0-9_.-]+/[0-9]+")
_classes: dict[str, type["Message"]] = {}
_decoder: msgspec.msgpack.Decoder[Any] | None = None


def message_class(tag: str) -> type["Message"]:
    """Return the class whose messages carry a tag; KeyError with all known tags if there is none."""
    if tag not in _classes:
        raise KeyError(tuple(_classes))
    return _classes[tag]


def _default_tag(name: str) -> str:
    return name.rpartition(".")[2] + "/1"


@typing.dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class MessageType(msgspec.StructMeta):
    """Checks a message class when it is made: TypeError for what could change after sending, or a tag that is taken."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **options: Any) -> Any:
        made: Any = super().__new__(mcs, name, bases, namespace, **options)
        if bases != (msgspec.Struct,):
            _check_fields(made)
            _register(made)
        return made


class Message(msgspec.Struct, frozen=True, tag_field="@", tag=_default_tag, metaclass=MessageType):
    """Base of all messages.

    >>> class Ping(Message, tag="ping/1"):
    ...     number: int

    Without a tag it is the name of the class and version 1. Fields are str, bytes, int (64 bits; `BigInteger` beyond),
    float, bool, None, Literal, Enum, Decimal, UUID, tuples and frozensets of those, and other messages.
    """

    wire_tag: ClassVar[str] = ""

    def encode(self) -> bytes:
        """Return the bytes on the wire; OverflowError for a plain int beyond 64 bits."""
        try:
            return codec.encode(self)
        except OverflowError as error:
            raise OverflowError(f"{type(self).__name__}: {error}; declare the field as BigInteger") from None

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Return the message of some bytes; ValueError if they are none, or not one of this class."""
        try:
            message = _current_decoder().decode(payload)
        except (msgspec.DecodeError, RecursionError) as error:  # the latter: brackets within brackets without end
            raise ValueError(f"not a message: {error}") from None
        if not isinstance(message, cls):
            raise ValueError(f"a {type(message).__name__} is no {cls.__name__}")
        return message


def _check_fields(kind: type[Message]) -> None:
    if not kind.__struct_config__.frozen:
        raise TypeError(f"message {kind.__name__} must be frozen")
    try:
        hints = typing.get_type_hints(kind, localns={kind.__name__: kind}, include_extras=True)
    except NameError as error:
        raise TypeError(f"message {kind.__name__}: {error}; define the types of its fields before it") from None
    for name in kind.__struct_fields__:
        if hints[name] is kind or kind in typing.get_args(hints[name]):
            continue
        reason = refusal(hints[name], codec.known_types())
        if reason is not None:
            raise TypeError(f"message {kind.__name__}, field {name}: {reason}")


def _register(kind: type[Message]) -> None:
    global _decoder
    tag = kind.__struct_config__.tag
    if not isinstance(tag, str) or not _TAG.fullmatch(tag):
        raise TypeError(f"message {kind.__name__}: a tag reads name/version, {tag!r} does not")
    known = _classes.get(tag)
    if known is not None and (known.__module__, known.__qualname__) != (kind.__module__, kind.__qualname__):
        raise TypeError(f"message {kind.__name__}: the tag {tag} belongs to {known.__module__}.{known.__qualname__}")
    _classes[tag] = kind
    kind.wire_tag = tag
    _decoder = None


def _current_decoder() -> msgspec.msgpack.Decoder[Any]:
    global _decoder
    if _decoder is None:
        _decoder = msgspec.msgpack.Decoder(Union[tuple(_classes.values())], dec_hook=codec.from_plain)  # noqa: UP007
    return _decoder
