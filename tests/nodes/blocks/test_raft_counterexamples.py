"""The published ways to break Raft, step by step: with the protection nothing happens, without it the check that it is
there for says so."""

from dataclasses import replace

import pytest
from raft_cluster import MS, OPTIONS, Cluster

from simkit_nodes.blocks.raft import AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply, Role
from simkit_nodes.blocks.raft.ballot import Ballot

PLAIN = replace(OPTIONS, pre_vote=False, check_quorum=False, leases=False)
APPEND = (AppendEntries, AppendEntriesReply)
VOTES = (RequestVote, RequestVoteReply)


def is_beyond_2(cluster: Cluster, message: AppendEntries) -> bool:
    """Whether a message would bring entry 3 to a server that can take it."""
    last = cluster[message.target].raft.log.last_index
    return last >= 2 and bool(message.entries) and message.entries[-1].index > 2


@pytest.mark.parametrize("commits_earlier_terms", [False, True])
def test_figure_8_an_entry_of_an_old_term_on_a_majority_is_not_committed(commits_earlier_terms: bool) -> None:
    options = replace(PLAIN, entries_max=1, commit_prev_term=commits_earlier_terms)
    cluster = Cluster("s1", "s2", "s3", "s4", "s5", options=options)
    cluster.elect("s1")
    cluster.propose("x", "s1")
    cluster.between("s1", "s2")
    assert [server.raft.log.last_index for server in cluster.servers.values()] == [2, 2, 1, 1, 1]  # (a)
    cluster.crash("s1")
    cluster.win("s5", "s3", "s4")
    assert cluster["s5"].raft.log.runs() == ((0, 0), (1, 1), (2, 2))  # (b)
    cluster.crash("s5")
    cluster.start("s1")
    cluster.timeout("s1")
    cluster.drop_all()  # of term 2, in which others have voted
    cluster.win("s1", "s2", "s3", "s4")
    cluster.elapse(50)
    for _ in range(20):  # s3 and s4 get entry 2, and nobody the entry of term 3 behind it
        cluster.sync_all()
        cluster.bag = [m for m in cluster.bag if not (isinstance(m, AppendEntries) and is_beyond_2(cluster, m))]
        if cluster.bag:
            cluster.deliver()
    assert [cluster[name].raft.log.last_index for name in ("s2", "s3", "s4")] == [2, 2, 2]  # (c)
    cluster.crash("s1")
    cluster.start("s5")
    cluster.timeout("s5")
    cluster.drop_all()
    cluster.win("s5", "s2", "s3", "s4")  # (d)
    assert cluster.broken() == ({"leader_completeness"} if commits_earlier_terms else set())
    if commits_earlier_terms:
        check = next(check for check in cluster.checks if check.violations_total)
        assert check.violations[0].text == ("s5 leads term 4 without entry 2 of term 1, which s1 committed in term 3")
        assert [step.host for step in check.violations[0].story][-1] == "s5"


@pytest.mark.parametrize("vote_persists", [True, False])
def test_a_vote_that_a_restart_forgets_elects_two_leaders(vote_persists: bool) -> None:
    cluster = Cluster("a", "b", "c", options=replace(PLAIN, vote_persist=vote_persists))
    cluster.timeout("c")  # before it has heard of anybody's term 1
    to_b = [m for m in cluster.bag if m.target == "b"]
    cluster.drop_all()
    cluster.win("a", "b")
    cluster.crash("b")
    cluster.start("b")
    cluster.bag = to_b
    cluster.between("b", "c", kinds=VOTES)
    assert cluster.broken() == (set() if vote_persists else {"election_safety", "vote_kept"})


def test_nobody_leads_whose_own_vote_could_be_forgotten() -> None:
    cluster = Cluster("a", "b", "c", options=PLAIN)
    cluster.timeout("a")
    for _ in range(2):
        cluster.deliver()
    cluster["b"].sync()
    cluster["c"].sync()
    while cluster.bag:
        cluster.deliver()
    assert cluster["a"].raft.role is Role.CANDIDATE
    cluster.crash("a")  # its disk knows nothing of term 1, in which it would have led
    cluster.start("a")
    cluster.elect("a")
    assert cluster["a"].raft.current_term == 1
    assert cluster.broken() == set()


class ForgetsTheTerm(Ballot):
    """Keeps the vote and forgets its term."""

    def kept(self, term: int, voted_for: str) -> tuple[int, str]:
        return 0, voted_for


def test_a_ballot_that_forgets_the_term_wins_elections_and_breaks_its_promise() -> None:
    cluster = Cluster("a", "b", "c", options=PLAIN)
    for name in ("a", "b", "c"):
        cluster[name].raft.ballot = ForgetsTheTerm()
    cluster.timeout("c")
    to_b = [m for m in cluster.bag if m.target == "b"]
    cluster.drop_all()
    cluster.win("a", "b")
    cluster.crash("b")
    cluster.start("b")
    assert cluster.broken() == {"vote_kept"}
    [violation] = next(check for check in cluster.checks if check.violations_total).violations
    assert violation.text == "the vote of b made a the leader of term 1, and b starts in term 0"
    cluster.bag = to_b
    cluster.between("b", "c", kinds=VOTES)
    assert cluster.broken() == {"election_safety", "vote_kept"}


@pytest.mark.parametrize("joint", [True, False])
def test_figure_10_switching_at_once_lets_old_and_new_majorities_decide_apart(joint: bool) -> None:
    options = replace(PLAIN, joint_consensus=joint)
    cluster = Cluster("a", "b", "c", options=options, spare=("d", "e"))
    cluster.elect("c")
    cluster["c"].raft.propose_membership(("a", "b", "c", "d", "e"))
    cluster["c"].pump()
    cluster.between("c", "d", "e")
    assert cluster["d"].raft.log.last_index >= 2
    cluster["c"].raft.step_down("the test wants an election")
    cluster.win("a", "b")
    cluster.timeout("c")
    cluster.between("c", "d", "e", kinds=VOTES)
    assert ("election_safety" in cluster.broken()) is not joint
    assert bool(cluster.broken()) is not joint
    assert (cluster["c"].raft.role is Role.LEADER) is not joint


@pytest.mark.parametrize("guarded", [True, False])
def test_a_lease_on_a_slow_clock_outlasts_its_leader_unless_the_driver_distrusts_the_clock(guarded: bool) -> None:
    cluster = Cluster("a", "b", "c", options=replace(OPTIONS, lease_clock_guard=guarded))
    cluster.rates["a"] = 0.3
    cluster.elect("a")
    cluster.run(200)
    cluster["a"].raft.clock_trusted = False
    cluster.part("a")
    cluster.run(400)
    others = [cluster[name].raft for name in ("b", "c")]
    assert any(raft.role is Role.LEADER for raft in others)
    assert cluster.propose("new", "b") or cluster.propose("new", "c")
    cluster.deliver_all()
    assert any("new" in cluster[name].state for name in ("b", "c"))
    stale = cluster["a"].raft.reads.lease_index()
    assert (stale is None) is guarded


@pytest.mark.parametrize("guarded", [True, False])
def test_a_lease_is_shorter_by_what_clocks_may_drift(guarded: bool) -> None:
    options = replace(OPTIONS, lease_clock_guard=guarded, clock_drift_max_ppm=100_000)
    cluster = Cluster("a", "b", "c", options=options)
    cluster.rates["a"] = 0.92
    cluster.elect("a")
    cluster.run(200)
    cluster["a"].raft.heartbeat()
    cluster["a"].pump()
    cluster.deliver_all()
    cluster.part("a")
    cluster.now_ns += options.election_timeout_min_ns + MS  # from here on the others may elect
    assert (cluster["a"].raft.reads.lease_index() is None) is guarded


def test_a_partitioned_server_raises_terms_without_pre_vote_and_disturbs_nobody_with_it() -> None:
    for options, disturbed in ((OPTIONS, False), (replace(PLAIN, check_quorum=False), True)):
        cluster = Cluster("a", "b", "c", options=options)
        cluster.elect("a")
        cluster.part("c")
        cluster.run(3000)
        assert (cluster["c"].raft.current_term > 3) is disturbed
        cluster.heal()
        cluster.run(300)
        assert (cluster["a"].raft.current_term > 1) is disturbed


def test_a_partial_partition_keeps_one_leader_with_protections_and_flaps_without() -> None:
    """Cloudflare, 2 November 2020: a and c cannot talk, both reach b."""
    for options, flaps in ((OPTIONS, False), (PLAIN, True)):
        cluster = Cluster("a", "b", "c", options=options)
        cluster.elect("a")
        cluster.apart = {frozenset(("a", "c"))}
        cluster.run(10_000, step_ms=10)
        terms = max(server.raft.current_term for server in cluster.servers.values())
        assert (terms > 8) is flaps
        assert (terms <= 2) is not flaps


def test_a_delayed_time_out_now_cannot_end_a_lease_unnoticed() -> None:
    cluster = Cluster("a", "b", "c")
    cluster.elect("a")
    cluster.run(100)
    assert cluster["a"].raft.reads.lease_index() is not None
    cluster["a"].raft.transfer_leadership("b")
    assert cluster["a"].raft.reads.lease_index() is None
    cluster.part("b")
    cluster.run(200)
    cluster.heal()
    cluster.run(200)
    assert cluster["a"].raft.role is Role.LEADER
    assert cluster["a"].raft.reads.lease_index() is None  # what was sent may still arrive in this term
