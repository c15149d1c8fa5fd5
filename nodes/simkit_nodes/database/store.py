"""The replication of one store: many Raft groups over one log, one engine and one timer.

What groups have ready is sent, synced and applied together. Heartbeats of all groups go out at the same time, and
groups in which nothing happens fall silent; then only stores tell each other that they are alive.

It deliberately knows nothing of versions, transactions and SQL: those use `Replica`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Final

from simkit.network import handles
from simkit.node import Node
from simkit_nodes.blocks.lsm import Engine, WriteBatch
from simkit_nodes.blocks.raft import (
    AppendEntries,
    Configuration,
    HardState,
    InstallSnapshot,
    Log,
    Options,
    PreVote,
    Raft,
    RequestVote,
    Snapshot,
)
from simkit_nodes.blocks.raft.group_logs import GroupLogs
from simkit_nodes.database.credentials import Credentials
from simkit_nodes.database.range import RangeDescriptor
from simkit_nodes.database.replication.applying import Applying
from simkit_nodes.database.replication.closing import ClosedTimestamps, Closing
from simkit_nodes.database.replication.events import RangeChanged, ReplicaDropped
from simkit_nodes.database.replication.log_compaction import LogCompaction
from simkit_nodes.database.replication.messages import (
    ChunkTaken,
    RaftTraffic,
    ReplicaRemoved,
    SnapshotChunk,
)
from simkit_nodes.database.replication.replica import Replica
from simkit_nodes.database.replication.snapshots import Snapshots
from simkit_nodes.database.replication.state import PREFIX, ReplicaState, decode_state, encode_state, state_key
from simkit_nodes.database.replication.turns import Turns

TICKS_PER_HEARTBEAT: Final = 8
IDLE_HEARTBEATS: Final = 10
"""After so many without a request a group falls silent."""

Spans = Callable[[RangeDescriptor], Iterable[tuple[bytes, bytes]]]
"""Says where in the engine a range's data is."""


@dataclass(frozen=True)
class Timing:
    """How patient, and how careful, a store is.

    Attributes:
        proposal_ns: how long a proposal, a read's confirmation or a change of a range may take.
        quiesce: whether groups in which nothing happens fall silent.
        log_sync: whether the log is synced before anybody hears of what is in it; False loses what was promised.
        closed_lag_ns, closed_wait: how timestamps are closed; see `Closing`.
    """

    proposal_ns: int = 5_000_000_000
    quiesce: bool = True
    log_sync: bool = True
    closed_lag_ns: int = 0
    closed_wait: bool = True


PATIENT: Final = Timing()


class Store:
    """The replicas of one store. Made by `open`.

    Attributes:
        name: of its host, by which other stores know it.
        replicas: by range.
        engine: what they have applied.
        on_made, on_dropped: called with a replica that there is from now on, or no more.
    """

    def __init__(
        self, node: Node, engine: Engine, log: GroupLogs, options: Options, timing: Timing, spans: Spans
    ) -> None:
        self.node, self.engine = node, engine
        self.name, self.network, self.emit = node.name, node.network, node.emit
        self.options, self.timing, self.spans = options, timing, spans
        self.replicas: dict[int, Replica] = {}
        self.on_made: Callable[[Replica], None] = lambda replica: None
        self.on_dropped: Callable[[Replica], None] = lambda replica: None
        self.low_water: Callable[[], int] = lambda: 0
        self.closing = Closing(self, timing.closed_lag_ns, waits=timing.closed_wait)
        self.applying = Applying(self)
        self.snapshots = Snapshots(self)
        self.turns = Turns(self, log)
        self._credentials = Credentials(node)
        self._log = log
        self._compaction = LogCompaction(self, log)
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed = asyncio.Event()
        self._failure: BaseException | None = None
        self._heard_ns: dict[str, int] = {}
        self._next_heartbeat_ns = 0
        self._clock_trusted = True
        self.network.bind(self)

    @classmethod
    async def open(
        cls,
        node: Node,
        engine: Engine,
        options: Options,
        spans: Spans,
        *,
        timing: Timing = PATIENT,
        path: str = "raft/",
    ) -> Store:
        """Open the log and bring back the replicas that the engine knows. LogCorrupt, Corruption.

        Args:
            node: whose network, disk, clock, random stream and events it uses.
            engine: open already.
            options: of all groups.
            spans: says where a range's data is.
            path: what the names of the log's files begin with.
        """
        cls.not_yet(node)
        store = cls(node, engine, await GroupLogs.open(node.disk, path), options, timing, spans)
        for _, row in await engine.scan(PREFIX, PREFIX + b"\xff"):
            store.make_replica(decode_state(row))
        return store

    @staticmethod
    def not_yet(node: Node) -> None:
        """Lose, or refuse, what other stores send until `open` has read the log; call it before opening an engine."""
        for kind in (RaftTraffic, ReplicaRemoved, ClosedTimestamps):
            node.network.handle(kind, lambda message: None)
        node.network.handle(SnapshotChunk, lambda chunk: ChunkTaken(False))

    async def bootstrap(self, descriptor: RangeDescriptor) -> Replica:
        """Make this store's replica of a new range; every store of the descriptor does the same."""
        state = ReplicaState.first(descriptor)
        batch = WriteBatch()
        batch.put(state_key(descriptor.range_id), encode_state(state))
        await self.engine.write(batch, sync=True)
        self.emit(
            RangeChanged(
                descriptor.range_id,
                descriptor.begin,
                descriptor.end,
                descriptor.replicas,
                descriptor.generation,
                "bootstrap",
            )
        )
        return self.make_replica(state)

    async def run(self) -> None:
        """Let time pass for all groups; never returns, and raises what went wrong beside the turns."""
        tick_s = self.options.heartbeat_ns / TICKS_PER_HEARTBEAT / 1e9
        self.turns.schedule()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._let_time_pass(tick_s))
            await self._failed.wait()
            assert self._failure is not None
            raise self._failure

    async def _let_time_pass(self, tick_s: float) -> None:
        while True:
            await asyncio.sleep(tick_s)
            self._tick()

    def hears(self, name: str) -> bool:
        """Whether a store, this one or another, was heard within an election timeout."""
        heard_ns = self._heard_ns.get(name, -self.options.election_timeout_min_ns)
        return name == self.name or self.node.clock.monotonic_ns() - heard_ns < self.options.election_timeout_min_ns

    def trust_clock(self, trusted: bool) -> None:
        """Say whether this host's clock may be relied on; leases are not, while it may not."""
        self._clock_trusted = trusted
        for replica in self.replicas.values():
            replica.raft.clock_trusted = trusted

    # -- replicas

    def make_replica(self, state: ReplicaState) -> Replica:
        """Make a replica out of what the engine has, with the log and the vote that belong to it."""
        range_id = state.descriptor.range_id
        empty = self.replicas.get(range_id)
        if empty is not None:
            # Made by a message that came before this store had applied the split; it may have voted already.
            empty.raft.adopt(state.snapshot())
            empty.state = state
            empty.durable_index = state.index
            return self._add(empty)
        found = self._log.found(range_id)
        if found.base is not None and found.base.index <= state.index <= found.last_index:
            log = Log(found.base, found.entries)
        else:
            log = Log(state.snapshot(), found.after(state.snapshot()))
        return self._add(Replica(self, range_id, self._raft(range_id, log, found.hard_state, state.index), state))

    def _make_empty(self, range_id: int) -> Replica:
        """Make a replica that has nothing: its leader will see that it needs a snapshot."""
        found = self._log.found(range_id)
        raft = self._raft(range_id, Log(Snapshot(0, 0, Configuration(()))), found.hard_state, 0)
        return self._add(Replica(self, range_id, raft, None))

    def _raft(self, range_id: int, log: Log, hard_state: HardState, applied: int) -> Raft:
        raft = Raft(
            self.name,
            log,
            self.options,
            self.node.random,
            self.node.clock.monotonic_ns,
            hard_state,
            applied,
            range_id,
        )
        raft.clock_trusted = self._clock_trusted
        return raft

    def _add(self, replica: Replica) -> Replica:
        self.replicas[replica.range_id] = replica
        self.turns.mark(replica)
        if replica.state is not None:
            self.on_made(replica)
        return replica

    def forget(self, replica: Replica) -> None:
        """Drop a replica whose data is somebody else's, or deleted; its vote is remembered."""
        if self.replicas.get(replica.range_id) is not replica:
            return
        del self.replicas[replica.range_id]
        replica.close()
        self._log.remove(replica.range_id, replica.raft.handed_state)
        if replica.state is not None:
            self.emit(ReplicaDropped(replica.range_id))
            self.on_dropped(replica)

    # -- what belongs to all replicas

    def next_number(self) -> int:
        """Return a number that this process has not used."""
        self._number += 1
        return self._number

    def deadline_ns(self) -> int:
        """Return when something that begins now has taken too long."""
        return self.node.clock.monotonic_ns() + self.timing.proposal_ns

    def spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run something beside the turns; what it raises ends the process."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
            self._failed.set()

    # -- time

    def _tick(self) -> None:
        now_ns = self.node.clock.monotonic_ns()
        for replica in self.replicas.values():
            wake_ns = replica.raft.wake_ns
            if wake_ns is not None and wake_ns <= now_ns:
                replica.raft.tick()
                self.turns.mark(replica)
        if now_ns >= self._next_heartbeat_ns:
            self._next_heartbeat_ns = now_ns + self.options.heartbeat_ns
            self._heartbeat(now_ns)

    def _heartbeat(self, now_ns: int) -> None:
        """Let all leaders be heard at the same time, and tidy up."""
        peers: dict[str, None] = {}
        timeout_ns = self.options.election_timeout_min_ns
        self.closing.look()
        for replica in self.replicas.values():
            raft = replica.raft
            peers.update(dict.fromkeys(raft.log.configuration.members))
            replica.expire(now_ns)
            if raft.replication is not None:
                replica.idle_heartbeats += 1
                idle = self.timing.quiesce and replica.idle_heartbeats > IDLE_HEARTBEATS
                if self.closing.wakes(replica) or not (idle and raft.quiesce()):
                    raft.heartbeat()
                self.turns.mark(replica)
            elif raft.following.quiescent and now_ns - self._heard_ns.get(raft.leader or "", 0) > timeout_ns:
                raft.wake()
        peers.pop(self.name, None)
        self.turns.be_heard(peers)
        self._compaction.look()

    # -- messages

    @handles(RaftTraffic)
    def receive(self, traffic: RaftTraffic) -> None:
        """Take the Raft messages of another store."""
        self._credentials.of_store(traffic)
        sender = self.network.sender
        self._heard_ns[sender] = self.node.clock.monotonic_ns()
        for routed in traffic.routed:
            replica = self.replicas.get(routed.range_id)
            message = routed.message
            if message.sender != sender:
                continue  # nobody speaks for somebody else
            if replica is None:
                if not isinstance(message, AppendEntries | InstallSnapshot | RequestVote):
                    continue
                replica = self._make_empty(routed.range_id)
            if replica.installing is not None:
                continue
            if isinstance(message, InstallSnapshot) and not self.snapshots.accept(message, routed.range_id):
                continue
            if isinstance(message, PreVote | RequestVote) and self._is_stranger(replica, sender):
                continue
            replica.raft.step(message)
            self.turns.mark(replica)

    def _is_stranger(self, replica: Replica, sender: str) -> bool:
        """Whether somebody stands for election who is no member any more; tell it."""
        log, state = replica.raft.log, replica.state
        configuration = log.configuration
        if state is None or configuration.joint or sender in configuration.members:
            return False
        if log.configuration_index > replica.raft.commit_index:
            return False
        self.network.send(sender, ReplicaRemoved(replica.range_id, state.descriptor.generation))
        return True

    @handles(ReplicaRemoved)
    async def removed(self, message: ReplicaRemoved) -> None:
        """Drop a replica that the range does not count any more."""
        self._credentials.of_store(message)
        replica = self.replicas.get(message.range_id)
        if replica is not None and replica.installing is None and replica.descriptor.generation < message.generation:
            await self.applying.remove(replica)

    @handles(SnapshotChunk)
    def take_chunk(self, chunk: SnapshotChunk) -> ChunkTaken:
        """Take a piece of a snapshot."""
        self._credentials.of_store(chunk)
        return self.snapshots.take(self.network.sender, chunk)
