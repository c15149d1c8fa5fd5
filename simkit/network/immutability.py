"""What the type of a message's field may be: values that nobody can change once they are sent.

Messages travel between simulated hosts as objects, not as bytes, so a list that two hosts hold would be memory shared
over a network. The check looks at types, once, when a class is made.

It deliberately does not look at values; strict mode sends each through its bytes for that.
"""

import datetime
import decimal
import enum
import types
import typing
import uuid
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

import msgspec

_PLAIN = (str, bytes, int, float, bool, type(None), decimal.Decimal, uuid.UUID)
_SORTABLE = (str, bytes, int, float, bool)
_INSTEAD: dict[object, str] = {
    list: "tuple[...]",
    set: "frozenset[...]",
    dict: "tuple[tuple[key, value], ...]",
    bytearray: "bytes",
    memoryview: "bytes",
    tuple: "tuple with the types of its elements",
    frozenset: "frozenset with the type of its elements",
}


def refusal(annotation: Any, codecs: typing.Collection[type]) -> str | None:
    """Return why values of this type cannot be part of a message, None if they can.

    Args:
        annotation: a resolved type annotation.
        codecs: further types that are immutable and have a codec.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        return refusal(get_args(annotation)[0], codecs)
    if isinstance(annotation, NewType):
        return refusal(annotation.__supertype__, codecs)
    if origin is Literal:
        return None
    if origin in (Union, types.UnionType):
        return _first(get_args(annotation), codecs)
    if origin is tuple:
        return _first((a for a in get_args(annotation) if a is not Ellipsis), codecs)
    if origin is frozenset:
        (element,) = get_args(annotation)
        return _sortable(element)
    if origin is not None:
        return _instead(origin, annotation)
    if not isinstance(annotation, type):
        return f"{annotation!r} says nothing of what it holds"
    return _plain_class(annotation, codecs)


def _plain_class(kind: type, codecs: typing.Collection[type]) -> str | None:
    if kind in _PLAIN or kind in codecs:
        return None
    if issubclass(kind, enum.Enum):
        return None
    if issubclass(kind, msgspec.Struct):
        return _struct(kind, codecs)
    if issubclass(kind, datetime.date | datetime.time | datetime.timedelta):
        return f"{kind.__name__} hides which clock it came from; send integer nanoseconds"
    return _instead(kind, kind)


def _struct(kind: type[msgspec.Struct], codecs: typing.Collection[type]) -> str | None:
    if not kind.__struct_config__.frozen:
        return f"{kind.__name__} is not frozen"
    if kind.__bases__ == (msgspec.Struct,) and not kind.__struct_fields__:
        return f"{kind.__name__} says nothing of what it holds; name the messages that are meant"
    hints = typing.get_type_hints(kind, include_extras=True)
    return _first((hints[name] for name in kind.__struct_fields__), codecs, skip=kind)


def _first(annotations: typing.Iterable[Any], codecs: typing.Collection[type], skip: object = None) -> str | None:
    # A struct that contains itself is as immutable as the rest of it.
    reasons = (refusal(a, codecs) for a in annotations if not _mentions(a, skip))
    return next((reason for reason in reasons if reason is not None), None)


def _mentions(annotation: Any, kind: object) -> bool:
    return kind is not None and (annotation is kind or any(_mentions(a, kind) for a in get_args(annotation)))


def _sortable(element: Any) -> str | None:
    """A set is encoded in the order of its elements, so they must have one."""
    if get_origin(element) is tuple:
        parts = [a for a in get_args(element) if a is not Ellipsis]
        return next((reason for a in parts if (reason := _sortable(a)) is not None), None)
    return None if element in _SORTABLE else f"elements of a frozenset need an order, {element!r} has none"


def _instead(kind: Any, annotation: Any) -> str:
    name = annotation.__name__ if isinstance(annotation, type) and get_origin(annotation) is None else repr(annotation)
    better = _INSTEAD.get(kind)
    return f"{name} can be changed after sending" + (f"; use {better}" if better else "")
