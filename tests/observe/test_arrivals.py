"""Arrivals: of all that reached a host, the one that names the object, or came at the very moment."""

from types import SimpleNamespace
from typing import Any

import pytest

from simkit.kernel.records import Records
from simkit.observe.arrivals import HELD_NS, Arrivals, names_in


@pytest.fixture
def world() -> Any:
    made: Any = SimpleNamespace(now_ns=0)
    made.records = Records(made)
    return made


def arrive(world: Any, time_ns: int, host: str, source: str, payload: bytes, sent_ns: int | None) -> None:
    world.now_ns = time_ns
    detail = source, "task/1", 1, "send", "delivered"
    world.records.write("message", host, *detail, payload=payload, value=sent_ns)


def test_the_newest_that_names_the_object_is_found(world: Any) -> None:
    arrivals = Arrivals(world.records)
    arrive(world, 10, "b", "a", b"task 3f2a", 5)
    arrive(world, 20, "b", "c", b"task 3f2a again", 15)
    arrive(world, 30, "b", "d", b"task 99ff", 25)
    found = arrivals.before("b", 100, [b"3f2a"])
    assert found is not None
    assert (found.time_ns, found.sent_ns, found.source) == (20, 15, "c")
    assert arrivals.before("b", 100, [b"3f2a"], after_ns=21) is None
    assert arrivals.before("b", 100, [b"unheard1"]) is None
    assert arrivals.before("nobody", 100, [b"3f2a"]) is None


def test_what_arrived_at_the_very_moment_counts_without_a_name(world: Any) -> None:
    arrivals = Arrivals(world.records)
    arrive(world, 10, "b", "a", b"\x00", 5)
    assert arrivals.before("b", 11, []) is None
    found = arrivals.before("b", 10, [])
    assert found is not None
    assert found.source == "a"


def test_what_arrived_at_the_very_moment_goes_before_what_named_the_object_long_ago(world: Any) -> None:
    arrivals = Arrivals(world.records)
    arrive(world, 0, "b", "a", b"lease 3f2a", 0)
    arrive(world, 60 * HELD_NS, "b", "c", b"\x00", 60 * HELD_NS)
    found = [arrivals.before("b", time_ns, [b"3f2a"]) for time_ns in (60 * HELD_NS, 61 * HELD_NS)]
    assert [each.source for each in found if each] == ["c", "a"]


def test_nothing_that_arrived_later_or_never_is_found(world: Any) -> None:
    arrivals = Arrivals(world.records)
    arrive(world, 10, "b", "a", b"3f2a", 5)
    world.records.write("message", "b", "a", "task/1", 2, "send", "lost", payload=b"3f2a", value=10)
    world.records.write("stream", "b", "a", 3, 0, "blocked", payload=b"3f2a", value=10)
    world.records.write("stream", "b", "a", 3, "reset")
    assert arrivals.before("b", 9, [b"3f2a"]) is None
    found = arrivals.before("b", 10, [b"3f2a"])
    assert found is not None
    assert found.time_ns == 10
    assert len(arrivals._of["b"]) == 1


def test_memory_is_bounded(world: Any) -> None:
    arrivals = Arrivals(world.records, kept=3)
    for number in range(10):
        arrive(world, number, "b", "a", b"x" * 5_000, number)
    assert [each.time_ns for each in arrivals._of["b"]] == [7, 8, 9]
    assert all(len(each.payload) <= 512 for each in arrivals._of["b"])


def test_a_name_is_a_word_of_its_own(world: Any) -> None:
    arrivals = Arrivals(world.records)
    arrive(world, 10, "b", "a", b"k17 and xk1", 5)
    assert arrivals.before("b", 50, [b"k1"]) is None
    arrive(world, 20, "b", "a", b"\xa2k1\xa1v", 15)
    assert arrivals.before("b", 50, [b"k1"]) is not None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("task 3f2a took effect twice; 7 in all", {b"3f2a"}),
        ("task 30746151 leased to workers-3 while workers-1 still held it for 2.5 s", {b"30746151"}),
        ("late by 90s at 06:30.311, 4% of 12,345 or 1.5ms", set()),
        ("key user-17: read k1/v2.", {b"user-17", b"k1", b"v2"}),
    ],
)
def test_names_are_words_with_digits_that_measure_nothing(text: str, names: set[bytes]) -> None:
    assert names_in(text, ["workers-1", "workers-3"]) == names
