"""What may be part of a message, and how it looks on the wire."""

import datetime
import enum
import typing
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.network import BigInteger, Message, codec, register_codec
from simkit.network.message import MessageType


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Entry(Message, tag="test.entry/1"):
    term: int
    command: bytes


class Append(Message, tag="test.append/2"):
    leader: str
    entries: tuple[Entry, ...] = ()
    members: frozenset[str] = frozenset()
    color: Color = Color.RED
    mode: Literal["fast", "slow"] = "slow"
    share: float = 0.5
    previous: tuple[int, int] | None = None
    sure: bool = False
    key: BigInteger = BigInteger(0)


class Tree(Message, tag="test.tree/1"):
    children: tuple["Tree", ...] = ()


class Shifted(Entry, tag="test.shifted/1", rename="camel"):
    first_word: str = ""


class Sparse(Message, tag="test.sparse/1", omit_defaults=True):
    number: int = 0
    text: str = "none"


class Mutable(msgspec.Struct):
    value: int


class Frozen(msgspec.Struct, frozen=True):
    value: int


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (list[int], "use tuple"),
        (list, "use tuple"),
        (dict[str, int], "use tuple"),
        (set[int], "use frozenset"),
        (bytearray, "use bytes"),
        (memoryview, "use bytes"),
        (tuple[list[int], ...], "use tuple"),
        (int | list[int], "use tuple"),
        (tuple, "types of its elements"),
        (frozenset, "type of its elements"),
        (frozenset[Entry], "need an order"),
        (Any, "can be changed"),
        (object, "can be changed"),
        (typing.Sequence[int], "can be changed"),
        (Message, "name the messages"),
        (Mutable, "not frozen"),
        (datetime.datetime, "nanoseconds"),
        ("Missing", "before it"),
    ],
)
def test_a_class_with_a_field_that_could_change_is_refused(annotation, reason):
    with pytest.raises(TypeError, match=reason):
        MessageType("Refused", (Message,), {"__annotations__": {"field": annotation}, "__module__": __name__})


def test_a_class_that_is_not_frozen_is_refused():
    with pytest.raises((TypeError, ValueError)):
        MessageType("Thawed", (Message,), {"__module__": __name__}, frozen=False)


def test_frozen_structs_and_trees_are_accepted():
    kind = MessageType("Holds", (Message,), {"__annotations__": {"field": Frozen}, "__module__": __name__})
    assert Message.decode(kind(Frozen(1)).encode()) == kind(Frozen(1))
    assert Message.decode(Tree((Tree(), Tree())).encode()) == Tree((Tree(), Tree()))


def test_a_tag_says_name_and_version_and_belongs_to_one_class():
    assert Append.wire_tag == "test.append/2"
    assert MessageType("Untagged", (Message,), {"__module__": __name__}).wire_tag == "Untagged/1"
    with pytest.raises(TypeError, match="name/version"):
        MessageType("Bad", (Message,), {"__module__": __name__}, tag="bad")
    with pytest.raises(TypeError, match="belongs to"):
        MessageType("Other", (Message,), {"__module__": __name__}, tag="test.append/2")


def test_messages_cannot_be_changed():
    with pytest.raises(AttributeError):
        Entry(1, b"").term = 2


@given(
    leader=st.text(),
    entries=st.lists(st.builds(Entry, st.integers(-(2**63), 2**63 - 1), st.binary())).map(tuple),
    members=st.frozensets(st.text()),
    share=st.floats(allow_nan=False),
    previous=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
    key=st.integers().map(BigInteger),
)
def test_what_is_encoded_comes_back_equal(**fields):
    message = Append(**fields)
    assert Message.decode(message.encode()) == message
    assert type(Append.decode(message.encode()).key) is BigInteger


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=()))  # half characters, too
    | st.text(min_size=250, max_size=270)
    | st.binary(max_size=300)
    | st.frozensets(st.integers(0, 9))
    | st.sampled_from(Color)
    | st.integers().map(BigInteger),
    lambda inner: (
        st.lists(inner, max_size=20).map(tuple)
        | st.builds(Entry, inner, inner)
        | st.builds(Append, inner, inner)
        | st.builds(Shifted, inner, inner, inner)
        | st.builds(Sparse, inner)
        | st.builds(Frozen, inner)
    ),
    max_leaves=12,
)


@given(message=st.builds(Entry, plain, plain) | st.builds(Shifted, plain, plain, plain) | st.builds(Sparse, plain))
def test_every_message_has_the_bytes_that_msgspec_gives_it(message):
    try:
        expected = codec.encode(message)
    except (TypeError, ValueError, OverflowError) as error:
        with pytest.raises(type(error)):
            message.encode()
    else:
        assert message.encode() == expected


@pytest.mark.parametrize("count", [13, 14, 15, 16])
def test_a_message_of_many_fields_has_its_bytes(count):
    fields = {f"field_{number}": number for number in range(count)}
    annotations = dict.fromkeys(fields, int)
    kind = MessageType(f"Many{count}", (Message,), {"__annotations__": annotations, "__module__": __name__})
    assert kind(**fields).encode() == codec.encode(kind(**fields))


def test_a_message_may_have_bytes_of_its_own():
    class Loud(Entry, tag="test.loud/1"):
        def encode(self):
            return super().encode().upper()

    assert Loud(1, b"abc").encode() == codec.encode(Loud(1, b"abc")).upper()
    assert Entry(1, b"abc").encode() == codec.encode(Entry(1, b"abc"))


def test_equal_sets_have_equal_bytes():
    names = [f"n{i}" for i in range(100)]
    assert Append("a", members=frozenset(names)).encode() == Append("a", members=frozenset(reversed(names))).encode()


def test_a_plain_integer_beyond_64_bits_names_the_remedy():
    with pytest.raises(OverflowError, match="BigInteger"):
        Entry(2**70, b"").encode()


def test_bytes_that_are_no_message_are_a_value_error():
    deep = b"\x82\xa1@" + msgspec.msgpack.encode(Entry.wire_tag) + b"\xa1x" + b"\x91" * 100_000 + b"\xc0"
    for payload in (b"", b"\xff", b"\x80", Entry(1, b"").encode()[:-1], deep):
        with pytest.raises(ValueError, match="not a message"):
            Message.decode(payload)
    with pytest.raises(ValueError, match="is no Append"):
        Append.decode(Entry(1, b"").encode())


def test_a_registered_type_travels():
    class Point(tuple):
        __slots__ = ()

    register_codec(Point, lambda point: tuple(point), lambda plain: Point(plain))
    kind = MessageType("At", (Message,), {"__annotations__": {"place": Point}, "__module__": __name__})
    back = Message.decode(kind(Point((1, 2))).encode())
    assert type(back.place) is Point
    assert back.place == (1, 2)
    with pytest.raises(ValueError, match="already"):
        register_codec(Point, tuple, Point)
