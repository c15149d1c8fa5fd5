"""Each of Raft's checks fails on the history that it is there for, and holds on the nearest one that is right."""

from collections.abc import Iterable

import pytest

from simkit.checks.check import Check
from simkit.node import Event
from simkit_nodes.blocks.raft.checks import (
    SAFETY,
    ElectionSafety,
    LeaderCompleteness,
    LogMatching,
    StateMachineSafety,
    describe,
)
from simkit_nodes.blocks.raft.commits_go_on import CommitsGoOn
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
from simkit_nodes.blocks.raft.vote_kept import VoteKept

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
    (  # what nobody heard of may be forgotten; the same vote may be given twice, and another in another term
        VoteKept,
        [
            ("b", RaftVoted(1, 3, "c")),
            ("b", RaftStarted(1, 2, 0, ((0, 0),))),
            ("b", RaftVoted(1, 3, "a")),
            ("a", RaftBecameLeader(1, 3, ("a", "b"))),
            ("b", RaftStarted(1, 3, 0, ((0, 0),))),
            ("b", RaftVoted(1, 3, "a")),
            ("b", RaftVoted(1, 4, "c")),
            ("b", RaftVoted(2, 3, "c")),
            ("b", RaftCampaigned(1, 3, True)),
        ],
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
    (
        VoteKept,
        [("a", RaftBecameLeader(1, 3, ("a", "b"))), ("b", RaftVoted(1, 3, "c"))],
        "the vote of b made a the leader of term 3, and b votes for c in that term",
    ),
    (
        VoteKept,
        [("a", RaftBecameLeader(1, 3, ("a", "b"))), ("b", RaftCampaigned(1, 3, False))],
        "the vote of b made a the leader of term 3, and b votes for itself in that term",
    ),
    (
        VoteKept,
        [("a", RaftBecameLeader(1, 3, ("a", "b"))), ("b", RaftStarted(1, 2, 0, ((0, 0),)))],
        "the vote of b made a the leader of term 3, and b starts in term 2",
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
    assert all(describe("b", sample) != type(sample).__name__ for sample in samples)


def test_a_story_of_two_leaders_tells_of_their_term_and_of_restarts_since() -> None:
    check = judge(
        ElectionSafety,
        [
            ("b", RaftStarted(1, 0, 0, ((0, 0),))),
            ("a", RaftCampaigned(1, 1, False)),
            ("a", RaftBecameLeader(1, 1, ("a", "b"))),
            ("c", RaftCampaigned(1, 2, False)),
            ("b", RaftVoted(1, 2, "c")),
            ("c", RaftBecameLeader(1, 2, ("b", "c"))),
            ("b", RaftStarted(1, 2, 0, ((0, 0),))),
            ("a", RaftBecameLeader(1, 2, ("a", "b"))),
        ],
    )
    assert [f"{step.host} {step.text}" for step in check.violations[0].story] == [
        "c is a candidate of term 2",
        "b is asked: b votes for c in term 2",
        "c leads term 2, elected by b and c",
        "b starts in term 2 with a log up to 0",
        "a leads term 2, elected by a and b",
        "a a and c both lead term 2",
    ]


def test_commits_go_on_once_something_is_committed_after_the_last_edge_of_a_fault() -> None:
    check = CommitsGoOn()
    see = {kind: check.sights(kind) for kind in (RaftCommitted, RaftCampaigned)}

    def happens(time_ns: int, event: Event) -> None:
        for sight in see[type(event)]:
            sight(time_ns, "a", event)

    assert not check.holds
    happens(1, RaftCommitted(1, 1, 1, 1))
    assert check.holds
    check.fault_began(2, "cut", ("a",))
    assert not check.holds
    happens(3, RaftCommitted(1, 1, 2, 1))
    check.fault_ended(4, "cut", ("a",))
    happens(5, RaftCampaigned(1, 2, False))
    check.conclude(10**9)
    assert not check.holds
    unmet = check.unmet()
    assert unmet is not None
    assert unmet.text == "no entry was committed from 00:00.000 to 00:01.000"
    assert [step.text for step in unmet.story][:-1] == ["is a candidate of term 2"]
    assert check.summary() == "2 commits"


def test_checks_have_names_of_their_own() -> None:
    assert len({check.name for check in (*SAFETY, VoteKept, CommitsGoOn)}) == 6
