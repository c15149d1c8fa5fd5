"""What the thesis adds to the paper's figure 2, one by one: reads, transfer of leadership, membership, snapshots; and
groups that fall silent."""

from dataclasses import replace

import pytest
from raft_cluster import MS, OPTIONS, Cluster, a_led_cluster, receive

from simkit_nodes.blocks.raft import (
    AppendEntries,
    Busy,
    ChangeRefused,
    Configuration,
    InstallSnapshot,
    ReadIndex,
    Role,
    Snapshot,
    TimeoutNow,
)
from simkit_nodes.blocks.raft.events import RaftSnapshotInstalled

PLAIN = replace(OPTIONS, pre_vote=False, check_quorum=False, leases=False)


class TestReads:
    def test_under_a_lease_at_once(self) -> None:
        cluster = a_led_cluster()
        cluster["a"].raft.read_index(7)
        cluster["a"].pump()
        assert cluster["a"].reads == {7: 1}

    def test_without_one_after_a_majority_has_answered(self) -> None:
        cluster = a_led_cluster(replace(OPTIONS, leases=False))
        cluster["a"].raft.read_index(7)
        cluster["a"].pump()
        assert cluster["a"].reads == {}
        cluster.deliver_all()
        assert cluster["a"].reads == {7: 1}

    def test_not_at_a_leader_that_nobody_follows_any_more(self) -> None:
        cluster = a_led_cluster(replace(OPTIONS, leases=False))
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
        cluster = a_led_cluster()
        cluster["b"].raft.read_index(7)
        cluster["b"].pump()
        assert [type(message) for message in cluster.bag] == [ReadIndex]
        cluster.deliver_all()
        assert cluster["b"].reads == {7: 1}

    def test_an_old_round_confirms_no_later_read(self) -> None:
        cluster = a_led_cluster(replace(OPTIONS, leases=False))
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
        cluster = a_led_cluster()
        cluster.run(100)
        cluster["a"].raft.transfer_leadership("b")
        cluster["a"].pump()
        cluster.deliver_all()
        assert cluster["b"].raft.role is Role.LEADER

    def test_waits_for_the_log_and_refuses_proposals_meanwhile(self) -> None:
        cluster = a_led_cluster()
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
        cluster = a_led_cluster()
        cluster.part("b")
        cluster["a"].raft.transfer_leadership("b")
        cluster.run(200)
        cluster["a"].raft.propose(b"y")

    def test_only_to_another_voter(self) -> None:
        cluster = a_led_cluster()
        for name in ("a", "z"):
            with pytest.raises(ChangeRefused):
                cluster["a"].raft.transfer_leadership(name)


class TestMembership:
    def test_goes_through_both_configurations(self) -> None:
        cluster = a_led_cluster(spare=("d",))
        cluster["a"].raft.propose_membership(("a", "b", "d"))
        cluster["a"].pump()
        assert cluster["a"].raft.log.configuration == Configuration(("a", "b", "d"), ("a", "b", "c"))
        cluster.run(200)
        assert cluster["d"].raft.log.configuration == Configuration(("a", "b", "d"))

    def test_needs_majorities_of_both(self) -> None:
        cluster = a_led_cluster(spare=("d", "e"))
        cluster["a"].raft.propose_membership(("a", "d", "e"))
        cluster.part("d", "e")
        cluster.run(100)
        assert cluster["a"].raft.log.configuration.joint
        assert cluster["a"].raft.commit_index == 1
        cluster.heal()
        cluster.run(300)
        assert not cluster["a"].raft.log.configuration.joint

    def test_a_leader_that_is_not_in_the_new_one_steps_down_when_it_is_committed(self) -> None:
        cluster = a_led_cluster(spare=("d",))
        cluster["a"].raft.propose_membership(("b", "c", "d"))
        cluster.run(1500)
        assert cluster["a"].raft.role is not Role.LEADER
        leader = cluster.leader()
        assert leader is not None
        assert leader.name != "a"

    def test_learners_get_the_log_and_count_for_nothing(self) -> None:
        cluster = a_led_cluster(spare=("d",))
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
        cluster = a_led_cluster(PLAIN, spare=("d",))
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
        cluster = a_led_cluster()
        for voters, text in (((), "needs a voter"), (("a", "a"), "named twice")):
            with pytest.raises(ChangeRefused, match=text):
                cluster["a"].raft.propose_membership(voters)
        cluster["a"].raft.propose_membership(("a", "b"))
        with pytest.raises(ChangeRefused, match="under way"):
            cluster["a"].raft.propose_membership(("a", "c"))

    def test_a_group_shrinks_to_one_and_grows_again(self) -> None:
        cluster = a_led_cluster()
        for voters in (("a", "b"), ("a",), ("a", "c"), ("a", "b", "c")):
            cluster["a"].raft.propose_membership(voters)
            cluster.run(300)
            assert cluster["a"].raft.log.configuration == Configuration(voters)
            assert cluster.propose("x", "a")
            cluster.run(100)
            assert cluster["a"].raft.commit_index == cluster["a"].raft.log.last_index


class TestSnapshots:
    def test_a_follower_behind_the_log_gets_one_and_goes_on(self) -> None:
        cluster = a_led_cluster()
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
        cluster = a_led_cluster()
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
        cluster = a_led_cluster()
        cluster.propose("x")
        cluster.run(100)
        old = Snapshot(1, 1, Configuration(("a", "b", "c")), b"[]")
        reply = receive(cluster, InstallSnapshot(1, "a", "b", old, 1))
        assert (reply.success, reply.match_index) == (True, 2)
        assert cluster["b"].state == ["x"]

    def test_nothing_is_discarded_that_is_not_applied(self) -> None:
        cluster = a_led_cluster()
        cluster.part("a")
        cluster.propose("x", "a")
        cluster.sync_all()
        with pytest.raises(ValueError, match="entry 2 is not applied"):
            cluster["a"].raft.compact(2)


class TestQuiescence:
    def test_a_settled_group_is_silent_until_somebody_wants_something(self) -> None:
        cluster = a_led_cluster()
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
        cluster = a_led_cluster()
        cluster.run(100)
        cluster["a"].raft.quiesce()
        cluster["a"].pump()
        cluster.bag = [m for m in cluster.bag if m.target != "c"]
        cluster.deliver_all()
        assert cluster["a"].raft.wake_ns is not None
        cluster.run(100)
        assert cluster["c"].raft.wake_ns is None

    def test_a_lease_does_not_outlive_the_silence(self) -> None:
        cluster = a_led_cluster()
        cluster.run(100)
        cluster["a"].raft.quiesce()
        cluster.run(1000, step_ms=50)
        cluster["a"].raft.wake()
        assert cluster["a"].raft.reads.lease_index() is None
