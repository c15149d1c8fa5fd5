"""A Raft group on simulated hosts with real simulated disks: what was acknowledged survives power cuts, kills and wiped
majorities of none; the four safety properties hold all the time."""

import asyncio
import json

import pytest

from simkit.hosts.disk import Disk
from simkit.hosts.disk_model import MODELS
from simkit.hosts.host import Host
from simkit.kernel import World
from simkit.kernel.distribution import LogNormal
from simkit.network import Link, Network
from simkit.network.endpoint import Endpoint
from simkit.node import Directory, Equipment, Node
from simkit.observe.history import History
from simkit.observe.metrics import Metrics
from simkit_nodes.blocks.raft import NotLeader, Options, RaftError
from simkit_nodes.blocks.raft import server as raft_server
from simkit_nodes.blocks.raft.checks import SAFETY
from simkit_nodes.blocks.raft.server import RaftServer
from simkit_nodes.blocks.raft.vote_kept import VoteKept

MS = 1_000_000
SECOND = 1_000 * MS
NAMES = ("a", "b", "c")
OPTIONS = Options(election_timeout_min_ns=150 * MS, election_timeout_max_ns=300 * MS, heartbeat_ns=50 * MS)


class Words:
    """A state machine: the list of all words it was given."""

    def __init__(self):
        self.words = []

    def apply(self, command):
        self.words.append(command.decode())
        return len(self.words)

    def snapshot(self):
        return json.dumps(self.words).encode()

    def restore(self, data):
        self.words = json.loads(data)


class Member(Node):
    group = None

    async def run(self):
        machine = Words()
        server = await RaftServer.open(self, NAMES, self.group.options, machine)
        self.group.servers[self.name] = server
        self.group.machines[self.name] = machine
        await asyncio.get_running_loop().create_future()


class Group:
    def __init__(self, *, options=OPTIONS, seed=1):
        self.options = options
        self.world = World(seed)
        self.servers, self.machines, self.hosts, self.failures = {}, {}, {}, []
        self.checks = [check() for check in (*SAFETY, VoteKept)]
        self.world.records.subscribe(["event"], self._event)
        self.network = Network(self.world, Link(one_way=LogNormal(MS, 0.5)), strict=True)
        self.metrics, self.history = Metrics(self.world, 10**15), History(self.world)
        self.world.control.set_exception_handler(lambda loop, context: self.failures.append(context))
        for index, name in enumerate(NAMES):
            disk = Disk(self.world, name, MODELS["ssd"])
            host = Host(self.world, name, index=index, role="member", disk=disk, program=self._program)
            host.on_failure = lambda host, error: self.failures.append(error)
            self.hosts[name] = host
            self.network.attach(host)
        for host in self.hosts.values():
            host.boot()

    async def _program(self, host):
        endpoint = Endpoint(self.network, host)
        kind = type("Member", (Member,), {"group": self})
        directory = Directory(self.hosts.values())
        node = kind.on(Equipment(host, None, endpoint, self.metrics.host(host.name), self.history, directory))
        await node.run()

    def _event(self, record):
        for check in self.checks:
            for see in check.sights(type(record.value)):
                see(self.world.now_ns, record.host, record.value)

    def elapse(self, seconds):
        self.world.stopping = False
        self.world.run(self.world.now_ns + round(seconds * SECOND))
        assert not self.failures
        assert not any(check.violations_total for check in self.checks)

    def leader(self):
        led = [n for n, s in self.servers.items() if self.hosts[n].running and s.raft.replication is not None]
        return max(led, key=lambda name: self.servers[name].raft.current_term, default=None)

    def on(self, name, coroutine, within_s=2.0):
        """Run something on a host; return its result, or None if it did not end."""
        task = self.hosts[name].loop.create_task(coroutine)
        task.add_done_callback(lambda _: self.world.stop())
        self.world.stopping = False
        self.world.run(self.world.now_ns + round(within_s * SECOND))
        if task.done():
            return task.result()
        task.cancel()
        return None


@pytest.fixture
def new_group():
    made = []

    def make(**options):
        made.append(Group(**options))
        made[-1].elapse(1)
        return made[-1]

    yield make
    for group in made:
        group.world.close()


def test_a_proposal_returns_what_the_machine_said_and_all_machines_agree(new_group):
    group = new_group()
    lead = group.servers[group.leader()]
    assert [group.on(group.leader(), lead.propose(word)) for word in (b"x", b"y")] == [1, 2]
    group.elapse(0.2)
    assert [machine.words for machine in group.machines.values()] == [["x", "y"]] * 3


def test_a_read_at_a_follower_sees_what_was_acknowledged_at_the_leader(new_group):
    group = new_group()
    follower = next(name for name in NAMES if name != group.leader())
    group.on(group.leader(), group.servers[group.leader()].propose(b"x"))

    async def read():
        await group.servers[follower].read()
        return list(group.machines[follower].words)

    assert group.on(follower, read()) == ["x"]


def test_a_follower_refuses_a_proposal(new_group):
    group = new_group()
    follower = next(name for name in NAMES if name != group.leader())
    with pytest.raises(NotLeader):
        group.on(follower, group.servers[follower].propose(b"x"))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("manner", ["power_cut", "kill"])
def test_what_was_acknowledged_survives_random_deaths(new_group, monkeypatch, manner, seed):
    monkeypatch.setattr(raft_server, "ENTRIES_MAX", 20)  # snapshots too
    group = new_group(seed=seed)
    stream = group.world.stream("test")
    acknowledged = []
    down = {}
    for number in range(80):
        name = group.leader()
        if name is not None:
            word = f"{number}"
            try:
                if group.on(name, group.servers[name].propose(word.encode()), within_s=0.5):
                    acknowledged.append(word)
            except RaftError:
                pass
        if stream.chance(0.15) and not down:
            victim = stream.choice(NAMES)
            group.hosts[victim].hold(group, manner)
            group.servers.pop(victim, None)
            down[victim] = group.world.now_ns + stream.below(SECOND)
        group.elapse(stream.uniform(0, 0.1))
        for victim, until_ns in list(down.items()):
            if group.world.now_ns >= until_ns:
                group.hosts[victim].release(group)
                del down[victim]
    for victim in down:
        group.hosts[victim].release(group)
    group.elapse(2)
    words = group.machines[group.leader()].words
    assert len(acknowledged) > 30
    assert [word for word in words if word in set(acknowledged)] == acknowledged
    assert all(machine.words == words for machine in group.machines.values())


def test_all_of_them_lose_power_at_once_and_come_back(new_group):
    group = new_group()
    for number in range(30):
        assert group.on(group.leader(), group.servers[group.leader()].propose(b"%d" % number))
    for _ in range(3):
        for host in group.hosts.values():
            host.hold(group, "power_cut")
        for host in group.hosts.values():
            host.release(group)
        group.elapse(1)
    assert group.machines[group.leader()].words == [str(number) for number in range(30)]
