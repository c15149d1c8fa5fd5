"""Histories: operations have a beginning and one of three ends."""

from collections.abc import Callable

import pytest

from simkit.kernel.records import Record
from simkit.kernel.world import World
from simkit.observe.history import History, Operation

At = Callable[[float], None]


def test_an_operation_is_told_when_it_begins_and_when_it_ends(world: World, at: At) -> None:
    told: list[Record] = []
    world.records.subscribe(("history",), told.append)
    history = History(world)
    write = history.invoke("clients-0", "write", {"key": "x", "value": 3})
    at(2)
    write.ok("done")
    assert [(record.time_ns, record.detail) for record in told] == [
        (0, ("invoke", 0, "clients-0", "write")),
        (2 * 10**9, ("ok", 0, "clients-0", "write")),
    ]
    [operation] = history.operations
    assert (operation.outcome, operation.invoked_ns, operation.completed_ns) == ("ok", 0, 2 * 10**9)


def test_a_process_does_one_thing_at_a_time(world: World) -> None:
    history = History(world)
    history.invoke("a", "read")
    with pytest.raises(ValueError, match="while its read is under way"):
        history.invoke("a", "write")
    history.invoke("a", "write", process="a/second")


def test_after_an_unknown_outcome_the_process_has_a_new_number(world: World) -> None:
    history = History(world)
    history.invoke("a", "write", 1).info("timeout")
    assert history.invoke("a", "read").process == "a/2"


def test_operations_are_lost_with_their_host_and_at_the_end(world: World) -> None:
    history = History(world)
    lost, open_still = history.invoke("a", "write", 1), history.invoke("b", "write", 2)
    count = world.records.count
    world.records.write("host", "a", "power_cut")
    assert (lost.outcome, open_still.outcome) == ("info", None)
    assert world.records.count == count + 1  # the observer itself wrote nothing
    assert history.invoke("a", "read").process == "a/2"
    history.conclude()
    assert open_still.outcome == "info"


def test_an_operation_ends_once(world: World) -> None:
    read = History(world).invoke("a", "read")
    read.fail()
    with pytest.raises(ValueError, match="has ended as fail already"):
        read.ok(3)


def test_only_plain_values_reach_the_digest(world: World) -> None:
    with pytest.raises(TypeError, match="plain values"):
        History(world).invoke("a", "write", object())


def test_the_order_of_a_set_does_not_matter(world: World) -> None:
    payloads: list[bytes] = []
    world.records.subscribe(("history",), lambda record: payloads.append(record.payload))
    history = History(world)
    history.invoke("a", "add", {"x", "y", "z"}).ok({"z", "y", "x"})
    assert payloads[0] == payloads[1]


def test_beginnings_and_ends_of_one_instant_keep_their_order(world: World) -> None:
    history = History(world)
    first, other = history.invoke("a", "write", 1), history.invoke("b", "read")
    first.ok()
    second = history.invoke("a", "write", 2)
    other.info("timeout")
    second.fail()
    assert first.invoked_ns == second.invoked_ns
    assert (first.began, first.ended, second.began, second.ended) == (0, 2, 3, 5)
    assert other.ended is None  # it may still happen


def test_an_operation_from_elsewhere_has_ended() -> None:
    read = Operation.past("a", "read", None, 3, began=4, ended=6)
    assert (read.outcome, read.output, read.began, read.ended) == ("ok", 3, 4, 6)
    assert Operation.past("a", "write", 3, began=4).outcome == "info"
    with pytest.raises(ValueError, match="read of a was recorded elsewhere and has ended"):
        read.ok(4)
