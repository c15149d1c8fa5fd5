"""Stories: what a check knows, with the messages and returns that it cannot know, in order, and no more than that."""

from types import SimpleNamespace
from typing import Any

import pytest

from simkit.checks.check import Step, Violation
from simkit.explore.story import Storyteller
from simkit.kernel.records import Records

S = 1_000_000_000


@pytest.fixture
def world() -> Any:
    made: Any = SimpleNamespace(now_ns=0)
    made.records = Records(made)
    made.storyteller = Storyteller(made.records)
    return made


def host(world: Any, time_ns: int, name: str, manner: str) -> None:
    world.now_ns = time_ns
    world.records.write("host", name, manner)


def message(world: Any, sent_ns: int, time_ns: int, source: str, target: str, payload: bytes) -> None:
    world.now_ns = time_ns
    detail = source, "apply/1", 1, "send", "delivered"
    world.records.write("message", target, *detail, payload=payload, value=sent_ns)


def lines(world: Any, violation: Violation) -> list[tuple[int, str, str, str]]:
    return [(step.time_ns, step.sender, step.host, step.text) for step in world.storyteller.tell(violation)]


def test_each_step_names_the_message_that_brought_it_about(world: Any) -> None:
    for name in ("broker", "workers-1", "effects"):
        host(world, 0, name, "boot")
    message(world, 1 * S, 2 * S, "broker", "workers-1", b"lease 3f2a")
    host(world, 3 * S, "workers-1", "pause")
    host(world, 93 * S, "workers-1", "resume")
    message(world, 93 * S, 93 * S + 200, "workers-1", "effects", b"apply 3f2a")
    violation = Violation(
        93 * S + 200,
        "effects",
        "task 3f2a took effect twice",
        (Step(2 * S, "workers-1", "lease of 3f2a"), Step(93 * S + 200, "effects", "effect of 3f2a")),
    )
    assert lines(world, violation) == [
        (2 * S, "broker", "workers-1", "lease of 3f2a"),
        (93 * S, "", "workers-1", "runs again after 90 s"),
        (93 * S + 200, "workers-1", "effects", "effect of 3f2a"),
    ]


def test_one_message_does_not_bring_about_two_steps(world: Any) -> None:
    message(world, 1 * S, 2 * S, "clients-0", "broker", b"store 3f2a")
    violation = Violation(
        9 * S,
        "broker",
        "task 3f2a is gone",
        (Step(2 * S, "broker", "stored"), Step(5 * S, "broker", "expired"), Step(9 * S, "broker", "gone")),
    )
    assert [sender for _, sender, *_ in lines(world, violation)] == ["clients-0", "", ""]


def test_where_a_check_tells_nothing_the_messages_are_followed_back(world: Any) -> None:
    message(world, 1 * S, 2 * S, "clients-0", "broker", b"put 3f2a")
    message(world, 2 * S, 3 * S, "broker", "workers-1", b"lease 3f2a")
    message(world, 2 * S, 4 * S, "broker", "workers-2", b"lease 77aa")
    message(world, 8 * S, 9 * S, "workers-1", "effects", b"apply 3f2a")
    violation = Violation(9 * S, "effects", "task 3f2a took effect twice")
    assert lines(world, violation) == [
        (2 * S, "clients-0", "broker", "gets apply/1"),
        (3 * S, "broker", "workers-1", "gets apply/1"),
        (9 * S, "workers-1", "effects", "task 3f2a took effect twice"),
    ]


def test_a_violation_that_nothing_led_to_is_one_line(world: Any) -> None:
    assert lines(world, Violation(5 * S, "broker", "the books do not balance")) == [
        (5 * S, "", "broker", "the books do not balance")
    ]


def test_who_came_back_before_the_story_began_does_not_belong_to_it(world: Any) -> None:
    host(world, 1 * S, "broker", "pause")
    host(world, 2 * S, "broker", "resume")
    steps = (Step(3 * S, "broker", "stored 3f2a"), Step(4 * S, "broker", "lost 3f2a"))
    assert len(lines(world, Violation(4 * S, "broker", "task 3f2a is lost", steps))) == 2


def test_a_host_that_lost_its_memory_starts_anew(world: Any) -> None:
    steps = (Step(3 * S, "broker", "stored 3f2a"), Step(20 * S, "broker", "3f2a is not there"))
    host(world, 5 * S, "broker", "power_cut")
    host(world, 15 * S, "broker", "boot")
    told = lines(world, Violation(20 * S, "broker", "task 3f2a is lost", steps))
    assert (15 * S, "", "broker", "starts anew after 10 s") in told
