"""The rules of the paper's figure 2 and of the thesis, one by one, on small clusters."""

from dataclasses import replace

import pytest
from raft_cluster import MS, OPTIONS, Cluster

from simkit_nodes.blocks.raft import (
    AppendEntries,
    AppendEntriesReply,
    Busy,
    ChangeRefused,
    Configuration,
    Entry,
    InstallSnapshot,
    Log,
    NotLeader,
    Options,
    PreVote,
    ReadIndex,
    RequestVote,
    RequestVoteReply,
    Role,
    Snapshot,
    TimeoutNow,
)
from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftCommitted, RaftSnapshotInstalled

PLAIN = replace(OPTIONS, pre_vote=False, check_quorum=False, leases=False)


def three(options: Options = OPTIONS, **more) -> Cluster:
    cluster = Cluster("a", "b", "c", options=options, **more)
    cluster.elect("a")
    return cluster


def receive(cluster: Cluster, message):
    """Let a server take one message; return what it answers."""
    server = cluster[message.target]
    cluster.drop_all()
    server.raft.step(message)
    server.pump()
    cluster.sync_all()
    return cluster.bag[-1] if cluster.bag else None


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


class TestPreVote:
    def test_changes_nothing_at_whom_it_asks(self) -> None:
        cluster = Cluster("a", "b", "c")
        cluster.now_ns += 500 * MS
        reply = receive(cluster, PreVote(9, "b", "a", 0, 0))
        assert (reply.vote_granted, reply.term) == (True, 9)
        assert (cluster["a"].raft.current_term, cluster["a"].raft.voted_for) == (0, "")

    def test_is_refused_by_who_hears_a_leader_and_by_a_longer_log(self) -> None:
        cluster = three()
        assert not receive(cluster, PreVote(9, "c", "b", 9, 9)).vote_granted
        cluster.now_ns += 500 * MS
        assert receive(cluster, PreVote(9, "c", "b", 9, 9)).vote_granted
        assert not receive(cluster, PreVote(9, "c", "b", 0, 0)).vote_granted

    def test_a_server_that_hears_a_leader_ignores_a_candidate(self) -> None:
        cluster = three()
        assert receive(cluster, RequestVote(9, "c", "b", 9, 9)) is None
        assert cluster["b"].raft.current_term == 1


class TestLeader:
    def test_begins_with_an_entry_of_its_term_and_commits_what_came_before_with_it(self) -> None:
        cluster = three(PLAIN)
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
        cluster = three()
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
        cluster = three()
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
        cluster = three()
        cluster.part("a")
        cluster.run(400)
        assert cluster["a"].raft.role is not Role.LEADER

    def test_without_check_quorum_believes_for_ever(self) -> None:
        cluster = three(PLAIN)
        cluster.part("a")
        cluster.run(2000)
        assert cluster["a"].raft.role is Role.LEADER

    def test_refuses_what_followers_should_not_be_asked(self) -> None:
        cluster = three()
        with pytest.raises(NotLeader) as refused:
            cluster["b"].raft.propose(b"x")
        assert refused.value.leader == "a"

    def test_is_busy_when_too_much_is_uncommitted(self) -> None:
        cluster = three(replace(OPTIONS, proposals_bytes_max=10))
        cluster.part("a")
        cluster["a"].raft.propose(b"x" * 10)
        with pytest.raises(Busy, match="10 bytes"):
            cluster["a"].raft.propose(b"x")
        cluster.heal()
        cluster.run(200)
        cluster["a"].raft.propose(b"x")

    def test_repairs_a_follower_that_has_other_entries_in_a_few_steps(self) -> None:
        cluster = three(PLAIN)
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
        cluster = three()
        for number in range(3):
            cluster["a"].raft.propose(b"%d" % number)
        cluster["a"].pump()
        assert [len(message.entries) for message in cluster.bag] == [3, 3]

    def test_a_message_carries_so_many_entries_and_so_many_are_on_their_way(self) -> None:
        cluster = three(replace(OPTIONS, entries_max=2, inflight_max=3))
        for number in range(20):
            cluster["a"].raft.propose(b"%d" % number)
        cluster["a"].pump()
        to_b = [message for message in cluster.bag if message.target == "b"]
        assert [len(message.entries) for message in to_b] == [2, 2, 2]
        cluster.deliver_all()
        assert cluster["b"].raft.log.last_index == 21

    def test_a_large_entry_goes_alone(self) -> None:
        cluster = three(replace(OPTIONS, entries_bytes_max=10))
        for size in (4, 4, 100, 4):
            cluster["a"].raft.propose(b"x" * size)
        cluster["a"].pump()
        assert [len(message.entries) for message in cluster.bag if message.target == "b"] == [2, 1, 1]

    def test_a_follower_that_lost_its_disk_is_filled_again(self) -> None:
        cluster = three()
        for number in range(5):
            cluster.propose(str(number))
        cluster.deliver_all()
        cluster.crash("b")
        cluster["b"].disk.entries = []
        cluster.start("b")
        cluster.run(300)
        assert cluster["b"].state == list("01234")


class TestReads:
    def test_under_a_lease_at_once(self) -> None:
        cluster = three()
        cluster["a"].raft.read_index(7)
        cluster["a"].pump()
        assert cluster["a"].reads == {7: 1}

    def test_without_one_after_a_majority_has_answered(self) -> None:
        cluster = three(replace(OPTIONS, leases=False))
        cluster["a"].raft.read_index(7)
        cluster["a"].pump()
        assert cluster["a"].reads == {}
        cluster.deliver_all()
        assert cluster["a"].reads == {7: 1}

    def test_not_at_a_leader_that_nobody_follows_any_more(self) -> None:
        cluster = three(replace(OPTIONS, leases=False))
        cluster.part("a")
        cluster["a"].raft.read_index(7)
        cluster.run(100)
        assert cluster["a"].reads == {}
        cluster.run(400)
        assert cluster["a"].reads == {7: None}

    def test_wait_until_a_new_leader_knows_what_is_committed(self) -> None:
        cluster = Cluster("a", "b", "c")
        cluster.now_ns += 300 * MS
        cluster.win("a", "b")
        cluster["a"].raft.read_index(7)
        cluster.tick_all()
        assert cluster["a"].reads == {}
        cluster.run(100)
        assert cluster["a"].reads == {7: 1}

    def test_at_a_follower_ask_the_leader(self) -> None:
        cluster = three()
        cluster["b"].raft.read_index(7)
        cluster["b"].pump()
        assert [type(message) for message in cluster.bag] == [ReadIndex]
        cluster.deliver_all()
        assert cluster["b"].reads == {7: 1}

    def test_an_old_round_confirms_no_later_read(self) -> None:
        cluster = three(replace(OPTIONS, leases=False))
        cluster["a"].raft.heartbeat()
        cluster["a"].pump()
        cluster.bag = [m for m in cluster.bag if isinstance(m, AppendEntries)]
        for _ in range(2):
            cluster.deliver()
        answers = list(cluster.bag)
        cluster["a"].raft.read_index(7)
        cluster["a"].pump()
        cluster.bag = answers
        for _ in range(len(answers)):
            cluster.deliver()
        assert cluster["a"].reads == {}

    def test_a_group_of_one_answers_by_itself(self) -> None:
        cluster = Cluster("a")
        cluster.elect("a")
        cluster["a"].raft.read_index(7)
        cluster["a"].pump()
        assert cluster["a"].reads == {7: 1}


class TestTransfer:
    def test_takes_one_round_and_ignores_that_others_hear_a_leader(self) -> None:
        cluster = three()
        cluster.run(100)
        cluster["a"].raft.transfer_leadership("b")
        cluster["a"].pump()
        cluster.deliver_all()
        assert cluster["b"].raft.role is Role.LEADER

    def test_waits_for_the_log_and_refuses_proposals_meanwhile(self) -> None:
        cluster = three()
        cluster.propose("x")
        cluster.drop_all()
        cluster["a"].raft.transfer_leadership("b")
        with pytest.raises(Busy):
            cluster["a"].raft.propose(b"y")
        assert not any(isinstance(message, TimeoutNow) for message in cluster.bag)
        cluster.run(100)
        assert cluster["b"].raft.role is Role.LEADER
        assert cluster["b"].raft.log.last_index == 3

    def test_is_given_up_after_an_election_timeout(self) -> None:
        cluster = three()
        cluster.part("b")
        cluster["a"].raft.transfer_leadership("b")
        cluster.run(200)
        cluster["a"].raft.propose(b"y")

    def test_only_to_another_voter(self) -> None:
        cluster = three()
        for name in ("a", "z"):
            with pytest.raises(ChangeRefused):
                cluster["a"].raft.transfer_leadership(name)


class TestMembership:
    def test_goes_through_both_configurations(self) -> None:
        cluster = three(spare=("d",))
        cluster["a"].raft.propose_membership(("a", "b", "d"))
        cluster["a"].pump()
        assert cluster["a"].raft.log.configuration == Configuration(("a", "b", "d"), ("a", "b", "c"))
        cluster.run(200)
        assert cluster["d"].raft.log.configuration == Configuration(("a", "b", "d"))

    def test_needs_majorities_of_both(self) -> None:
        cluster = three(spare=("d", "e"))
        cluster["a"].raft.propose_membership(("a", "d", "e"))
        cluster.part("d", "e")
        cluster.run(100)
        assert cluster["a"].raft.log.configuration.joint
        assert cluster["a"].raft.commit_index == 1
        cluster.heal()
        cluster.run(300)
        assert not cluster["a"].raft.log.configuration.joint

    def test_a_leader_that_is_not_in_the_new_one_steps_down_when_it_is_committed(self) -> None:
        cluster = three(spare=("d",))
        cluster["a"].raft.propose_membership(("b", "c", "d"))
        cluster.run(1500)
        assert cluster["a"].raft.role is not Role.LEADER
        leader = cluster.leader()
        assert leader is not None
        assert leader.name != "a"

    def test_learners_get_the_log_and_count_for_nothing(self) -> None:
        cluster = three(spare=("d",))
        cluster["a"].raft.propose_membership(("a", "b", "c"), ("d",))
        cluster.run(200)
        cluster.propose("x")
        cluster.run(100)
        assert cluster["d"].state == ["x"]
        cluster.crash("b", "c")
        cluster.propose("y")
        cluster.run(100)
        assert "y" not in cluster["a"].state
        assert cluster["d"].raft.wake_ns is None

    def test_a_configuration_that_a_later_leader_replaces_is_forgotten(self) -> None:
        cluster = three(PLAIN, spare=("d",))
        cluster["a"].raft.propose_membership(("a", "b", "d"))
        cluster["a"].pump()
        cluster.sync_all()
        cluster.drop_all()
        cluster.crash("a")
        cluster.elect("b")
        cluster.drop_all()
        cluster.start("a")
        assert cluster["a"].raft.log.configuration.joint
        cluster.run(200)
        assert cluster["a"].raft.log.configuration == Configuration(("a", "b", "c"))

    def test_a_second_change_and_nonsense_are_refused(self) -> None:
        cluster = three()
        for voters, text in (((), "needs a voter"), (("a", "a"), "named twice")):
            with pytest.raises(ChangeRefused, match=text):
                cluster["a"].raft.propose_membership(voters)
        cluster["a"].raft.propose_membership(("a", "b"))
        with pytest.raises(ChangeRefused, match="under way"):
            cluster["a"].raft.propose_membership(("a", "c"))

    def test_a_group_shrinks_to_one_and_grows_again(self) -> None:
        cluster = three()
        for voters in (("a", "b"), ("a",), ("a", "c"), ("a", "b", "c")):
            cluster["a"].raft.propose_membership(voters)
            cluster.run(300)
            assert cluster["a"].raft.log.configuration == Configuration(voters)
            assert cluster.propose("x", "a")
            cluster.run(100)
            assert cluster["a"].raft.commit_index == cluster["a"].raft.log.last_index


class TestSnapshots:
    def test_a_follower_behind_the_log_gets_one_and_goes_on(self) -> None:
        cluster = three()
        cluster.crash("c")
        for number in range(9):
            cluster.propose(str(number))
            cluster.run(20)
        cluster["a"].compact()
        cluster.start("c")
        cluster.run(200)
        cluster.propose("x")
        cluster.run(100)
        assert cluster["c"].state == [*"012345678", "x"]
        assert any(isinstance(event, RaftSnapshotInstalled) for _, host, event in cluster.events if host == "c")
        cluster.crash("c")
        cluster.start("c")
        cluster.run(100)
        assert cluster["c"].state == [*"012345678", "x"]

    def test_one_that_is_lost_is_sent_again(self) -> None:
        cluster = three()
        cluster.crash("c")
        for number in range(3):
            cluster.propose(str(number))
        cluster.run(100)
        cluster["a"].compact()
        cluster.start("c")
        cluster.loses = (InstallSnapshot,)
        cluster.run(300)
        assert cluster["c"].state == []
        cluster.loses = ()
        cluster.run(600)
        assert cluster["c"].state == list("012")

    def test_an_old_one_changes_nothing(self) -> None:
        cluster = three()
        cluster.propose("x")
        cluster.run(100)
        old = Snapshot(1, 1, Configuration(("a", "b", "c")), b"[]")
        reply = receive(cluster, InstallSnapshot(1, "a", "b", old, 1))
        assert (reply.success, reply.match_index) == (True, 2)
        assert cluster["b"].state == ["x"]

    def test_nothing_is_discarded_that_is_not_applied(self) -> None:
        cluster = three()
        cluster.part("a")
        cluster.propose("x", "a")
        cluster.sync_all()
        with pytest.raises(ValueError, match="entry 2 is not applied"):
            cluster["a"].raft.compact(2)


class TestQuiescence:
    def test_a_settled_group_is_silent_until_somebody_wants_something(self) -> None:
        cluster = three()
        cluster.propose("w")
        assert not cluster["a"].raft.quiesce()
        cluster.run(100)
        assert cluster["a"].raft.quiesce()
        cluster.deliver_all()
        cluster.run(100)
        assert [server.raft.wake_ns for server in cluster.servers.values()] == [None] * 3
        cluster.run(5000, step_ms=50)
        assert cluster["a"].raft.current_term == 1
        assert cluster.propose("x")
        cluster.run(100)
        assert cluster["c"].state == ["w", "x"]

    def test_silence_begins_when_everybody_knows_of_it(self) -> None:
        cluster = three()
        cluster.run(100)
        cluster["a"].raft.quiesce()
        cluster["a"].pump()
        cluster.bag = [m for m in cluster.bag if m.target != "c"]
        cluster.deliver_all()
        assert cluster["a"].raft.wake_ns is not None
        cluster.run(100)
        assert cluster["c"].raft.wake_ns is None

    def test_a_lease_does_not_outlive_the_silence(self) -> None:
        cluster = three()
        cluster.run(100)
        cluster["a"].raft.quiesce()
        cluster.run(1000, step_ms=50)
        cluster["a"].raft.wake()
        assert cluster["a"].raft.reads.lease_index() is None


def test_a_message_for_somebody_else_is_a_drivers_mistake() -> None:
    cluster = three()
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
    cluster = three()
    cluster.propose("x")
    cluster.deliver_all()
    told = [event for _, host, event in cluster.events if host == "a"]
    assert [event.term for event in told if isinstance(event, RaftBecameLeader)] == [1]
    assert [event.index for event in told if isinstance(event, RaftCommitted)] == [1, 2]
