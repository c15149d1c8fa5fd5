"""The chronicle: what it remembers, what it forgets, and that nothing is told before somebody asks."""

from simkit.checks import Chronicle, Step
from simkit.node import Event


class Moved(Event, frozen=True, tag="chronicle.moved"):
    """Something is somewhere else now."""

    place: int


def described(event: Moved) -> str:
    return f"moved to {event.place}"


def test_a_thing_has_its_own_events_in_order() -> None:
    chronicle = Chronicle(described)
    for number, thing in enumerate(("x", "y", "x")):
        chronicle.remember(number, "h", Moved(number), thing)
    assert chronicle.tell("x") == (Step(0, "h", "moved to 0"), Step(2, "h", "moved to 2"))
    assert chronicle.tell("never seen") == ()


def test_old_things_and_old_events_are_forgotten() -> None:
    chronicle = Chronicle(described, things=3, events=2)
    for number in range(3):
        chronicle.remember(number, "h", Moved(number), number)
    chronicle.remember(3, "h", Moved(3), 0)  # in the news again
    chronicle.remember(4, "h", Moved(4), 0)
    chronicle.remember(5, "h", Moved(5), "new")
    assert [step.time_ns for step in chronicle.tell(0)] == [3, 4]
    assert [bool(chronicle.tell(thing)) for thing in (1, 2, "new")] == [False, True, True]


def test_of_a_long_story_the_middle_is_forgotten() -> None:
    chronicle = Chronicle(described, events=8)
    for number in range(100):
        chronicle.remember(number, "h", Moved(number), "x")
    assert [step.time_ns for step in chronicle.tell("x")] == [0, 1, *range(94, 100)]
