"""A check sees the kinds of events that its methods are marked with, and all of them where it asks for all."""

from simkit.checks import Check, sees
from simkit.node import Event


class Opened(Event, frozen=True, tag="door.opened"):
    number: int


class Slammed(Opened, frozen=True, tag="door.slammed"):
    pass


class Closed(Event, frozen=True, tag="door.closed"):
    number: int


class Doors(Check):
    name = "doors"

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    @sees(Opened)
    def _open(self, time_ns: int, host: str, event: Opened) -> None:
        self.heard.append(f"open {event.number}")


class Everything(Doors):
    name = "everything"

    def observe(self, time_ns: int, host: str, event: Event) -> None:
        self.heard.append(type(event).__name__)

    @sees(Opened, Closed)
    def _move(self, time_ns: int, host: str, event: Opened | Closed) -> None:
        self.heard.append(f"move {event.number}")


def told(check: Doors, *events: Event) -> list[str]:
    for event in events:
        for see in check.sights(type(event)):
            see(0, "house", event)
    return check.heard


def test_a_marked_method_sees_its_kinds_and_no_other() -> None:
    assert told(Doors(), Closed(1), Opened(2)) == ["open 2"]


def test_a_kind_stands_for_its_subclasses_too() -> None:
    assert told(Doors(), Slammed(3)) == ["open 3"]


def test_observe_sees_everything_first_and_marks_are_inherited() -> None:
    assert told(Everything(), Closed(1), Opened(2)) == ["Closed", "move 1", "Opened", "open 2", "move 2"]


def test_a_check_that_sees_nothing_of_a_kind_is_not_asked() -> None:
    assert Doors().sights(Closed) == ()
