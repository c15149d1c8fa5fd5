"""Checks that count and compare: exactly once, conservation, convergence."""

from collections import Counter
from collections.abc import Callable
from typing import ClassVar, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from simkit.checks import Check, Conservation, Convergence, ExactlyOnce, sees
from simkit.node import Event
from simkit.observe.history import Operation

Drawn = Callable[[str], list[Operation]]
SECOND = 1_000_000_000


class Ordered(Event, frozen=True, tag="order.acknowledged"):
    order: int


class Shipped(Event, frozen=True, tag="order.shipped"):
    order: int


class Counted(Event, frozen=True, tag="till.counted"):
    total: int


class Deposited(Event, frozen=True, tag="till.deposited"):
    amount: int


class Written(Event, frozen=True, tag="copy.written"):
    pass


class Digest(Event, frozen=True, tag="copy.digest"):
    value: str


class Gone(Event, frozen=True, tag="copy.gone"):
    pass


Some = TypeVar("Some", bound=Check)


def see(check: Check, time_ns: int, host: str, event: Event) -> None:
    for sight in check.sights(type(event)):
        sight(time_ns, host, event)


def watched(check: Some, *events: tuple[float, str, Event], end_s: float = 100) -> Some:
    for time_s, host, event in events:
        see(check, round(time_s * SECOND), host, event)
    check.conclude(round(end_s * SECOND))
    return check


class ShipOnce(ExactlyOnce):
    """Every acknowledged order is shipped, and shipped once."""

    name = "ship_once"

    @sees(Ordered)
    def _ordered(self, time_ns: int, host: str, event: Ordered) -> None:
        self.promised(time_ns, host, event.order)

    @sees(Shipped)
    def _shipped(self, time_ns: int, host: str, event: Shipped) -> None:
        self.took_effect(time_ns, host, event.order)


class AtMostOnce(ExactlyOnce):
    """No order is shipped twice."""

    name = "at_most_once"

    @sees(Shipped)
    def _shipped(self, time_ns: int, host: str, event: Shipped) -> None:
        self.took_effect(time_ns, host, event.order)


def test_an_effect_that_comes_twice_is_told_with_the_first_one() -> None:
    check = watched(ShipOnce(), (1, "a", Ordered(7)), (2, "a", Shipped(7)), (5, "b", Shipped(7)))
    [violation] = check.violations
    assert violation.text == "7 took effect twice"
    assert [(step.time_ns, step.host, step.text) for step in violation.story] == [
        (2 * SECOND, "a", "7 takes effect"),
        (5 * SECOND, "b", "7 takes effect again"),
    ]
    assert check.summary() == "2 effects, 1 more than once, 0 of 1 promised missing"


def test_what_was_promised_and_never_came_is_missing_at_the_end() -> None:
    check = watched(ShipOnce(), (1, "a", Ordered(7)), (1, "a", Ordered(8)), (2, "a", Shipped(8)))
    assert [violation.text for violation in check.violations] == ["7 was promised and never took effect"]
    assert not check.holds


def test_once_holds_also_when_the_effect_comes_before_its_acknowledgement() -> None:
    check = watched(ShipOnce(), (1, "a", Shipped(7)), (2, "a", Ordered(7)))
    assert check.holds
    assert check.violations_total == 0


def test_without_a_promise_nothing_is_missing() -> None:
    check = watched(AtMostOnce(), (1, "a", Ordered(7)))
    assert check.holds
    assert check.summary() == "0 effects, 0 more than once"


def test_too_many_identities_are_unknown_and_bounded() -> None:
    class Few(ShipOnce):
        identities_max: ClassVar[int] = 3

    check = watched(Few(), *[(1, "a", Ordered(number)) for number in range(10)])
    assert check.undecided == "more than 3 effects to tell apart"
    assert check.violations_total == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), max_size=20))
def test_once_counts_as_a_counter_does(happened: list[tuple[bool, int]]) -> None:
    events = [(1.0, "a", Shipped(order) if ships else Ordered(order)) for ships, order in happened]
    check = watched(ShipOnce(), *events)
    shipped = Counter(order for ships, order in happened if ships)
    promised = {order for ships, order in happened if not ships}
    assert check.twice == sum(count > 1 for count in shipped.values())
    missing = len(promised - shipped.keys())
    assert check.violations_total == missing + sum(count - 1 for count in shipped.values())


class Till(Conservation):
    """Money changes hands and does not change."""

    name = "till"
    initial = 100

    @sees(Counted)
    def _counted(self, time_ns: int, host: str, event: Counted) -> None:
        self.tells(time_ns, host, event.total)

    @sees(Deposited)
    def _deposited(self, time_ns: int, host: str, event: Deposited) -> None:
        self.changes(time_ns, event.amount)

    def total_of(self, operation: Operation) -> int | None:
        return sum(operation.output) if operation.function == "read_all" else None


def test_money_that_vanishes_is_told() -> None:
    check = watched(Till(), (1, "a", Counted(100)), (2, "a", Deposited(20)), (3, "b", Counted(115)))
    [violation] = check.violations
    assert (violation.text, violation.host) == ("5 vanished: the sum is 115, not 120", "b")
    assert check.summary() == "2 sums told (expected 120), 1 wrong"


def test_money_that_came_in_is_there() -> None:
    assert watched(Till(), (2, "a", Deposited(20)), (3, "b", Counted(120)), (4, "a", Deposited(-20))).holds


def test_the_first_sum_counts_where_no_other_is_known() -> None:
    class Unknown(Till):
        initial = None

    check = watched(Unknown(), (1, "a", Deposited(5)), (2, "a", Counted(35)), (3, "a", Counted(36)))
    assert [violation.text for violation in check.violations] == ["1 appeared: the sum is 36, not 35"]


def test_a_read_of_all_accounts_is_right_if_its_sum_was_at_some_moment_under_way(drawn: Drawn) -> None:
    picture = "a |read_all -> 60 40|  |read_all -> 60 60     |  |read_all -> 50 40|  |read_all -> 60 40|"
    check = Till()
    for operation in drawn(picture):
        operation.invoked_ns, operation.completed_ns = operation.began, operation.ended
        check.invoked(operation)
    # While the second read is under way 20 come in: before, 100 would have been right as well.
    see(check, 30, "b", Deposited(20))
    check.conclude(100)
    assert [violation.text for violation in check.violations] == [
        "30 vanished: the sum is 90, not 120",
        "20 vanished: the sum is 100, not 120",
    ]


class Copies(Convergence):
    """Copies that hear of no more writes hold the same."""

    name = "copies"
    quiet_s = 10.0

    @sees(Digest)
    def _digest(self, time_ns: int, host: str, event: Digest) -> None:
        self.replica(time_ns, host, event.value)

    @sees(Written)
    def _written(self, time_ns: int, host: str, event: Written) -> None:
        self.disturbed(time_ns)

    @sees(Gone)
    def _gone(self, time_ns: int, host: str, event: Gone) -> None:
        self.left(time_ns, host)


def test_copies_that_differ_after_the_quiet_are_told_once() -> None:
    check = watched(
        Copies(), (1, "a", Written()), (2, "a", Digest("x")), (3, "b", Digest("y")), (20, "b", Digest("z")), end_s=40
    )
    [violation] = check.violations
    assert violation.text == "2 replicas are in 2 states after 10 s of quiet"
    assert violation.time_ns == 11 * SECOND
    assert [step.text for step in violation.story] == ["a is at x", "b is at y"]


def test_copies_may_differ_while_writes_go_on() -> None:
    writes = [(float(second), "a", Written()) for second in range(0, 50, 5)]
    states = [(1.5, "a", Digest("x")), (2.5, "b", Digest("y")), (47.5, "b", Digest("x"))]
    assert watched(Copies(), *sorted([*writes, *states], key=lambda each: each[0]), end_s=60).violations_total == 0


def test_copies_agree_when_all_that_are_there_do() -> None:
    check = Copies()
    seen = []
    for event in [("a", Digest("x")), ("b", Digest("y")), ("b", Digest("x")), ("c", Digest("y")), ("c", Gone())]:
        see(check, 1, *event)
        seen.append(check.holds)
    assert seen == [False, False, True, False, True]
