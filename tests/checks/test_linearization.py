"""Linearization against pictures, against the real thing, against all permutations, and against hostile histories."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.checks import (
    ILLEGAL,
    Budget,
    CompareAndSetRegister,
    KeyValue,
    Lock,
    Log,
    Model,
    Queue,
    Register,
    Set,
    linearize,
)
from simkit.checks.counterexample import counterexample
from simkit.checks.model import plain
from simkit.observe.history import Operation

Drawn = Callable[[str], list[Operation]]

PICTURES: list[tuple[str, Model, str, str]] = [
    ("a read meets a write under way", Register(0), "ok", """
        a  |write 1         |
        b      |read -> 1|
        c    |read -> 0 |"""),
    ("a read goes back", Register(0), "illegal", """
        a  |write 1                          |
        b     |read -> 1|
        c                   |read -> 0|"""),
    ("a lost write takes effect late", Register(0), "ok", """
        a  |write 1 ~
        b              |read -> 0|  |read -> 1|"""),
    ("a lost write does not take effect twice", Register(0), "illegal", """
        a  |write 1 ~
        b              |read -> 1|  |write 2|  |read -> 1|"""),
    ("two equal lost writes take effect twice", Register(0), "ok", """
        a  |write 1 ~
        c   |write 1 ~
        b              |read -> 1|  |write 2|  |read -> 1|"""),
    ("a failed write never takes effect", Register(0), "illegal", """
        a  |write 1  !
        b              |read -> 1|"""),
    ("a lost write takes no effect before it began", Register(0), "illegal", """
        a                 |write 1 ~
        b  |read -> 1|"""),
    ("two winners of one compare-and-set", CompareAndSetRegister(0), "illegal", """
        a  |cas 0 1 -> True  |
        b     |cas 0 2 -> True |"""),
    ("one winner and one loser", CompareAndSetRegister(0), "ok", """
        a  |cas 0 1 -> True    |
        b     |cas 0 2 -> False|
        c                           |read -> 1|"""),
    ("a loser where nobody had changed anything", CompareAndSetRegister(0), "illegal", """
        b     |cas 0 2 -> False|"""),
    ("a lost compare-and-set", CompareAndSetRegister(0), "ok", """
        a  |cas 0 1 ~
        b     |read -> 0|   |read -> 1|"""),
    ("an append is seen before another one", KeyValue(""), "ok", """
        a  |append k x  |
        b    |append k y  |
        c                    |get k -> yx|"""),
    ("an append vanishes", KeyValue(""), "illegal", """
        a  |append k x|
        b                |append k y|
        c                               |get k -> y|"""),
    ("a deleted key comes back", KeyValue(), "illegal", """
        a  |put k 1|  |delete k|
        b                          |get k -> 1|"""),
    ("an element is there that nobody added", Set(), "illegal", """
        a  |add 1|
        b           |contains 2 -> True|"""),
    ("all elements are read", Set(), "ok", """
        a  |add 1     |
        b    |add 2 ~
        c                 |read -> 2 1|"""),
    ("an element is read twice", Set(), "illegal", """
        a  |add 1     |
        c                 |read -> 1 1|"""),
    ("an element was new to both", Set(), "illegal", """
        a  |add 1 -> True|
        b     |add 1 -> True|"""),
    ("items leave a queue in order", Queue(), "ok", """
        a  |enqueue 1|  |enqueue 2|
        b                            |dequeue -> 1|  |dequeue -> 2|  |dequeue|"""),
    ("items overtake", Queue(), "illegal", """
        a  |enqueue 1|  |enqueue 2|
        b                            |dequeue -> 2|  |dequeue -> 1|"""),
    ("an item leaves twice", Queue(), "illegal", """
        a  |enqueue 1|
        b               |dequeue -> 1 |
        c                 |dequeue -> 1|"""),
    ("a lost dequeue took it", Queue(), "ok", """
        a  |enqueue 1|
        b               |dequeue ~
        c                             |dequeue|"""),
    ("an empty queue that was not", Queue(), "illegal", """
        a  |enqueue 1|
        c                |dequeue|"""),
    ("positions tell the order of appends", Log(), "illegal", """
        a  |append x -> 1|
        b                     |append y -> 0|"""),
    ("a log is read from a position", Log(), "ok", """
        a  |append x -> 0|
        b     |append y -> 1|
        d                       |append y -> 2|
        c                                        |read 1 -> y y|"""),
    ("a log forgets its beginning", Log(), "illegal", """
        a  |append x|  |append y|  |append z|
        c                                     |read -> y z|"""),
    ("two holders of one lock", Lock(), "illegal", """
        a  |acquire|
        b            |acquire|"""),
    ("a lock is handed on", Lock(), "ok", """
        a  |acquire|  |release  |
        b           |acquire      |
        c     |acquire -> False|"""),
    ("a lock is released by somebody else", Lock(), "illegal", """
        a  |acquire|
        b            |release|"""),
]  # fmt: skip


@pytest.mark.parametrize(("model", "verdict", "picture"), [each[1:] for each in PICTURES], ids=[e[0] for e in PICTURES])
def test_a_picture(drawn: Drawn, model: Model, verdict: str, picture: str) -> None:
    found = linearize(model, drawn(picture))
    assert found.verdict == verdict
    if verdict == "ok":
        assert_explains(model, drawn(picture), found.order)


# -- against all permutations


def orders(operations: Sequence[Operation]) -> Iterator[tuple[Operation, ...]]:
    """Every order that real time allows, with and without each of the lost operations."""
    happened = [each for each in operations if each.outcome != "fail"]
    done = [each for each in happened if each.ended is not None]
    lost = [each for each in happened if each.ended is None]
    for count in range(len(lost) + 1):
        for chosen in combinations(lost, count):
            for order in permutations([*done, *chosen]):
                if respects_time(order):
                    yield order


def respects_time(order: Sequence[Operation]) -> bool:
    return all(later.ended is None or later.ended >= earlier.began for earlier, later in combinations(order, 2))


def is_legal(model: Model, order: Sequence[Operation]) -> bool:
    state = model.init()
    for operation in order:
        state = model.step(state, operation)
        if state is ILLEGAL:
            return False
    return True


def assert_explains(model: Model, operations: Sequence[Operation], order: Sequence[Operation]) -> None:
    assert is_legal(model, order)
    assert respects_time(order)
    came = [(each.process, each.began) for each in order]
    assert len(set(came)) == len(came)
    done = {(each.process, each.began) for each in operations if each.outcome == "ok" and each.ended is not None}
    assert done <= set(came)


SMALL = st.integers(0, 2)
OPTIONAL = st.none() | SMALL
CALLS: dict[str, tuple[Model, dict[str, tuple[Any, Any]]]] = {
    "register": (Register(0), {"read": (st.none(), SMALL), "write": (SMALL, st.none())}),
    "cas": (
        CompareAndSetRegister(0),
        {
            "read": (st.none(), SMALL),
            "write": (SMALL, st.none()),
            "cas": (st.tuples(SMALL, SMALL), st.booleans()),
        },
    ),
    "key-value": (
        KeyValue(""),
        {
            "get": (st.just("k"), st.sampled_from(["", "x", "y", "xy"])),
            "put": (st.tuples(st.just("k"), st.sampled_from("xy")), st.none()),
            "append": (st.tuples(st.just("k"), st.sampled_from("xy")), st.none()),
            "delete": (st.just("k"), st.none()),
            "cas": (st.tuples(st.just("k"), st.sampled_from(["", "x"]), st.just("y")), st.booleans()),
        },
    ),
    "set": (
        Set(),
        {
            "add": (SMALL, st.none() | st.booleans()),
            "remove": (SMALL, st.none() | st.booleans()),
            "contains": (SMALL, st.booleans()),
            "read": (st.none(), st.lists(SMALL, max_size=2)),
        },
    ),
    "queue": (Queue(), {"enqueue": (SMALL, st.none()), "dequeue": (st.none(), OPTIONAL)}),
    "log": (Log(), {"append": (SMALL, OPTIONAL), "read": (OPTIONAL, st.lists(SMALL, max_size=2))}),
    "lock": (Lock(), {"acquire": (st.none(), st.none() | st.just(False)), "release": (st.none(), st.none())}),
}


@st.composite
def histories(draw: st.DrawFn, functions: dict[str, tuple[Any, Any]], count: int) -> list[Operation]:
    size = draw(st.integers(1, count))
    edges = draw(st.permutations(range(2 * size)))
    operations = []
    for number in range(size):
        began, ended = sorted(edges[2 * number : 2 * number + 2])
        function = draw(st.sampled_from(sorted(functions)))
        given_, came = functions[function]
        outcome = draw(st.sampled_from(["ok"] * 6 + ["info"] * 2 + ["fail"]))
        process = draw(st.sampled_from("ab"))  # as names of a lock's holders; overlaps within one do no harm here
        operations.append(
            Operation.past(process, function, draw(given_), draw(came), began=began, ended=ended, outcome=outcome)
        )
    return operations


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_every_verdict_is_that_of_all_permutations(name: str, data: st.DataObject) -> None:
    model, functions = CALLS[name]
    operations = data.draw(histories(functions, 5))
    found = linearize(model, operations)
    legal = any(is_legal(model, order) for order in orders(operations))
    assert found.verdict == ("ok" if legal else "illegal")
    assert is_legal(model, found.order)
    assert respects_time(found.order)
    if legal:
        assert_explains(model, operations, found.order)
    else:
        assert found.blocked is not None


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_counterexample_has_no_order_whatever_the_freed_ones_did(name: str, data: st.DataObject) -> None:
    model, functions = CALLS[name]
    operations = data.draw(histories(functions, 5))
    found = linearize(model, operations)
    if found.verdict == "ok":
        return
    core = counterexample(model, operations, found)
    assert core.minimal
    assert core.blocked in core.core
    assert core.blocked is found.blocked

    def legal_with(held: Sequence[Operation]) -> bool:
        bound = core.blocked.ended or 0
        seen = [each for each in operations if each.began <= bound and each.outcome != "fail"]
        freed = [each if each in held else set_free(each) for each in seen]
        return any(is_legal(model, order) for order in orders(freed))

    assert not legal_with(core.core)
    for each in core.core:
        if each is not core.blocked:
            assert legal_with([other for other in core.core if other is not each])


def set_free(operation: Operation) -> Operation:
    return Operation.past(operation.process, operation.function, operation.input, began=operation.began)


# -- against the real thing


def real_register() -> Callable[[str, Any], Any]:
    held = [0]

    def call(function: str, given_: Any) -> Any:
        if function == "read":
            return held[0]
        if function == "write":
            held[0] = given_
            return None
        if held[0] != given_[0]:
            return False
        held[0] = given_[1]
        return True

    return call


def real_queue() -> Callable[[str, Any], Any]:
    items: list[Any] = []

    def call(function: str, given_: Any) -> Any:
        if function == "enqueue":
            items.append(given_)
            return None
        return items.pop(0) if items else None

    return call


def real_set() -> Callable[[str, Any], Any]:
    held: set[int] = set()

    def call(function: str, given_: Any) -> Any:
        before = given_ in held
        if function == "add":
            held.add(given_)
            return not before
        if function == "remove":
            held.discard(given_)
            return before
        return before if function == "contains" else sorted(held, reverse=True)

    return call


def real_log() -> Callable[[str, Any], Any]:
    entries: list[int] = []

    def call(function: str, given_: Any) -> Any:
        if function == "read":
            return entries[given_ or 0 :]
        entries.append(given_)
        return len(entries) - 1

    return call


REAL = {"cas": real_register, "queue": real_queue, "set": real_set, "log": real_log}


@pytest.mark.parametrize("name", REAL)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_a_real_object_answered_has_an_order(name: str, data: st.DataObject) -> None:
    """Each operation takes effect on a plain Python object at a drawn moment between its beginning and its end."""
    model, functions = CALLS[name]
    planned = data.draw(st.integers(5, 25))
    moments = data.draw(st.randoms(use_true_random=False))
    call = REAL[name]()
    answered = []
    starts = [(moments.random() * planned / 4, moments.random(), moments.random()) for _ in range(planned)]
    for begin, before, after in sorted(starts, key=lambda each: each[0] + each[1]):
        function = moments.choice(sorted(functions))
        given_ = data.draw(functions[function][0])
        lost = moments.random() < 0.1
        if lost and moments.random() < 0.5:
            came = None  # it never took effect
        else:
            came = call(function, given_)
        answered.append((begin, begin + before + after, function, given_, came, lost))
    edges = sorted({each for begin, end, *_ in answered for each in (begin, end)})
    place = {each: number for number, each in enumerate(edges)}
    operations = [
        Operation.past(f"p{number}", function, given_, came, began=place[begin], ended=None if lost else place[end])
        for number, (begin, end, function, given_, came, lost) in enumerate(answered)
    ]
    found = linearize(model, operations)
    assert found.verdict == "ok"
    assert_explains(model, operations, found.order)


# -- hostile histories


def together(count: int, function: str, values: Sequence[Any]) -> list[Operation]:
    """As many operations as asked for, all under way at once."""
    return [
        Operation.past(f"p{number}", function, value, began=number, ended=count + number)
        for number, value in zip(range(count), values, strict=True)
    ]


def test_ten_thousand_concurrent_writes_and_a_read_nobody_wrote_are_given_up_within_the_budget() -> None:
    count = 10_000
    operations = together(count, "write", range(count))
    operations.append(Operation.past("reader", "read", None, -1, began=0, ended=2 * count + 1))
    budget = Budget(steps=200_000, memory_bytes=16 * 1024 * 1024)
    found = linearize(Register(), operations, budget)
    assert found.verdict == "unknown"
    assert found.exhausted in ("steps", "memory")
    assert found.steps <= budget.steps + 2 * count
    assert found.memory_bytes <= budget.memory_bytes + 1024 * 1024
    assert linearize(Register(), operations, budget) == found


def test_ten_thousand_concurrent_writes_that_nobody_contradicts_are_no_burden() -> None:
    count = 10_000
    found = linearize(Register(), together(count, "write", range(count)), Budget(steps=3 * count))
    assert found.verdict == "ok"
    assert len(found.order) == count


def test_long_states_count_as_memory() -> None:
    count = 3_000
    budget = Budget(memory_bytes=4 * 1024 * 1024)
    found = linearize(Log(), together(count, "append", range(count)), budget)
    assert (found.verdict, found.exhausted) == ("unknown", "memory")


def test_many_lost_writes_of_few_values_are_no_burden() -> None:
    lost = [Operation.past(f"l{number}", "write", number % 4, began=number) for number in range(400)]
    reads = [
        Operation.past("r", "read", None, (3 * number) % 4, began=1000 + 2 * number, ended=1001 + 2 * number)
        for number in range(200)
    ]
    assert linearize(Register(), [*lost, *reads]).verdict == "ok"
    ghost = Operation.past("r", "read", None, 9, began=2000, ended=2001)
    found = linearize(Register(), [*lost, *reads, ghost])
    assert (found.verdict, found.blocked) == ("illegal", ghost)
    assert len(found.order) >= len(reads)


def test_a_budget_of_nothing_decides_nothing() -> None:
    found = linearize(Register(), together(3, "write", range(3)), Budget(steps=-1))
    assert (found.verdict, found.exhausted) == ("unknown", "steps")


def test_an_empty_history_is_linearizable() -> None:
    assert linearize(Register(), []).verdict == "ok"


# -- models that are wrong


def test_a_function_the_model_does_not_know_is_named() -> None:
    with pytest.raises(ValueError, match=r"Register knows read, write, not 'increment' of a"):
        linearize(Register(), [Operation.past("a", "increment", began=0, ended=1)])


def test_a_state_that_can_change_is_refused() -> None:
    class Careless(Model):
        def init(self) -> Any:
            return []

    with pytest.raises(TypeError, match="Careless: a state must be hashable, such as a tuple, not list"):
        linearize(Careless(), [])


def test_a_read_that_changes_the_state_is_noticed() -> None:
    class Lying(Queue):
        def reads(self, operation: Operation) -> bool:
            return True

    with pytest.raises(ValueError, match="says that enqueue leaves every state as it is, but its step does not"):
        linearize(Lying(), [Operation.past("a", "enqueue", 1, began=0, ended=1)])


def test_a_counterexample_is_of_an_illegal_history_only() -> None:
    with pytest.raises(ValueError, match="only a history that has no order"):
        counterexample(Register(), [], linearize(Register(), []))


def test_a_model_of_ones_own_is_a_start_and_a_step(drawn: Drawn) -> None:
    class Counter(Model):
        def init(self) -> int:
            return 0

        def step(self, state: int, operation: Operation) -> Any:
            after = state + operation.input
            return after if operation.outcome != "ok" or operation.output == after else ILLEGAL

    fine = "a |inc 1 -> 2|\nb   |inc 1 -> 1|"
    assert linearize(Counter(), drawn(fine)).verdict == "ok"
    assert linearize(Counter(), drawn(fine.replace("-> 2", "-> 1"))).verdict == "illegal"


def test_what_fills_a_value_up_is_not_told() -> None:
    assert plain(["x", "client:123" + "." * 90]) == "x client:123..."
    assert plain("v1.2") == "v1.2"
