"""Linearizability as a check of a system: which operations it looks at, and what it says of them."""

from collections.abc import Callable
from typing import ClassVar

import pytest

from simkit.checks import Budget, KeyValue, Linearizability, Register, Step
from simkit.checks.history import TOLD_MAX
from simkit.observe.history import Operation

Drawn = Callable[[str], list[Operation]]

STALE = """
    a  |put x 1|          |put x 2|            |put y 5|
    b            |get x -> 1|        |get x -> 1|
    c   |put y 7 |   |get y -> 7|                        |get y -> 5|
"""


class StoreLinearizable(Linearizability):
    """Every get returns what the latest put wrote."""

    name = "store_linearizable"
    model = KeyValue()


def judged(check: Linearizability, operations: list[Operation]) -> Linearizability:
    for operation in operations:
        check.invoked(operation)
    check.conclude(100)
    return check


def test_a_stale_read_is_told_with_the_two_writes_that_it_contradicts(drawn: Drawn) -> None:
    check = judged(StoreLinearizable(), drawn(STALE))
    [violation] = check.violations
    assert violation.text == "get x -> 1 of b fits no order with 2 other operations"
    told = [(entry.process, entry.text, entry.blamed) for entry in violation.operations]
    assert told == [("a", "put x 1", False), ("a", "put x 2", False), ("b", "get x -> 1", True)]
    assert [step.text for step in violation.story][-1].startswith("get x -> 1, begun 00:00.000")
    assert not check.holds
    assert check.summary() == "8 operations on 2 keys, 1 without a place"


def test_the_nearest_history_without_a_violation_holds(drawn: Drawn) -> None:
    check = judged(StoreLinearizable(), drawn(STALE.replace("|get x -> 1|        |get x -> 1|", "|get x -> 1|")))
    assert check.holds
    assert not check.undecided


def test_functions_of_other_objects_are_not_looked_at(drawn: Drawn) -> None:
    check = judged(StoreLinearizable(), drawn("a |put x 1|  |ping|  |get x -> 1|"))
    assert len(check.operations) == 2
    assert check.holds


def test_a_read_of_what_nobody_wrote_stands_alone(drawn: Drawn) -> None:
    check = judged(StoreLinearizable(), drawn("a |put x 1|\nb        |get x -> 3|"))
    [violation] = check.violations
    assert violation.text == "get x -> 3 of b fits no order whatever the others did"
    assert [entry.process for entry in violation.operations] == ["b"]


def test_every_key_that_is_wrong_is_told(drawn: Drawn) -> None:
    check = judged(StoreLinearizable(), drawn("a " + "  ".join(f"|get k{number} -> 1|" for number in range(7))))
    assert check.violations_total == 7
    assert check.violations[6].text == "get k6 -> 1 of a fits no order"


class Hasty(Linearizability):
    """A register that may hardly be looked at."""

    name = "hasty"
    model = Register(0, keyed=True)
    budget = Budget(steps=400)


def hard(key: str, count: int) -> list[Operation]:
    """Writes that all overlap, and a read of something else: no order, and many to try."""
    writes = [Operation.past(f"{key}{n}", "write", (key, n + 1), began=n, ended=count + n) for n in range(count)]
    return [*writes, Operation.past(f"{key}r", "read", (key, None), -1, began=0, ended=count * 3)]


def test_a_spent_budget_is_unknown_and_says_how_much() -> None:
    check = judged(Hasty(), hard("x", 12))
    assert check.violations_total == 0
    assert check.undecided.startswith("the search's budget of steps was spent for 1 of 1 keys (4")


def test_a_hard_key_does_not_hide_a_wrong_one() -> None:
    check = judged(Hasty(), [*hard("x", 12), Operation.past("a", "read", ("y", None), 3, began=0, ended=1)])
    assert [violation.text for violation in check.violations] == [
        "read y None -> 3 of a fits no order whatever the others did"
    ]
    assert check.undecided


def test_a_history_that_was_cut_is_unknown(drawn: Drawn) -> None:
    class Short(StoreLinearizable):
        operations_max: ClassVar[int] = 2

    check = judged(Short(), drawn(STALE))
    assert check.undecided == "more than 2 operations, which is what a history keeps"
    assert check.violations_total == 0


def test_a_wrong_input_is_an_error_that_names_the_operation() -> None:
    with pytest.raises(ValueError, match=r"write of a: a keyed input is \(key, argument\), not 3"):
        judged(Hasty(), [Operation.past("a", "write", 3, began=0, ended=1)])


class Explained(StoreLinearizable):
    """The same, with what the store told."""

    def explain(self, operation: Operation) -> list[Step]:
        told = [Step(operation.invoked_ns + 1, "store", f"{operation.function} applied")]
        return [*told, Step(10_000, "store", "told long after the violation")]


def test_what_the_system_told_of_its_operations_stands_among_what_clients_saw(drawn: Drawn) -> None:
    check = judged(Explained(), drawn(STALE))
    [violation] = check.violations
    assert [(step.host, step.text.partition(",")[0]) for step in violation.story] == [
        ("store", "put applied"),
        ("a", "put x 1"),
        ("store", "put applied"),
        ("a", "put x 2"),
        ("store", "get applied"),
        ("b", "get x -> 1"),
    ]
    assert [step.time_ns for step in violation.story] == sorted(step.time_ns for step in violation.story)


def test_a_story_keeps_the_steps_of_the_system_nearest_to_its_end(drawn: Drawn) -> None:
    class Talkative(StoreLinearizable):
        def explain(self, operation: Operation) -> list[Step]:
            return [Step(number, "store", str(number)) for number in range(-100, 1)]

    [violation] = judged(Talkative(), drawn(STALE)).violations
    told = [step.text for step in violation.story if step.host == "store"]
    assert told == [str(number) for number in range(1 - TOLD_MAX, 1)]
