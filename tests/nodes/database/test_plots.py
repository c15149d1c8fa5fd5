"""The database's own figures, from histories written by hand."""

from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftStarted, RaftSteppedDown, RaftVoted
from simkit_nodes.database.plots import Leaders

S = 1_000_000_000


def shown(*history: tuple[int, str, object]) -> Leaders:
    plot = Leaders()
    for second, host, event in history:
        for see in plot.sights(type(event)):  # type: ignore[arg-type]
            see(second * S, host, event)
    return plot


def started(group: int = 1) -> RaftStarted:
    return RaftStarted(group, 0, 0, ((0, 0),))


def test_a_second_leader_of_a_term_and_a_second_vote_are_alarms() -> None:
    picture = shown(
        *((0, name, started()) for name in ("b", "a", "c")),
        (1, "a", RaftVoted(1, 1, "b")),
        (2, "b", RaftBecameLeader(1, 1)),
        (3, "a", RaftVoted(1, 1, "c")),
        (4, "c", RaftBecameLeader(1, 1)),
        (5, "b", RaftSteppedDown(1, 1, "")),
        (6, "c", started()),
    ).picture(10 * S)
    assert picture is not None
    assert [lane.label for lane in picture.lanes] == ["a", "b", "c"]
    a, b, c = (lane.spans for lane in picture.lanes)
    assert [span.dots for span in a] == [((S, "first"),), ((3 * S, "alarm"),)]
    assert [span.parts for span in b] == [((2 * S, 5 * S, "first"),)]
    assert [span.parts for span in c] == [((4 * S, 6 * S, "alarm"),)]
    assert [span.text for span in (*b, *c)] == ["1", "1"]


def test_hosts_with_many_groups_are_not_drawn() -> None:
    lead = (1, "a", RaftBecameLeader(1, 1))
    assert shown((0, "a", started()), lead).picture(S) is not None
    assert shown((0, "a", started()), (0, "a", started(2)), lead).picture(S) is None
    assert shown().picture(S) is None
