"""Hostile histories: large, or made to be expensive. Each ends, with a verdict or with the limit that it ran into."""

from collections.abc import Callable

from isolation_histories import T, history

from simkit.checks.isolation import MicroOperation, Transaction, judge_isolation
from simkit.checks.isolation.strong_components import strong_components


def many(count: int, steps: Callable[[int], list[MicroOperation]]) -> list[Transaction]:
    """Return transactions that all overlap."""
    return [
        Transaction(index, f"c{index}", "h", "committed", 0, 9, 0, 9, tuple(steps(index))) for index in range(count)
    ]


def test_one_cycle_through_all_transactions_is_found_within_the_budget() -> None:
    def steps(index: int) -> list[MicroOperation]:
        return [MicroOperation("read", index, ()), MicroOperation("append", (index + 1) % 5_000, 1)]

    found = judge_isolation(many(5_000, steps), visits_max=20_000)
    assert [len(each.cycle) for each in found.forbidden] == [5_000]


def test_readers_and_blind_writers_of_one_key_do_not_multiply() -> None:
    def steps(index: int) -> list[MicroOperation]:
        return [MicroOperation("read", "x", ())] if index % 2 else [MicroOperation("append", "x", index)]

    assert judge_isolation(many(20_000, steps), "strict-serializable").verdict == "pass"


def test_a_search_that_is_cut_off_is_undecided_only_where_that_matters() -> None:
    # Long forks without end: every cycle has two anti-dependencies, and only a full search shows that none has one.
    forks = []
    for n in range(0, 400, 4):
        here, there = n, n + 1
        forks += [
            [MicroOperation("append", here, 1)],
            [MicroOperation("append", there, 1)],
            [MicroOperation("read", here, (1,)), MicroOperation("read", there, ())],
            [MicroOperation("read", here, ()), MicroOperation("read", there, (1,))],
        ]
    transactions = many(400, lambda index: forks[index])
    cut = judge_isolation(transactions, "parallel-snapshot-isolation", visits_max=50)
    assert (cut.verdict, cut.undecided) == ("unknown", "the search for G-single took more than 50 steps")
    assert judge_isolation(transactions, "parallel-snapshot-isolation").verdict == "pass"
    assert judge_isolation(transactions, "snapshot-isolation", visits_max=50).verdict == "fail"
    assert judge_isolation(transactions, "serializable", visits_max=50).verdict == "fail"


def test_many_short_reads_that_contradict_a_long_one_are_compared_in_linear_time() -> None:
    longest = tuple(range(20_000))
    writer = [MicroOperation("append", "x", element) for element in (*longest, -1)]
    plans = [
        writer,
        [MicroOperation("read", "x", longest)],
        *([MicroOperation("read", "x", (-1,))] for _ in range(5_000)),
    ]
    found = judge_isolation(many(len(plans), lambda index: plans[index]))
    assert sum(each.kind == "incompatible-order" for each in found.forbidden) == 5_000


def test_too_many_elements_are_not_judged() -> None:
    found = judge_isolation(history(T("x:1 x:2"), T("x?[1 2]")), elements_max=1)
    assert (found.verdict, found.undecided) == ("unknown", "2 elements were read, of which 1 can be judged")


def test_a_path_of_two_hundred_thousand_nodes_is_not_too_deep() -> None:
    length = 200_000
    assert strong_components([[(node + 1) % length] for node in range(length)]) == [list(range(length))]


def test_components_come_sorted_and_without_single_nodes() -> None:
    assert strong_components([[1], [2], [0, 3], [4], [3], [5], []]) == [[3, 4], [0, 1, 2]]
