"""The checker agrees with brute force: all serial orders, all schedules, all version orders of small histories."""

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from isolation_oracles import by_definition, serializable, snapshot_isolated
from isolation_stores import STORES, forked, invented, played

from simkit.checks.isolation import TITLES, MicroOperation, Transaction, judge_isolation

LEVELS = ("read-uncommitted", "read-committed", "parallel-snapshot-isolation", "snapshot-isolation", "serializable")


@st.composite
def lists(draw: Any, final: bool = False) -> list[Transaction]:
    """Draw a small history of lists: invented, or of a toy store, with reads then made stale, short or wrong."""
    random = Random(draw(st.integers(0, 2**32)))
    transactions, store = draw(st.integers(2, 4)), draw(st.sampled_from([*sorted(STORES), "none", "none", "forked"]))
    return small(random, transactions, store, final)


def small(random: Random, transactions: int, store: str, final: bool) -> list[Transaction]:
    """Return one history of that many transactions."""
    choose = random.randrange
    if store == "forked":
        return forked(choose, transactions=transactions)
    if store == "none":
        return invented(choose, transactions=transactions, keys=2, steps=3, final=final)
    made = played(STORES[store](), choose, transactions=transactions, clients=4, keys=2, steps=3, losses=8, final=final)
    for _ in range(random.randrange(4)):
        _tamper(random, made)
    return made


def _tamper(random: Random, history: list[Transaction]) -> None:
    """Let one read return less, as a stale replica would, or another element."""
    reads = [
        (index, place)
        for index, each in enumerate(history)
        for place, step in enumerate(each.operations)
        if step.kind == "read" and step.value and each.process != "reader" and each.status == "committed"
    ]
    if not reads:
        return
    index, place = random.choice(reads)
    old = history[index]
    key, value = old.operations[place].key, list(old.operations[place].value)
    if random.randrange(4):
        value = value[: random.randrange(len(value))]
    else:
        random.shuffle(value)
    steps = list(old.operations)
    steps[place] = MicroOperation("read", key, tuple(value))
    history[index] = Transaction(
        index, old.process, old.host, old.status, old.invoked_ns, old.completed_ns, old.began, old.ended, tuple(steps)
    )


@settings(max_examples=200, deadline=None)
@given(lists())
def test_a_list_history_is_serializable_if_some_serial_order_explains_it(history: list[Transaction]) -> None:
    assert (judge_isolation(history, "serializable").verdict == "pass") == serializable(history)


@settings(max_examples=200, deadline=None)
@given(lists())
def test_a_list_history_is_strictly_so_if_the_order_is_also_that_of_real_time(history: list[Transaction]) -> None:
    assert (judge_isolation(history, "strict-serializable").verdict == "pass") == serializable(history, real_time=True)


@settings(max_examples=150, deadline=None)
@given(lists(final=True))
def test_a_list_history_that_is_read_in_the_end_is_judged_as_each_level_is_defined(history: list[Transaction]) -> None:
    for level in LEVELS:
        assert (judge_isolation(history, level).verdict == "pass") == by_definition(history, level), level


@settings(max_examples=150, deadline=None)
@given(lists())
def test_no_level_is_denied_to_a_list_history_that_has_it(history: list[Transaction]) -> None:
    for level in LEVELS:
        if judge_isolation(history, level).verdict == "fail":
            assert not by_definition(history, level), level


@settings(max_examples=150, deadline=None)
@given(lists(final=True))
def test_snapshot_isolation_is_what_snapshots_and_first_committers_allow(history: list[Transaction]) -> None:
    assert (judge_isolation(history, "snapshot-isolation").verdict == "pass") == snapshot_isolated(history)


@st.composite
def registers(draw: Any, modify: bool = False) -> list[Transaction]:
    """Draw a small history of registers whose reads return anything that was ever written, or the initial state."""
    random = Random(draw(st.integers(0, 2**32)))
    steps: list[list[tuple[str, str]]] = []
    for _ in range(draw(st.integers(2, 4))):
        plan = [
            (("read", "write")[random.randrange(2)], f"k{random.randrange(2)}") for _ in range(random.randint(1, 3))
        ]
        # Whoever reads before it writes shows the order of versions.
        steps.append(
            [
                each
                for kind, key in plan
                for each in ((("read", key), ("write", key)) if kind == "write" and modify else ((kind, key),))
            ]
        )
    values: dict[str, list[int | None]] = {"k0": [None], "k1": [None]}
    made: list[list[MicroOperation]] = []
    for plan in steps:
        done = []
        for kind, key in plan:
            value = None
            if kind == "write":
                value = 10 * len(values[key]) + int(key[1])
                values[key].append(value)
            done.append(MicroOperation(kind, key, value))  # type: ignore[arg-type]
        made.append(done)
    history = []
    # What a transaction of unknown outcome read is not counted, and so its writes stay without an order.
    unknown = "committed" if modify else "indeterminate"
    for index, done in enumerate(made):
        own: dict[str, Any] = {}
        filled = []
        for kind, key, value in done:
            if kind == "write":
                own[key] = value
            else:
                value = own[key] if key in own and random.randrange(8) else random.choice(values[key])
            filled.append(MicroOperation(kind, key, value))
        began, length = random.randrange(12), random.randint(1, 6)
        status = ("committed", "committed", "committed", "aborted", unknown)[random.randrange(5)]
        ended = began + length if status == "committed" else None
        history.append(
            Transaction(
                index, f"c{index}", "h", status, began, ended, 2 * began, ended and 2 * ended + 1, tuple(filled)
            )
        )  # type: ignore[arg-type]
    return history


@settings(max_examples=200, deadline=None)
@given(registers())
def test_no_register_history_that_is_serializable_is_called_otherwise(history: list[Transaction]) -> None:
    for level, real_time in (("serializable", False), ("strict-serializable", True)):
        if judge_isolation(history, level).verdict == "fail":
            assert not serializable(history, real_time=real_time), level


@settings(max_examples=200, deadline=None)
@given(registers(modify=True))
def test_registers_that_are_read_before_they_are_written_leave_nothing_open(history: list[Transaction]) -> None:
    assert (judge_isolation(history, "serializable").verdict == "pass") == serializable(history)


def test_the_drawn_histories_show_every_kind_of_anomaly_and_none() -> None:
    seen: Counter[str] = Counter()
    clean = 0
    for seed in range(1_500):
        random = Random(seed)
        history = small(random, 4, ("none", "forked", *sorted(STORES))[seed % 6], final=bool(seed & 1))
        found = judge_isolation(history, "strict-serializable").anomalies
        seen.update(each.kind for each in found)
        clean += not found
    assert clean > 300
    plain = {kind.removesuffix("-process").removesuffix("-realtime") for kind in seen}
    # A toy store has no value of nobody and none twice: those are planted.
    assert plain >= set(TITLES) - {"garbage-read", "duplicate-elements"}
