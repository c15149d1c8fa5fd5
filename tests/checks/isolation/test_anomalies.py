"""Each anomaly, planted in a history of a few transactions, and the nearest history without it."""

from itertools import pairwise

import pytest
from isolation_histories import T, history, judged, kinds

from simkit.checks.isolation import LEVELS, judge_isolation

ABORTED, UNKNOWN = "aborted", "indeterminate"

PLANTED = {
    "G0": ((T("x:1 y:1"), T("x:2 y:2"), T("x?[1 2] y?[2 1]")), (T("x:1 y:1"), T("x:2 y:2"), T("x?[1 2] y?[1 2]"))),
    "G1a": ((T("x:1", ABORTED), T("x?[1]")), (T("x:1"), T("x?[1]"))),
    "G1b": ((T("x:1 x:2"), T("x?[1]")), (T("x:1 x:2"), T("x?[1 2]"))),
    "G1c": ((T("x:1 y?[1]"), T("y:1 x?[1]")), (T("x:1 y?[]"), T("y:1 x?[1]"))),
    "dirty-update": ((T("x:1", ABORTED), T("x:2"), T("x?[1 2]")), (T("x:1", ABORTED), T("x:2"), T("x?[2]"))),
    "fuzzy-read": ((T("x:1"), T("x?[] x?[1]")), (T("x:1"), T("x?[1] x?[1]"))),
    "lost-update": ((T("x?[] x:1"), T("x?[] x:2"), T("x?[1 2]")), (T("x?[] x:1"), T("x?[1] x:2"), T("x?[1 2]"))),
    "G-single": ((T("x:1 y:1"), T("x?[] y?[1]")), (T("x:1 y:1"), T("x?[] y?[]"))),
    "G-nonadjacent": (
        (T("x:1"), T("y:1"), T("x?[1] y?[]"), T("x?[] y?[1]")),
        (T("x:1"), T("y:1"), T("x?[1] y?[]"), T("x?[1] y?[1]")),
    ),
    "write-skew": ((T("x?[] y:1"), T("y?[] x:1")), (T("x?[] y:1"), T("y?[1] x:1"))),
    "G2-item": (
        (T("x?[] y:1"), T("y?[] z:1"), T("z?[] x:1")),
        (T("x?[] y:1"), T("y?[] z:1"), T("z?[1] x:1")),
    ),
    "internal": ((T("x:1 x?[]"),), (T("x:1 x?[1]"),)),
    "garbage-read": ((T("x:1"), T("x?[1 7]")), (T("x:1"), T("x?[1]"))),
    "duplicate-elements": ((T("x:1"), T("x?[1 1]")), (T("x:1"), T("x?[1]"))),
    "incompatible-order": (
        (T("x:1"), T("x:2"), T("x?[1 2]"), T("x?[2 1]")),
        (T("x:1"), T("x:2"), T("x?[1 2]"), T("x?[1]")),
    ),
    "lost-append": ((T("x:1", ended=5), T("x?[]", began=6)), (T("x:1", ended=7), T("x?[]", began=6))),
}

FIRST_FORBIDDEN_BY = {
    "read-uncommitted": {"G0", "internal", "garbage-read", "duplicate-elements", "incompatible-order"},
    "read-committed": {"G1a", "G1b", "G1c", "dirty-update"},
    "parallel-snapshot-isolation": {"fuzzy-read", "lost-update", "G-single"},
    "snapshot-isolation": {"G-nonadjacent"},
    "serializable": {"write-skew", "G2-item"},
    "strict-serializable": {"lost-append"},
}


@pytest.mark.parametrize("kind", PLANTED)
def test_an_anomaly_is_found_by_its_name(kind: str) -> None:
    assert kind in kinds(judged("strict-serializable", *PLANTED[kind][0]))


@pytest.mark.parametrize("kind", PLANTED)
def test_the_nearest_history_without_it_passes(kind: str) -> None:
    assert judged("strict-serializable", *PLANTED[kind][1]).verdict == "pass"


@pytest.mark.parametrize("kind", PLANTED)
def test_it_is_forbidden_from_one_level_on_and_allowed_by_the_weaker_ones(kind: str) -> None:
    names = list(FIRST_FORBIDDEN_BY)
    first = next(place for place, name in enumerate(names) if kind in FIRST_FORBIDDEN_BY[name])
    verdicts = [judged(name, *PLANTED[kind][0]).verdict for name in names]
    assert verdicts == ["pass"] * first + ["fail"] * (len(names) - first)


def test_registers_show_the_same_by_what_was_read_and_then_written() -> None:
    assert kinds(judged("serializable", T("x? x=1"), T("x? x=2"))) == {"lost-update"}
    assert kinds(judged("serializable", T("x=1", ABORTED), T("x?1"))) == {"G1a"}
    assert kinds(judged("serializable", T("x=1 x=2"), T("x?1"))) >= {"G1b"}
    assert kinds(judged("serializable", T("x? y=1"), T("y? x=1"))) == {"write-skew"}
    assert kinds(judged("serializable", T("x=1 y=1"), T("x?1 y?"))) == {"G-single"}
    assert kinds(judged("serializable", T("x=1 y?1"), T("y=1 x?1"))) == {"G1c"}


def test_two_blind_writes_of_a_register_stay_unordered_unless_time_orders_them() -> None:
    apart = (T("x=1", ended=1), T("x=2", began=2, ended=3), T("x?1", began=4, ended=5))
    assert judged("serializable", *apart).verdict == "pass"
    assert kinds(judged("strict-serializable", *apart)) == {"G-single-realtime"}
    together = (T("x=1", ended=3), T("x=2", began=2, ended=3), T("x?1", began=4, ended=5))
    assert judged("strict-serializable", *together).verdict == "pass"


def test_a_client_must_see_its_own_past_only_where_the_level_knows_sessions() -> None:
    stale = (T("x:1", ended=1, process="c"), T("x?[]", began=2, process="c"))
    assert judged("serializable", *stale).verdict == "pass"
    assert judged("strong-session-serializable", *stale).verdict == "fail"
    assert judged("strong-session-snapshot-isolation", *stale).verdict == "fail"
    others = (T("x:1", ended=1, process="c"), T("x?[]", began=2, process="d"))
    assert judged("strong-session-serializable", *others).verdict == "pass"
    assert judged("strong-snapshot-isolation", *others).verdict == "fail"


def test_write_skew_in_real_time_is_still_allowed_by_strong_snapshot_isolation() -> None:
    assert judged("strong-snapshot-isolation", *PLANTED["write-skew"][0]).verdict == "pass"


def test_what_nobody_knows_the_end_of_happened_if_somebody_saw_it() -> None:
    seen = (T("x:1 y:1", UNKNOWN), T("x?[1] y?[]"))
    assert kinds(judged("serializable", *seen)) == {"G-single"}
    unseen = (T("x:1 y:1", UNKNOWN), T("x?[] y?[]", began=2_000))
    assert judged("strict-serializable", *unseen).verdict == "pass"


def test_an_unknown_end_is_never_before_anything_in_real_time() -> None:
    late = (T("x:1", UNKNOWN, ended=1), T("x?[]", began=5, ended=6), T("x?[1]", began=7, ended=8))
    assert judged("strict-serializable", *late).verdict == "pass"


def test_read_uncommitted_does_not_blame_a_transaction_that_may_have_been_rolled_back() -> None:
    maybe = (T("x:1 y:1", UNKNOWN), T("x:2 y:2"), T("x?[1 2] y?[2 1]"))
    assert judged("read-uncommitted", *maybe).verdict == "pass"
    assert judged("read-committed", *maybe).verdict == "fail"


def test_an_element_that_a_longer_read_has_lost_is_named() -> None:
    (found,) = judged("serializable", T("x:1"), T("x:2"), T("x:3"), T("x?[1 2]"), T("x?[1 3 4]"), T("x:4")).forbidden
    assert found.kind == "incompatible-order"
    assert found.text == "T4 read [1 2] from x, T5 [1 3 4]: 2 is lost in the longer one"


def test_the_smallest_cycle_is_told() -> None:
    ring = [T(f"k{n}?[] k{(n + 1) % 6}:1") for n in range(6)]
    found = judged("serializable", *ring).forbidden
    assert [len(each.cycle) for each in found] == [6]
    shortcut = judged("serializable", *ring, T("k0?[1] k3?[]")).forbidden
    assert [[edge.source + 1 for edge in each.cycle] for each in shortcut] == [[1, 6, 7, 3, 2]]
    assert all(each.smallest for each in shortcut)


def test_every_edge_of_a_cycle_leads_to_the_next() -> None:
    for bad, _ in PLANTED.values():
        for found in judged("strict-serializable", *bad).anomalies:
            for edge, following in zip(found.cycle, found.cycle[1:] + found.cycle[:1], strict=True):
                assert edge.target == following.source


def test_each_level_forbids_what_its_weaker_ones_do() -> None:
    for family in (
        ("read-uncommitted", "read-committed", "parallel-snapshot-isolation", "snapshot-isolation", "serializable"),
        ("snapshot-isolation", "strong-session-snapshot-isolation", "strong-snapshot-isolation", "strict-serializable"),
        ("serializable", "strong-session-serializable", "strict-serializable"),
    ):
        for bad, _ in PLANTED.values():
            for weaker, stronger in pairwise(family):
                if judged(weaker, *bad).verdict == "fail":
                    assert judged(stronger, *bad).verdict == "fail"


def test_the_levels_that_a_history_breaks_are_listed() -> None:
    assert judged("serializable", *PLANTED["write-skew"][0]).broken == [
        name for name in LEVELS if name in ("repeatable-read", "serializable") or name.endswith("-serializable")
    ]


def test_an_unknown_level_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="nearest: 'serializable'"):
        judge_isolation([], "serialisable")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((T("x:1"), T("x:1")), "T1 and T2 both write 1 to key 'x'"),
        ((T("x:1"), T("x=2")), "a key is a register or a list"),
        ((T("x:1"), T("x?3")), "read 3 from key 'x', which is a list"),
        ((T("x=1"), T("x?[1]")), "read a list from key 'x', which is a register"),
    ],
)
def test_a_history_that_cannot_be_judged_is_refused_in_words(given: tuple[T, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        judge_isolation(history(*given))


def test_of_half_a_history_values_of_nobody_say_nothing() -> None:
    found = judge_isolation(history(T("x?[1]")), whole=False)
    assert (found.verdict, found.anomalies) == ("unknown", ())
    assert judge_isolation(history(*PLANTED["G1c"][0]), whole=False).verdict == "fail"
