"""A cluster of Raft servers in a bag: messages lie in a list until a test delivers, loses or repeats them, time stands
still until a test moves it, and what is not synced is gone after a crash.

The calm run (`run`) delivers everything in order; tests that want the other thing take the verbs one by one. Every
event of every server goes through the four checks.
"""

import json
from dataclasses import dataclass, field

from simkit.kernel import Stream
from simkit_nodes.blocks.raft import (
    Configuration,
    Entry,
    HardState,
    Log,
    Options,
    PreVote,
    PreVoteReply,
    Raft,
    RaftError,
    Ready,
    RequestVote,
    RequestVoteReply,
    Role,
    Snapshot,
)
from simkit_nodes.blocks.raft.checks import SAFETY
from simkit_nodes.blocks.raft.ready import NOTHING_DECIDED
from simkit_nodes.blocks.raft.vote_kept import VoteKept

MS = 1_000_000
OPTIONS = Options(
    election_timeout_min_ns=150 * MS, election_timeout_max_ns=300 * MS, heartbeat_ns=50 * MS, entries_max=4
)


@dataclass
class Disk:
    """What survives."""

    snapshot: Snapshot
    entries: list[Entry] = field(default_factory=list)
    hard_state: HardState = NOTHING_DECIDED

    def write(self, ready: Ready) -> None:
        if ready.snapshot is not None:
            self.snapshot, self.entries = ready.snapshot, []
        if ready.entries:
            first = ready.entries[0].index
            self.entries = [entry for entry in self.entries if entry.index < first] + list(ready.entries)
        if ready.hard_state is not None:
            self.hard_state = ready.hard_state


class Server:
    """One server: Raft, a disk, and a state machine that remembers what it applied."""

    def __init__(self, cluster: "Cluster", name: str, configuration: Configuration) -> None:
        self.cluster, self.name = cluster, name
        self.disk = Disk(Snapshot(0, 0, configuration, b"[]"))
        self.starts = 0
        self.up = False
        self.start()

    def start(self) -> None:
        self.up = True
        self.starts += 1
        self.unsynced: list[Ready] = []
        self.reads: dict[int, int | None] = {}
        self.state: list[str] = json.loads(self.disk.snapshot.data)
        self.raft = Raft(
            self.name,
            Log(self.disk.snapshot, self.disk.entries),
            self.cluster.options,
            Stream(self.cluster.seed, f"{self.name}/{self.starts}"),
            lambda: round(self.cluster.now_ns * self.cluster.rates.get(self.name, 1)),
            self.disk.hard_state,
        )
        self.pump()

    def crash(self) -> None:
        self.up = False
        self.unsynced = []

    def pump(self) -> None:
        """Do what the server wants done, but for what waits for a sync."""
        while self.up and self.raft.has_ready:
            ready = self.raft.ready()
            for event in ready.events:
                self.cluster.emit(self.name, event)
            self.cluster.bag.extend(ready.messages)
            if ready.snapshot is not None:
                self.state = json.loads(ready.snapshot.data)
            if ready.must_sync or self.unsynced:
                self.unsynced.append(ready)
            else:
                self.done(ready)
            for entry in ready.committed:
                if entry.kind == "command":
                    self.state.append(entry.data.decode())
            for read in ready.read_states:
                self.reads[read.context] = read.index
            for follower in ready.snapshots_wanted:
                self.raft.send_snapshot(follower, self.snapshot())

    def sync(self) -> None:
        """Make the oldest unsynced Ready durable."""
        if self.unsynced:
            ready = self.unsynced.pop(0)
            self.disk.write(ready)
            self.done(ready)
            self.pump()

    def done(self, ready: Ready) -> None:
        self.raft.persisted(ready)
        self.cluster.bag.extend(ready.messages_after)

    def snapshot(self) -> Snapshot:
        log, index = self.raft.log, self.raft.applied_index
        term = log.term(index)
        assert term is not None
        return Snapshot(index, term, log.configuration_at(index), json.dumps(self.state).encode())

    def compact(self) -> None:
        """Replace what is applied by a snapshot, on the disk too."""
        self.disk.snapshot = self.snapshot()
        self.disk.entries = [entry for entry in self.disk.entries if entry.index > self.disk.snapshot.index]
        self.raft.compact(self.raft.applied_index)


class Cluster:
    """Servers and the bag of messages between them."""

    def __init__(self, *names: str, options: Options = OPTIONS, seed: int = 1, spare: tuple[str, ...] = ()) -> None:
        self.options, self.seed = options, seed
        self.now_ns = 0
        self.bag: list = []
        self.events: list = []
        self.checks = [check() for check in (*SAFETY, VoteKept)]
        self.apart: set[frozenset[str]] = set()
        self.loses: tuple[type, ...] = ()  # kinds of messages that do not arrive
        self.rates: dict[str, float] = {}  # how fast clocks run
        configuration = Configuration(names)
        self.servers = {name: Server(self, name, configuration) for name in (*names, *spare)}

    def __getitem__(self, name: str) -> Server:
        return self.servers[name]

    def emit(self, host: str, event) -> None:
        self.events.append((self.now_ns, host, event))
        for check in self.checks:
            for see in check.sights(type(event)):
                see(self.now_ns, host, event)

    def broken(self) -> set[str]:
        """The names of the checks that found something."""
        return {check.name for check in self.checks if check.violations_total}

    # -- verbs

    def deliver(self, place: int = 0, *, keep: bool = False) -> None:
        message = self.bag[place] if keep else self.bag.pop(place)
        server = self.servers[message.target]
        if isinstance(message, self.loses):
            return
        if server.up and frozenset((message.sender, message.target)) not in self.apart:
            server.raft.step(type(message).decode(message.encode()))
            server.pump()

    def deliver_all(self, *kinds: type) -> None:
        """Deliver what lies in the bag now, and what comes of it, syncing at once; only these kinds if named."""
        for _ in range(10_000):
            self.sync_all()
            place = next((i for i, m in enumerate(self.bag) if not kinds or type(m) in kinds), None)
            if place is None:
                return
            self.deliver(place)
        raise AssertionError("the servers do not stop talking")

    def drop_all(self) -> None:
        self.bag.clear()

    def sync_all(self) -> None:
        for server in self.servers.values():
            while server.unsynced:
                server.sync()

    def part(self, *names: str) -> None:
        """Cut these servers off from all others, and nobody else from anybody."""
        self.apart = {frozenset((a, b)) for a in names for b in self.servers if b not in names}

    def heal(self) -> None:
        self.apart = set()

    def elapse(self, ms: float) -> None:
        """Move time and let everybody look at the clock."""
        self.now_ns += round(ms * MS)
        self.tick_all()

    def tick_all(self) -> None:
        for server in self.servers.values():
            if server.up:
                server.raft.tick()
                server.pump()

    def crash(self, *names: str) -> None:
        for name in names:
            self[name].crash()

    def start(self, *names: str) -> None:
        for name in names:
            self[name].start()

    def between(self, *names: str, kinds: tuple[type, ...] = ()) -> None:
        """Deliver everything among these servers, or only these kinds, and lose the rest."""
        for _ in range(10_000):
            self.sync_all()
            self.bag = [
                m for m in self.bag if m.sender in names and m.target in names and (not kinds or type(m) in kinds)
            ]
            if not self.bag:
                return
            self.deliver()
        raise AssertionError("the servers do not stop talking")

    def win(self, name: str, *voters: str) -> None:
        """Let one server win an election by these voters, and lose what it says as a leader."""
        self.timeout(name)
        self.between(name, *voters, kinds=(PreVote, PreVoteReply, RequestVote, RequestVoteReply))
        assert self[name].raft.role is Role.LEADER

    def timeout(self, name: str) -> None:
        """Let one server begin an election now, whatever its clock says."""
        self[name].raft.election.begin()
        self[name].pump()

    def elect(self, name: str) -> None:
        """Let one server become leader, undisturbed."""
        self.now_ns += self.options.election_timeout_min_ns
        self.timeout(name)
        self.deliver_all()
        assert self[name].raft.role is Role.LEADER

    def run(self, ms: float, step_ms: float = 5) -> None:
        """Let time pass calmly: every message arrives within a step, every sync ends."""
        for _ in range(round(ms / step_ms)):
            self.elapse(step_ms)
            self.deliver_all()

    def leader(self) -> Server | None:
        """The leader of the highest term among those that are up."""
        leaders = [s for s in self.servers.values() if s.up and s.raft.role is Role.LEADER]
        return max(leaders, key=lambda server: server.raft.current_term, default=None)

    def propose(self, data: str, name: str | None = None) -> bool:
        server = self[name] if name else self.leader()
        if server is None or not server.up:
            return False
        try:
            server.raft.propose(data.encode())
        except RaftError:
            return False
        server.pump()
        return True


def a_led_cluster(options: Options = OPTIONS, **more) -> Cluster:
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
