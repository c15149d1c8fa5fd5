"""The rules of the paper's figure 2, one by one, on small clusters; and how much travels at once."""

from dataclasses import replace

import pytest
from raft_cluster import MS, OPTIONS, Cluster, a_led_cluster, receive

from simkit_nodes.blocks.raft import (
    AppendEntries,
    AppendEntriesReply,
    Busy,
    Configuration,
    Entry,
    Log,
    NotLeader,
    Options,
    PreVote,
    RequestVote,
    RequestVoteReply,
    Role,
    Snapshot,
    TimeoutNow,
)
from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftCommitted, RaftVoted

PLAIN = replace(OPTIONS, pre_vote=False, check_quorum=False, leases=False)


def append(term: int, prev: tuple[int, int], *entries: Entry, commit: int = 0) -> AppendEntries:
    return AppendEntries(term, "b", "a", *prev, entries, commit, 1)


class TestAppendEntries:
    def test_1_replies_false_to_an_old_term_and_tells_its_own(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        receive(cluster, append(3, (0, 0)))
        reply = receive(cluster, append(2, (0, 0)))
        assert (reply.success, reply.term) == (False, 3)

    def test_2_replies_false_if_the_log_has_no_such_entry_and_says_where_to_look(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        receive(cluster, append(2, (0, 0), Entry(1, 1), Entry(2, 2), Entry(3, 2)))
        reply = receive(cluster, append(3, (5, 3)))
        assert (reply.success, reply.conflict_term, reply.conflict_index) == (False, 0, 4)
        reply = receive(cluster, append(3, (3, 3)))
        assert (reply.success, reply.conflict_term, reply.conflict_index) == (False, 2, 2)

    def test_3_and_4_a_conflicting_entry_gives_way_with_all_that_follow(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        receive(cluster, append(1, (0, 0), Entry(1, 1), Entry(2, 1), Entry(3, 1)))
        reply = receive(cluster, append(2, (1, 1), Entry(2, 2)))
        assert (reply.success, reply.match_index) == (True, 2)
        assert cluster["a"].raft.log.runs() == ((0, 0), (1, 1), (2, 2))
        assert [entry.term for entry in cluster["a"].disk.entries] == [1, 2]

    def test_what_matches_is_not_removed_by_an_overtaken_message(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        receive(cluster, append(1, (0, 0), Entry(1, 1), Entry(2, 1), Entry(3, 1)))
        reply = receive(cluster, append(1, (0, 0), Entry(1, 1)))
        assert (reply.success, reply.match_index) == (True, 1)
        assert cluster["a"].raft.log.last_index == 3

    def test_5_the_commit_index_follows_up_to_what_is_known_to_match(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        receive(cluster, append(1, (0, 0), Entry(1, 1), Entry(2, 1), commit=9))
        assert cluster["a"].raft.commit_index == 2
        receive(cluster, append(1, (0, 0), Entry(1, 1), commit=0))
        assert cluster["a"].raft.commit_index == 2

    def test_nothing_is_answered_before_it_is_durable(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        cluster["a"].raft.step(append(1, (0, 0), Entry(1, 1)))
        cluster["a"].pump()
        assert cluster.bag == []
        cluster["a"].sync()
        assert [type(message) for message in cluster.bag] == [AppendEntriesReply]


class TestVotes:
    @pytest.mark.parametrize(
        ("index", "term", "granted"), [(2, 2, True), (9, 1, False), (1, 2, False), (1, 3, True), (3, 2, True)]
    )
    def test_only_for_a_log_at_least_as_up_to_date(self, index: int, term: int, granted: bool) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        receive(cluster, append(2, (0, 0), Entry(1, 1), Entry(2, 2)))
        reply = receive(cluster, RequestVote(4, "b", "a", index, term))
        assert reply.vote_granted is granted

    def test_once_a_term_and_again_for_the_same_candidate(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        asked = [RequestVote(1, "b", "a", 0, 0), RequestVote(1, "c", "a", 0, 0), RequestVote(1, "b", "a", 0, 0)]
        assert [receive(cluster, message).vote_granted for message in asked] == [True, False, True]
        cluster.crash("a")
        cluster.start("a")
        assert [receive(cluster, message).vote_granted for message in asked] == [True, False, True]

    def test_none_for_an_old_term(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        receive(cluster, append(3, (0, 0)))
        reply = receive(cluster, RequestVote(2, "b", "a", 9, 9))
        assert (reply.vote_granted, reply.term) == (False, 3)

    def test_a_candidate_counts_its_own_vote_when_it_is_durable(self) -> None:
        cluster = Cluster("a", options=PLAIN)
        cluster.timeout("a")
        assert cluster["a"].raft.role is Role.CANDIDATE
        cluster["a"].sync()
        assert cluster["a"].raft.role is Role.LEADER

    def test_a_candidate_follows_a_leader_of_its_term_and_steps_down_for_a_later_one(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        cluster.timeout("a")
        receive(cluster, append(1, (0, 0)))
        assert (cluster["a"].raft.role, cluster["a"].raft.leader) == (Role.FOLLOWER, "b")
        cluster.timeout("a")
        receive(cluster, RequestVoteReply(7, "b", "a", False))
        assert (cluster["a"].raft.role, cluster["a"].raft.current_term) == (Role.FOLLOWER, 7)

    def test_a_candidate_whom_a_majority_refuses_is_a_follower_again(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        cluster.timeout("a")
        cluster.sync_all()
        for voter in ("b", "c"):
            receive(cluster, RequestVoteReply(1, voter, "a", False))
        assert cluster["a"].raft.role is Role.FOLLOWER

    def test_an_election_times_out_and_another_term_begins(self) -> None:
        cluster = Cluster("a", "b", "c", options=PLAIN)
        cluster.loses = (RequestVote,)
        cluster.run(2000)
        assert all(server.raft.current_term >= 6 for server in cluster.servers.values())

    def test_a_candidate_asks_again_if_told_to_and_who_has_voted_for_it_does_so_once_more(self) -> None:
        cluster = Cluster("a", "b", "c", options=replace(PLAIN, ask_again_ns=20 * MS))
        cluster.crash("c")
        cluster.timeout("a")
        cluster.loses = (RequestVoteReply,)
        cluster.deliver_all()
        cluster.loses = ()
        cluster.elapse(19)
        assert cluster.bag == []
        cluster.elapse(1)
        assert [(type(message), message.target) for message in cluster.bag] == [(RequestVote, "b"), (RequestVote, "c")]
        cluster.deliver_all()
        assert (cluster["a"].raft.role, cluster["a"].raft.current_term) == (Role.LEADER, 1)
        assert sum(isinstance(event, RaftVoted) for _, _, event in cluster.events) == 1
        assert cluster["a"].raft.wake_ns == cluster["a"].raft.replication.deadline_ns


class TestPreVote:
    def test_changes_nothing_at_whom_it_asks(self) -> None:
        cluster = Cluster("a", "b", "c")
        cluster.now_ns += 500 * MS
        reply = receive(cluster, PreVote(9, "b", "a", 0, 0))
        assert (reply.vote_granted, reply.term) == (True, 9)
        assert (cluster["a"].raft.current_term, cluster["a"].raft.voted_for) == (0, "")

    def test_is_refused_by_who_hears_a_leader_and_by_a_longer_log(self) -> None:
        cluster = a_led_cluster()
        assert not receive(cluster, PreVote(9, "c", "b", 9, 9)).vote_granted
        cluster.now_ns += 500 * MS
        assert receive(cluster, PreVote(9, "c", "b", 9, 9)).vote_granted
        assert not receive(cluster, PreVote(9, "c", "b", 0, 0)).vote_granted

    def test_a_server_that_hears_a_leader_ignores_a_candidate(self) -> None:
        cluster = a_led_cluster()
        assert receive(cluster, RequestVote(9, "c", "b", 9, 9)) is None
        assert cluster["b"].raft.current_term == 1


class TestLeader:
    def test_begins_with_an_entry_of_its_term_and_commits_what_came_before_with_it(self) -> None:
        cluster = a_led_cluster(PLAIN)
        cluster.propose("x")
        cluster.between("a", "b")
        cluster.crash("a")
        cluster.elect("b")
        assert [(e.term, e.kind) for e in cluster["b"].raft.log.between(1, 3)] == [
            (1, "begin"),
            (1, "command"),
            (2, "begin"),
        ]
        cluster.run(100)
        assert cluster["b"].state == cluster["c"].state == ["x"]

    def test_commits_what_a_majority_has_on_its_disks(self) -> None:
        cluster = a_led_cluster()
        cluster.propose("x")
        for message in [m for m in cluster.bag if m.target == "b"]:
            cluster.bag = [message]
            cluster.deliver()
        assert cluster["a"].raft.commit_index == 1
        cluster["b"].sync()
        cluster.deliver()
        assert cluster["a"].raft.commit_index == 1  # its own disk is not there yet
        cluster["a"].sync()
        assert cluster["a"].raft.commit_index == 2

    def test_may_commit_before_its_own_disk_is_there(self) -> None:
        cluster = a_led_cluster()
        cluster.propose("x")
        for _ in range(2):
            cluster.deliver()
        for follower in ("b", "c"):
            cluster[follower].sync()
        for _ in range(2):
            cluster.deliver()
        assert cluster["a"].raft.commit_index == 2
        assert cluster["a"].state == []  # and applies it when it is

    def test_without_a_majority_steps_down(self) -> None:
        cluster = a_led_cluster()
        cluster.part("a")
        cluster.run(400)
        assert cluster["a"].raft.role is not Role.LEADER

    def test_without_check_quorum_believes_for_ever(self) -> None:
        cluster = a_led_cluster(PLAIN)
        cluster.part("a")
        cluster.run(2000)
        assert cluster["a"].raft.role is Role.LEADER

    def test_refuses_what_followers_should_not_be_asked(self) -> None:
        cluster = a_led_cluster()
        with pytest.raises(NotLeader) as refused:
            cluster["b"].raft.propose(b"x")
        assert refused.value.leader == "a"

    def test_is_busy_when_too_much_is_uncommitted(self) -> None:
        cluster = a_led_cluster(replace(OPTIONS, proposals_bytes_max=10))
        cluster.part("a")
        cluster["a"].raft.propose(b"x" * 10)
        with pytest.raises(Busy, match="10 bytes"):
            cluster["a"].raft.propose(b"x")
        cluster.heal()
        cluster.run(200)
        cluster["a"].raft.propose(b"x")

    def test_repairs_a_follower_that_has_other_entries_in_a_few_steps(self) -> None:
        cluster = a_led_cluster(PLAIN)
        for number in range(20):
            cluster.propose(f"lost{number}")
        cluster.drop_all()
        cluster.crash("a")
        cluster["a"].disk.entries += [Entry(index, 1, b"lost") for index in range(2, 22)]
        cluster.elect("b")
        cluster.drop_all()
        cluster.start("a")
        cluster.run(60)
        before = len(cluster.events)
        cluster.run(100)
        assert cluster["a"].raft.log.runs() == cluster["b"].raft.log.runs()
        assert len(cluster.events) - before < 10


class TestFlow:
    def test_everything_proposed_between_two_readys_travels_together(self) -> None:
        cluster = a_led_cluster()
        for number in range(3):
            cluster["a"].raft.propose(b"%d" % number)
        cluster["a"].pump()
        assert [len(message.entries) for message in cluster.bag] == [3, 3]

    def test_a_message_carries_so_many_entries_and_so_many_are_on_their_way(self) -> None:
        cluster = a_led_cluster(replace(OPTIONS, entries_max=2, inflight_max=3))
        for number in range(20):
            cluster["a"].raft.propose(b"%d" % number)
        cluster["a"].pump()
        to_b = [message for message in cluster.bag if message.target == "b"]
        assert [len(message.entries) for message in to_b] == [2, 2, 2]
        cluster.deliver_all()
        assert cluster["b"].raft.log.last_index == 21

    def test_a_large_entry_goes_alone(self) -> None:
        cluster = a_led_cluster(replace(OPTIONS, entries_bytes_max=10))
        for size in (4, 4, 100, 4):
            cluster["a"].raft.propose(b"x" * size)
        cluster["a"].pump()
        assert [len(message.entries) for message in cluster.bag if message.target == "b"] == [2, 1, 1]

    def test_a_follower_that_lost_its_disk_is_filled_again(self) -> None:
        cluster = a_led_cluster()
        for number in range(5):
            cluster.propose(str(number))
        cluster.deliver_all()
        cluster.crash("b")
        cluster["b"].disk.entries = []
        cluster.start("b")
        cluster.run(300)
        assert cluster["b"].state == list("01234")


def test_a_message_for_somebody_else_is_a_drivers_mistake() -> None:
    cluster = a_led_cluster()
    with pytest.raises(ValueError, match="a message for b reached a"):
        cluster["a"].raft.step(TimeoutNow(1, "c", "b"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"election_timeout_min_ns": 0},
        {"election_timeout_max_ns": 1},
        {"heartbeat_ns": 10**12},
        {"entries_max": 0},
        {"clock_drift_max_ppm": 10**6},
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="raft needs"):
        Options(**wrong)


def test_a_log_with_a_gap_is_refused() -> None:
    with pytest.raises(ValueError, match="entry 3 does not follow 1"):
        Log(Snapshot(0, 0, Configuration(("a",))), [Entry(1, 1), Entry(3, 1)])


def test_events_tell_of_leaders_and_commits() -> None:
    cluster = a_led_cluster()
    cluster.propose("x")
    cluster.deliver_all()
    told = [event for _, host, event in cluster.events if host == "a"]
    assert [event.term for event in told if isinstance(event, RaftBecameLeader)] == [1]
    assert [event.index for event in told if isinstance(event, RaftCommitted)] == [1, 2]
