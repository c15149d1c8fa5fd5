"""The digest changes with everything that happened, and with nothing else."""

import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.msgpack import Encoder

from simkit.kernel import World
from simkit.kernel.records import DIGESTED, UNDIGESTED, Record, Sink


def digest_of(*writes: Callable[[World], None]) -> str:
    world = World(1)
    for write in writes:
        write(world)
    return world.records.digest()


def message(*detail: object, host: str = "a", payload: bytes = b"", kind: str = "message") -> Callable[[World], None]:
    return lambda world: world.records.write(kind, host, *detail, payload=payload)  # type: ignore[arg-type]


def test_the_same_records_give_the_same_digest() -> None:
    writes = [message("b", 1, payload=b"x"), message("c", 2.5, None, True, kind="host")]
    assert digest_of(*writes) == digest_of(*writes)
    assert len(digest_of(*writes)) == 32
    assert int(digest_of(), 16) >= 0


def test_every_part_of_a_record_matters() -> None:
    variants = [
        message("b", 1, payload=b"x"),
        message("b", 1, payload=b"y"),
        message("b", 1, payload=b""),
        message("b", 1, payload=b"x\0"),
        message("b", 2, payload=b"x"),
        message("b", payload=b"x"),
        message("b", 1, host="c", payload=b"x"),
        message("b", 1, payload=b"x", kind="stream"),
        lambda world: (world.run(1), message("b", 1, payload=b"x")(world)),
    ]
    assert len({digest_of(variant) for variant in variants} | {digest_of()}) == len(variants) + 1


def test_values_that_look_alike_differ() -> None:
    alike = (1, 1.0, True, "1", None, "", 0, 0.0, -0.0, False, "None")
    assert len({digest_of(message(value)) for value in alike}) == len(alike)


def test_the_order_of_records_matters() -> None:
    one, other = message("one"), message("other")
    assert digest_of(one, other) != digest_of(other, one)


def test_logs_metrics_and_notes_do_not_matter() -> None:
    happened = [message("b", payload=b"x"), message("c")]
    looked_at = [message(kind, payload=b"z", kind=kind) for kind in sorted(UNDIGESTED)]
    assert digest_of(*happened) == digest_of(looked_at[0], happened[0], looked_at[1], happened[1], looked_at[2])


def test_observers_do_not_matter() -> None:
    seen: list[Record] = []
    writes = [message("b", payload=b"x"), message("c", kind="log")]
    subscribe: Callable[[World], None] = lambda world: world.records.subscribe(DIGESTED | UNDIGESTED, seen.append)  # noqa: E731
    assert digest_of(*writes) == digest_of(subscribe, *writes)
    assert [(record.kind, record.detail, record.payload) for record in seen] == [
        ("message", ("b",), b"x"),
        ("log", ("c",), b""),
    ]


def test_the_object_beside_a_record_does_not_matter() -> None:
    with_value: Callable[[World], None] = lambda world: world.records.write("event", "a", "b", value=object())  # noqa: E731
    assert digest_of(with_value) == digest_of(message("b", kind="event"))


plain_details = st.lists(st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5) | st.none() | st.booleans(), max_size=3)
records = st.tuples(st.sampled_from(sorted(DIGESTED)), st.text(max_size=3), plain_details, st.binary(max_size=40))


@given(st.lists(records, max_size=4), st.lists(records, max_size=4))
def test_different_records_have_different_digests(one: list, other: list) -> None:  # type: ignore[type-arg]
    def digest(written: list) -> str:  # type: ignore[type-arg]
        return digest_of(*(message(*d, host=h, payload=p, kind=k) for k, h, d, p in written))

    assert (digest(one) == digest(other)) == (repr(one) == repr(other))  # 0 equals False, but it is not the same


def bytes_digested(*writes: Callable[[World], None]) -> bytes:
    """Return what the digest runs over."""

    class Tape:
        def __init__(self) -> None:
            self.bytes = b""

        def update(self, data: bytes) -> None:
            self.bytes += data

        def hexdigest(self) -> str:
            return ""

    world, tape = World(1), Tape()
    world.records = Sink(world, dict.fromkeys(DIGESTED, ()), DIGESTED, Encoder().encode, tape, Record)  # type: ignore[assignment]
    for write in writes:
        write(world)
    world.records.digest()  # what was gathered is given to the hash now at the latest
    return tape.bytes


def test_a_payload_that_imitates_the_next_record_does_not_pass_for_it() -> None:
    second = bytes_digested(message("second", payload=b"tail"))
    honest = bytes_digested(message("first", payload=b""), message("second", payload=b"tail"))
    forged = bytes_digested(message("first", payload=second))
    assert honest != forged
    split = bytes_digested(message("first", payload=b"ab"), message("second", payload=b"c"))
    assert split != bytes_digested(message("first", payload=b"a"), message("second", payload=b"bc"))


@pytest.mark.parametrize("kind", ["massage", "", "LOG"])
def test_an_unknown_kind_is_refused(kind: str) -> None:
    world = World(1)
    with pytest.raises(KeyError):
        world.records.write(kind, "a")
    with pytest.raises(KeyError):
        world.records.subscribe({kind}, print)
    assert world.records.count == 0


def test_only_what_is_digested_is_counted() -> None:
    world = World(1)
    for kind in sorted(DIGESTED | UNDIGESTED):
        world.records.write(kind, "a")
    assert world.records.count == len(DIGESTED)


def test_observers_see_time_and_value_in_the_order_in_which_they_subscribed() -> None:
    world = World(1)
    seen: list[tuple[str, int, object]] = []
    for name in ("first", "second"):
        world.records.subscribe(["event"], lambda record, name=name: seen.append((name, record.time_ns, record.value)))
    world.post(5, world.control, lambda: world.records.write("event", "a", value="the event"))
    world.run(9)
    world.records.write("host", "a")
    assert seen == [("first", 5, "the event"), ("second", 5, "the event")]


def test_a_closed_world_takes_no_more_records_and_keeps_its_digest() -> None:
    world = World(1)
    seen: list[Record] = []
    world.records.subscribe({"message"}, seen.append)
    world.records.write("message", "a")
    digest = world.records.digest()
    world.close()
    world.records.write("message", "a")
    assert (world.records.digest(), world.records.count, len(seen)) == (digest, 1, 1)


def test_a_big_payload_is_digested_whole() -> None:
    payload = bytearray(1_000_000)
    digests = set()
    for place in (0, 500_000, 999_999):
        payload[place] = 1
        digests.add(digest_of(message(payload=bytes(payload))))
    assert len(digests) == 3
    assert sys.getsizeof(payload) > 1_000_000
