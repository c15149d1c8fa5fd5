"""Each of Raft's checks fails on the history that it is there for, and holds on the nearest one that is right."""

from collections.abc import Iterable

import pytest

from simkit.checks.check import Check
from simkit.node import Event
from simkit_nodes.blocks.raft.checks import (
    CHECKS,
    ElectionSafety,
    LeaderCompleteness,
    LogMatching,
    StateMachineSafety,
    describe,
)
from simkit_nodes.blocks.raft.events import (
    EVENTS,
    RaftAppended,
    RaftApplied,
    RaftBecameLeader,
    RaftCampaigned,
    RaftCommitted,
    RaftReconfigured,
    RaftSnapshotInstalled,
    RaftStarted,
    RaftSteppedDown,
    RaftVoted,
)

History = list[tuple[str, Event]]


def judge(kind: type[Check], history: Iterable[tuple[str, Event]]) -> Check:
    check = kind()
    for time_ns, (host, event) in enumerate(history, start=1):
        for see in check.sights(type(event)):
            see(time_ns, host, event)
    check.conclude(10**9)
    return check


def appended(first: int, *entries: tuple[int, int], prev: int = 0, group: int = 1) -> RaftAppended:
    return RaftAppended(group, prev, first, tuple(t for t, _ in entries), tuple(d for _, d in entries))


GOOD: list[tuple[type[Check], History]] = [
    (ElectionSafety, [("a", RaftBecameLeader(1, 1)), ("b", RaftBecameLeader(1, 2)), ("b", RaftBecameLeader(2, 1))]),
    (LogMatching, [("a", appended(1, (1, 7), (1, 8))), ("b", appended(1, (1, 7))), ("b", appended(2, (2, 9), prev=1))]),
    (LogMatching, [("a", appended(1, (1, 7), group=1)), ("a", appended(1, (1, 8), group=2))]),
    (
        LeaderCompleteness,
        [
            ("a", appended(1, (1, 7), (1, 8))),
            ("b", appended(1, (1, 7), (1, 8))),
            ("a", RaftCommitted(1, 1, 2, 1)),
            ("b", RaftBecameLeader(1, 2)),
        ],
    ),
    (  # what is committed in a later term need not have been known to the leader of an earlier one
        LeaderCompleteness,
        [("a", RaftBecameLeader(1, 1)), ("b", appended(1, (2, 7))), ("b", RaftCommitted(1, 2, 1, 2))],
    ),
    (  # a snapshot contains what is discarded
        LeaderCompleteness,
        [
            ("a", appended(1, (1, 7), (1, 8))),
            ("a", RaftCommitted(1, 1, 1, 1)),
            ("b", RaftSnapshotInstalled(1, 2, 1)),
            ("b", RaftBecameLeader(1, 2)),
        ],
    ),
    (
        StateMachineSafety,
        [("a", RaftApplied(1, 1, (7, 8))), ("b", RaftApplied(1, 1, (7,))), ("b", RaftApplied(1, 2, (8,)))],
    ),
]

BAD: list[tuple[type[Check], History, str]] = [
    (ElectionSafety, [("a", RaftBecameLeader(1, 1)), ("b", RaftBecameLeader(1, 1))], "b and a both lead term 1"),
    (ElectionSafety, [("a", RaftBecameLeader(1, 1)), ("a", RaftBecameLeader(1, 1))], "a and a both lead term 1"),
    (
        LogMatching,
        [("a", appended(1, (1, 7))), ("b", appended(1, (1, 8)))],
        "entry 1 of term 1 has another content on b than on a",
    ),
    (
        LogMatching,
        [("a", appended(2, (2, 7), prev=1)), ("b", appended(2, (2, 7), prev=0))],
        "entry 2 of term 2 has another entry before it on b than on a",
    ),
    (
        LeaderCompleteness,
        [
            ("a", appended(1, (1, 7), (1, 8))),
            ("b", appended(1, (1, 7))),
            ("a", RaftCommitted(1, 1, 2, 1)),
            ("b", RaftBecameLeader(1, 2)),
        ],
        "b leads term 2 without entry 2 of term 1, which a committed in term 1",
    ),
    (  # the old leader hears later that it had committed
        LeaderCompleteness,
        [
            ("a", appended(1, (1, 7))),
            ("b", RaftBecameLeader(1, 2)),
            ("a", RaftCommitted(1, 1, 1, 1)),
        ],
        "b leads term 2 without entry 1 of term 1, which a committed in term 1",
    ),
    (  # a disk that forgot
        LeaderCompleteness,
        [
            ("a", appended(1, (1, 7))),
            ("b", appended(1, (1, 7))),
            ("a", RaftCommitted(1, 1, 1, 1)),
            ("b", RaftStarted(1, 1, 0, ((0, 0),))),
            ("b", RaftBecameLeader(1, 2)),
        ],
        "b leads term 2 without entry 1 of term 1, which a committed in term 1",
    ),
    (  # overwritten by another leader's entry at its place
        LeaderCompleteness,
        [
            ("a", appended(1, (1, 7), (1, 8))),
            ("b", appended(1, (1, 7), (1, 8))),
            ("b", appended(2, (3, 9), prev=1)),
            ("a", RaftCommitted(1, 1, 2, 1)),
            ("b", RaftBecameLeader(1, 4)),
        ],
        "b leads term 4 without entry 2 of term 1, which a committed in term 1",
    ),
    (
        StateMachineSafety,
        [("a", RaftApplied(1, 1, (7, 8))), ("b", RaftApplied(1, 1, (7, 9)))],
        "b applies another entry 2 than a",
    ),
]


@pytest.mark.parametrize(("kind", "history"), GOOD)
def test_a_right_history_passes(kind: type[Check], history: History) -> None:
    check = judge(kind, history)
    assert check.violations == []
    assert ", 0 " in check.summary()


@pytest.mark.parametrize(("kind", "history", "text"), BAD)
def test_a_wrong_history_fails_and_its_story_ends_with_what_broke(
    kind: type[Check], history: History, text: str
) -> None:
    check = judge(kind, history)
    assert [violation.text for violation in check.violations] == [text]
    story = check.violations[0].story
    assert len(story) >= 2
    assert story[-1].text == text
    assert list(story) == sorted(story, key=lambda step: step.time_ns)


def test_every_event_has_its_words() -> None:
    samples: list[Event] = [
        RaftStarted(1, 1, 2, ((0, 0),)),
        RaftCampaigned(1, 1, True),
        RaftCampaigned(1, 1, False),
        RaftVoted(1, 1, "a"),
        RaftBecameLeader(1, 1),
        RaftSteppedDown(1, 1, "no majority answers"),
        appended(1, (1, 7)),
        RaftCommitted(1, 1, 1, 1),
        RaftApplied(1, 1, (7,)),
        RaftSnapshotInstalled(1, 1, 1),
        RaftReconfigured(1, 1, ("a",), ("b",), ()),
    ]
    assert {type(sample) for sample in samples} == set(EVENTS)
    assert all(describe(sample) != type(sample).__name__ for sample in samples)


def test_checks_have_names_of_their_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS) == 4
