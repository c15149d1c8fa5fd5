"""One Raft group's server on a host: the driver for systems that replicate one state machine.

    server = await RaftServer.open(self, ("a", "b", "c"), Options(), machine)
    result = await server.propose(b"x = 1")      # what the machine's `apply` returned; NotLeader elsewhere
    await server.read()                          # from now on the machine may be read

Messages are datagrams under Raft's own names, the log is on the host's disk, timers are exact to the nanosecond.

It deliberately runs one group: a host with many wants to share syncs, datagrams and timers among them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from errno import ENOSPC
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from simkit_nodes.blocks.raft.ballot import Ballot
from simkit_nodes.blocks.raft.configuration import Configuration
from simkit_nodes.blocks.raft.errors import NotLeader
from simkit_nodes.blocks.raft.group_logs import GroupLogs
from simkit_nodes.blocks.raft.log import Log
from simkit_nodes.blocks.raft.messages import (
    AppendEntries,
    AppendEntriesReply,
    Entry,
    InstallSnapshot,
    PreVote,
    PreVoteReply,
    RaftMessage,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    Snapshot,
    TimeoutNow,
)
from simkit_nodes.blocks.raft.options import Options
from simkit_nodes.blocks.raft.raft import Raft
from simkit_nodes.blocks.raft.ready import Ready

if TYPE_CHECKING:
    from simkit.node import Node

ENTRIES_MAX: Final = 4096
"""So many applied entries are replaced by a snapshot of the state machine."""
PAUSE_S: Final = 0.05
"""Before a full disk is tried again."""

_KINDS: tuple[type[RaftMessage], ...] = (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)


class StateMachine(Protocol):
    """What is replicated. It must do the same for the same commands, and nothing else."""

    def apply(self, command: bytes) -> Any:
        """Carry out a command; what is returned reaches the proposer."""
        ...

    def snapshot(self) -> bytes:
        """Return the whole state."""
        ...

    def restore(self, data: bytes) -> None:
        """Take a state in place of one's own."""
        ...


class RaftServer:
    """A member of one group. Made by `open`.

    Attributes:
        raft: the algorithm; look, and ask it for membership changes and transfers, then call `turn_soon`.
    """

    def __init__(self, node: Node, logs: GroupLogs, raft: Raft, machine: StateMachine) -> None:
        self._node, self._logs, self.raft, self._machine = node, logs, raft, machine
        self._turning = False
        self._unsynced: list[Ready] = []
        self._syncing = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._proposals: dict[int, tuple[int, asyncio.Future[Any]]] = {}
        self._reads: dict[int, asyncio.Future[None]] = {}
        self._allowed: list[tuple[int, asyncio.Future[None]]] = []  # reads that wait for the machine
        self._contexts = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls,
        node: Node,
        voters: tuple[str, ...],
        options: Options,
        machine: StateMachine,
        *,
        path: str = "raft/",
        group: int = 0,
        ballot: Ballot | None = None,
    ) -> Self:
        """Open or begin the log, restore the machine, and take part. LogCorrupt.

        Args:
            node: whose network, disk, clock, random stream and events it uses.
            voters: the first configuration; later ones are in the log.
            options: of the group.
            machine: freshly made.
            path: what the names of the log's files begin with.
            group: what events call it.
            ballot: decides whom it votes for.
        """
        for kind in _KINDS:
            node.network.handle(kind, _not_yet)
        logs = await GroupLogs.open(node.disk, path)
        found = logs.found(group)
        base = found.base or Snapshot(0, 0, Configuration(voters))
        if base.index:
            machine.restore(base.data)
        log = Log(base, found.after(base))
        clock = node.clock.monotonic_ns
        raft = Raft(node.name, log, options, node.random, clock, found.hard_state, base.index, group, ballot)
        server = cls(node, logs, raft, machine)
        for kind in _KINDS:
            node.network.handle(kind, server._step)
        server.turn_soon()
        return server

    # -- what a system asks for

    async def propose(self, command: bytes) -> Any:
        """Replicate a command; return what the machine returned for it here.

        Without a majority it waits; whoever gives up waiting does not know what becomes of the command.

        Raises:
            NotLeader: this server does not lead, or the command has certainly been lost.
            Busy: too much is under way.
        """
        index, term = self.raft.propose(command)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        before = self._proposals.pop(index, None)
        if before is not None:
            self._lost(before[1])
        self._proposals[index] = term, future
        self.turn_soon()
        return await future

    async def read(self) -> None:
        """Wait until the machine holds everything that was acknowledged before this call. NotLeader: ask again."""
        self._contexts += 1
        context = self._contexts
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reads[context] = future
        self.raft.read_index(context)
        self.turn_soon()
        try:
            await future
        finally:
            self._reads.pop(context, None)

    # -- turns

    def _step(self, message: RaftMessage) -> None:
        self.raft.step(message)
        self.turn_soon()

    def turn_soon(self) -> None:
        """Do what Raft wants done, after what else happens in this instant."""
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turning = False
        while self.raft.has_ready:
            self._do(self.raft.ready())
        if self._unsynced and not self._syncing:
            self._syncing = True
            self._spawn(self._sync())
        self._arm()

    def _do(self, ready: Ready) -> None:
        for event in ready.events:
            self._node.emit(event)
        self._send(ready.messages)
        if ready.snapshot is not None:
            self._machine.restore(ready.snapshot.data)
        if ready.must_sync:
            self._logs.append(self.raft.group, ready)
        if ready.must_sync or self._unsynced:
            self._unsynced.append(ready)
        else:
            self._send(ready.messages_after)
        for entry in ready.committed:
            self._apply(entry)
        for read in ready.read_states:
            self._answer(read.context, read.index)
        for target in ready.snapshots_wanted:
            self.raft.send_snapshot(target, self._snapshot())
        self._let_read()

    def _send(self, messages: tuple[RaftMessage, ...]) -> None:
        for message in messages:
            self._node.network.send(message.target, message)

    async def _sync(self) -> None:
        try:
            while self._unsynced:
                batch, unsynced = list(self._unsynced), self._unsynced
                await self._sync_logs()
                del unsynced[: len(batch)]
                for ready in batch:
                    self.raft.persisted(ready)
                    self._send(ready.messages_after)
                self._turn()
                if self.raft.log.last_index - self.raft.log.snapshot_index > ENTRIES_MAX:
                    await self._compact()
        finally:
            self._syncing = False

    async def _sync_logs(self) -> None:
        while True:
            try:
                await self._logs.sync()
            except OSError as error:
                if error.errno != ENOSPC:
                    raise
                await asyncio.sleep(PAUSE_S)
            else:
                return

    async def _compact(self) -> None:
        """Replace what is applied by a snapshot, here and on the disk."""
        snapshot = self._snapshot()
        self.raft.compact(snapshot.index)
        if self.raft.log.snapshot_index == snapshot.index:
            await self._logs.checkpoint([(self.raft.group, self.raft, snapshot.data)])

    def _snapshot(self) -> Snapshot:
        log, index = self.raft.log, self.raft.applied_index
        term = log.term(index)
        assert term is not None
        return Snapshot(index, term, log.configuration_at(index), self._machine.snapshot())

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- answers

    def _apply(self, entry: Entry) -> None:
        result = self._machine.apply(entry.data) if entry.kind == "command" else None
        proposal = self._proposals.pop(entry.index, None)
        if proposal is None or proposal[1].done():
            return
        term, future = proposal
        if term == entry.term:
            future.set_result(result)
        else:
            self._lost(future)

    def _lost(self, future: asyncio.Future[Any]) -> None:
        if not future.done():
            future.set_exception(NotLeader(self.raft.leader))

    def _answer(self, context: int, index: int | None) -> None:
        future = self._reads.get(context)
        if future is None or future.done():
            return
        if index is None:
            self._lost(future)
        else:
            self._allowed.append((index, future))

    def _let_read(self) -> None:
        """Let reads go whose index the machine has reached."""
        if self._allowed:
            waiting, self._allowed = self._allowed, []
            for index, future in waiting:
                if index > self.raft.applied_index:
                    self._allowed.append((index, future))
                elif not future.done():
                    future.set_result(None)

    # -- time

    def _arm(self) -> None:
        """Set the timer, unless one is set that comes early enough: it will look again."""
        wake_ns = self.raft.wake_ns
        if wake_ns is None or (self._timer is not None and self._timer_ns <= wake_ns):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ns = wake_ns
        after_s = max(0, wake_ns - self.raft.clock()) / 1e9
        self._timer = asyncio.get_running_loop().call_later(after_s, partial(self._tick))

    def _tick(self) -> None:
        self._timer = None
        self.raft.tick()
        self._turn()


def _not_yet(message: RaftMessage) -> None:
    """Lose a message that comes while the log is being read."""
