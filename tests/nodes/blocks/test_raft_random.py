"""Raft under schedules that nobody would think of: Hypothesis chooses what is delivered, lost, repeated, overtaken,
synced, crashed, restarted, proposed and reconfigured, and no safety property may break.

Afterwards the network is calm, and the cluster must come back to life: safety alone is easy.
"""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raft_cluster import OPTIONS, Cluster, Server

from simkit_nodes.blocks.raft import RaftError

NAMES = ("a", "b", "c", "d", "e")
VERBS = ("deliver", "deliver", "deliver", "deliver", "sync", "sync", "repeat", "lose", "elapse", "propose", "crash",
         "start", "compact", "change", "transfer", "read", "part", "heal", "timeout", "quiesce",
         "flow", "flow", "flow")  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 2**16)), max_size=150)


def act(cluster: Cluster, verb: str, number: int) -> None:
    """One step of a schedule; a verb that makes no sense now does nothing."""
    server = cluster.servers[NAMES[number % len(cluster.servers)]]
    if verb in ("deliver", "repeat", "lose"):
        if cluster.bag and verb == "lose":
            cluster.bag.pop(number % len(cluster.bag))
        elif cluster.bag:
            cluster.deliver(number % len(cluster.bag), keep=verb == "repeat")
    elif verb == "elapse":
        cluster.elapse(number % 100)
    elif verb == "part":
        cluster.part(*[name for place, name in enumerate(cluster.servers) if number >> place & 1])
    elif verb == "flow":
        cluster.run(number % 8 * 20, step_ms=20)
    elif verb == "heal":
        cluster.heal()
    elif verb == "start":
        if not server.up:
            server.start()
    elif server.up:
        act_on(cluster, server, verb, number)


def act_on(cluster: Cluster, server: Server, verb: str, number: int) -> None:
    raft = server.raft
    if verb == "propose":
        cluster.propose(f"x{number}", server.name)
    elif verb == "sync":
        server.sync()
    elif verb == "crash":
        server.crash()
    elif verb == "compact":
        server.compact()
    elif verb == "timeout":
        if raft.replication is None and raft.log.configuration.votes(server.name):
            cluster.timeout(server.name)
    elif verb == "quiesce":
        raft.quiesce()
    elif verb == "read":
        raft.read_index(number)
    else:
        others = [name for place, name in enumerate(cluster.servers) if number >> (place + 4) & 1]
        try:
            if verb == "transfer":
                raft.transfer_leadership(NAMES[number // 8 % len(cluster.servers)])
            else:
                raft.propose_membership(tuple(others), tuple(n for n in cluster.servers if n not in others))
        except RaftError:
            pass
    server.pump()


def calm(cluster: Cluster) -> None:
    """Everything works again; the members must agree and go on."""
    cluster.heal()
    for server in cluster.servers.values():
        if not server.up:
            server.start()
    cluster.run(3000, step_ms=10)
    leader = cluster.leader()
    assert leader is not None
    assert cluster.propose("last")
    cluster.run(300, step_ms=10)
    members = [cluster[name] for name in leader.raft.log.configuration.members]
    assert leader.state[-1] == "last"
    assert {tuple(member.state) for member in members} == {tuple(leader.state)}


@pytest.mark.parametrize("protected", [True, False], ids=["pre_vote", "plain"])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(2, 5), STEPS, st.integers(0, 2**20))
def test_no_schedule_breaks_safety_and_calm_brings_life(protected: bool, size: int, steps: list, seed: int) -> None:
    options = replace(OPTIONS, pre_vote=protected, check_quorum=protected)
    cluster = Cluster(*NAMES[: max(1, size - 1)], options=options, seed=seed, spare=NAMES[max(1, size - 1) : size])
    for verb, number in steps:
        act(cluster, verb, number)
        assert cluster.broken() == set()
    calm(cluster)
    assert cluster.broken() == set()
