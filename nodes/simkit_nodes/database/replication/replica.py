"""One store's copy of one range: what transactions see as a `Range`, and what the store's loops work on.

The leader of the range's Raft group is its leaseholder: it proposes commands, and answers reads under its lease or
after a round of ReadIndex. Proposals are known by their index until the entry there is applied, whoever's it is.

It deliberately has no loop of its own; the store turns, syncs and applies for all replicas together.
"""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from simkit_nodes.blocks.lsm import Engine
from simkit_nodes.blocks.raft import Busy, ChangeRefused, Entry, NotLeader, Raft, Ready
from simkit_nodes.database.errors import AmbiguousResult, NotLeaseholder, Overloaded, RangeMismatch, Unavailable
from simkit_nodes.database.range import Command, FreezeTrigger, RangeDescriptor
from simkit_nodes.database.replication.closing import Closed, Promise
from simkit_nodes.database.replication.state import ReplicaState

if TYPE_CHECKING:
    from simkit_nodes.database.store import Store

encode_command = msgspec.msgpack.Encoder().encode
decode_command = msgspec.msgpack.Decoder(Command).decode


@dataclass(slots=True)
class Proposal:
    """A command on its way through the log."""

    term: int
    command: Command
    future: Future[None]
    deadline_ns: int


class Replica:
    """A `Range` replicated by Raft.

    Args:
        store: whose replica it is.
        raft: its member of the group.
        state: as of what the engine holds; None for a replica that waits for its first snapshot.

    Attributes:
        low_water: see `Range`.
        queue: committed entries that are not applied yet.
        unsynced: how many of its Readys wait for the disk.
        installing: whether a snapshot is being written; nothing else is done meanwhile.
        idle_heartbeats: how many heartbeats have passed without a request.
        durable_index: what the engine has applied durably.
        closed: what leaseholders have promised.
    """

    def __init__(self, store: Store, range_id: int, raft: Raft, state: ReplicaState | None) -> None:
        self.store, self.range_id, self.raft = store, range_id, raft
        self.state = state
        self.low_water = 0
        self.queue: deque[Entry] = deque()
        self.unsynced = 0
        self.installing: Ready | None = None
        self.idle_heartbeats = 0
        self.gone = False
        self.durable_index = 0 if state is None else state.index
        self.closed = Closed(store.closing.waits)
        self._proposals: dict[int, Proposal] = {}
        self._reads: dict[int, tuple[Future[bool], int]] = {}
        self._changing: Future[None] | None = None
        self._watchers: list[tuple[Callable[[], bool], Future[None], int]] = []

    # -- what transactions see

    @property
    def descriptor(self) -> RangeDescriptor:
        """See `Range`; of a replica without data, an empty one."""
        return NOWHERE if self.state is None else self.state.descriptor

    @property
    def engine(self) -> Engine:
        """See `Range`."""
        return self.store.engine

    @property
    def tenure(self) -> int:
        """See `Range`: the term in which this replica is in office, unless its range is frozen."""
        state = self.state
        return 0 if state is None or state.frozen is not None else self.office

    @property
    def office(self) -> int:
        """Raft's term, once the entry with which the leader began it is applied; 0 where somebody else leads."""
        leader, state = self.raft.replication, self.state
        if leader is None or state is None or state.index < leader.begin_index:
            return 0
        return self.raft.current_term

    @property
    def closed_timestamp(self) -> int:
        """See `Range`; nothing counts while the data is about to be replaced or deleted."""
        state = self.state
        if state is None or self.gone or self.installing is not None:
            return 0
        return max(state.closed_timestamp, self.closed.at(state.index))

    def promised(self, promise: Promise) -> None:
        """Hear what the leaseholder has promised."""
        self.closed.promise(promise, 0 if self.state is None else self.state.index)

    def leaseholder(self) -> str | None:
        """See `Range`."""
        return self.raft.leader

    async def propose(self, command: Command) -> None:
        """See `Range`; also Overloaded (nothing has happened), and RangeMismatch if the range changes just now."""
        if self._changing is not None:
            # What was evaluated before a trigger must not be applied after it.
            generation = self.descriptor.generation
            while self._changing is not None:
                await self._changing
            if self.descriptor.generation != generation:
                raise RangeMismatch(self.descriptor)
        if not self.tenure and not isinstance(command.trigger, FreezeTrigger):
            raise NotLeaseholder(self.leaseholder())
        future: Future[None] = get_running_loop().create_future()
        self._append(command, future)
        if command.trigger is None:
            await future
            return
        self._changing = changing = get_running_loop().create_future()
        try:
            await future
        finally:
            self._changing = None
            changing.set_result(None)

    def _append(self, command: Command, future: Future[None]) -> None:
        try:
            index, term = self.raft.propose(encode_command(command))
        except NotLeader as refused:
            raise NotLeaseholder(refused.leader) from None
        except Busy as busy:
            leader = self.raft.replication
            if leader is not None and leader.transfer_to is not None:
                raise NotLeaseholder(leader.transfer_to) from None
            raise Overloaded(str(busy)) from None
        replaced = self._proposals.pop(index, None)
        if replaced is not None:
            # This leader's log has another entry there, so what once was there is committed nowhere.
            _fail(replaced.future, NotLeaseholder(self.leaseholder()))
        self._proposals[index] = Proposal(term, command, future, self.store.deadline_ns())
        self.idle_heartbeats = 0
        self.store.turns.mark(self)

    async def confirm(self) -> None:
        """See `Range`."""
        tenure = self.tenure
        if not tenure:
            raise NotLeaseholder(self.leaseholder())
        self.idle_heartbeats = 0
        if self.raft.reads.lease_index() is not None:
            return
        future: Future[bool] = get_running_loop().create_future()
        context = self.store.next_number()
        self._reads[context] = (future, self.store.deadline_ns())
        self.raft.read_index(context)
        self.store.turns.mark(self)
        if not await future or self.tenure != tenure:
            raise NotLeaseholder(self.leaseholder())

    # -- what changes the range

    async def change(self, voters: tuple[str, ...], learners: tuple[str, ...] = ()) -> None:
        """Change who has replicas; returns when the change is committed here.

        Raises:
            NotLeaseholder: before anything happened.
            Unavailable: another change is under way, or it takes too long and may yet happen.
        """
        if not self.office:
            raise NotLeaseholder(self.leaseholder())
        if self._changing is not None or not self.tenure:
            raise Unavailable("the range is frozen, or changes just now")
        try:
            self.raft.propose_membership(voters, learners)
        except NotLeader as refused:
            raise NotLeaseholder(refused.leader) from None
        except ChangeRefused as refused:
            raise Unavailable(str(refused)) from None
        self.store.turns.mark(self)
        await self._until(self._is_reconfigured)

    def _is_reconfigured(self) -> bool:
        log = self.raft.log
        return self.state is not None and not log.configuration.joint and log.configuration_index <= self.state.index

    async def add(self, name: str) -> None:
        """Give a store a replica: first as a learner, and as a voter once it has the log. As `change`."""
        configuration = self.raft.log.configuration
        if name not in configuration.members:
            await self.change(configuration.voters, (*configuration.learners, name))
        await self._until(lambda: self._has_caught_up(name))
        configuration = self.raft.log.configuration
        learners = tuple(learner for learner in configuration.learners if learner != name)
        await self.change((*configuration.voters, name), learners)

    def _has_caught_up(self, name: str) -> bool:
        leader = self.raft.replication
        if leader is None or name not in leader.progress:
            raise NotLeaseholder(self.leaseholder())
        return leader.progress[name].match_index >= self.raft.commit_index

    async def relocate(self, stores: tuple[str, ...]) -> None:
        """Bring the replicas to these stores: new ones learn first, then voters change through a joint configuration.

        Begun again it goes on where it was. As `change`.
        """
        configuration = self.raft.log.configuration
        joining = tuple(store for store in stores if store not in configuration.voters)
        if set(configuration.learners) != set(joining):
            await self.change(configuration.voters, joining)
        await self._until(lambda: all(self._has_caught_up(store) for store in joining))
        if set(self.raft.log.configuration.voters) != set(stores):
            await self.change(stores)

    async def remove(self, name: str) -> None:
        """Take the replica of a store away. As `change`."""
        configuration = self.raft.log.configuration
        voters = tuple(voter for voter in configuration.voters if voter != name)
        await self.change(voters, tuple(learner for learner in configuration.learners if learner != name))

    def transfer(self, to: str) -> None:
        """Hand the lease to another voter. NotLeaseholder; Unavailable if it is none."""
        try:
            self.raft.transfer_leadership(to)
        except NotLeader as refused:
            raise NotLeaseholder(refused.leader) from None
        except ChangeRefused as refused:
            raise Unavailable(str(refused)) from None
        self.store.turns.mark(self)

    async def freeze(self, left: RangeDescriptor, generation: int) -> int:
        """Let the range serve nobody, and return the index up to which every replica then has its log.

        Asked again for the same neighbour it only waits for the replicas.

        Args:
            left: the neighbour that is about to take this range in.
            generation: of this range, as the neighbour knows it.

        Raises:
            NotLeaseholder: before anything happened, or while it waited.
            RangeMismatch: this range, or where its replicas are, is not what the neighbour takes it for.
            Unavailable: a replica is silent, another merge is under way, or it takes too long and may yet happen.
        """
        state = self.state
        if state is None or not self.office:
            raise NotLeaseholder(self.leaseholder())
        if state.frozen is None:
            self._hear_everybody()
            await self.propose(Command(trigger=FreezeTrigger(generation, left)))
        elif state.frozen != left:
            raise Unavailable("the range is frozen for another merge")
        index = self.applied_index

        def everywhere() -> bool:
            leader = self.raft.replication
            if leader is None:
                raise NotLeaseholder(self.leaseholder())
            return all(progress.match_index >= index for progress in leader.progress.values())

        await self._until(everywhere)
        return index

    @property
    def applied_index(self) -> int:
        """The index of the last entry applied here."""
        return 0 if self.state is None else self.state.index

    def _hear_everybody(self) -> None:
        """Raise Unavailable if a member's store was not heard lately: a merge would have to wait for it."""
        for name in self.raft.log.configuration.members:
            if not self.store.hears(name):
                raise Unavailable(f"{name} is silent")

    async def thaw(self, left: RangeDescriptor) -> None:
        """Let the range serve again that was frozen for this neighbour. As `freeze`; see `FreezeTrigger`."""
        await self.propose(Command(trigger=FreezeTrigger(self.descriptor.generation, left, frozen=False)))

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds; it is looked at after every turn of the store. Unavailable after the timeout."""
        deadline_ns = self.store.deadline_ns()
        while not condition():
            future: Future[None] = get_running_loop().create_future()
            self._watchers.append((condition, future, deadline_ns))
            await future

    # -- what the store tells

    def applied(self, entry: Entry, error: Exception | None) -> None:
        """Answer the proposal at an index, now that an entry there is applied."""
        proposal = self._proposals.pop(entry.index, None)
        if proposal is None:
            return
        if proposal.term != entry.term:
            error = NotLeaseholder(self.leaseholder())
        if error is not None:
            _fail(proposal.future, error)
        elif not proposal.future.done():
            proposal.future.set_result(None)

    def command_of(self, entry: Entry) -> Command:
        """Return the command of an entry; at its proposer it need not be decoded."""
        proposal = self._proposals.get(entry.index)
        if proposal is not None and proposal.term == entry.term:
            return proposal.command
        return decode_command(entry.data)

    def read_answered(self, context: int, index: int | None) -> None:
        """Answer a read that waited for a round; None: this replica leads no more."""
        waiting = self._reads.pop(context, None)
        if waiting is not None and not waiting[0].done():
            waiting[0].set_result(index is not None)

    def look_around(self) -> None:
        """Wake whoever waits for something that holds now."""
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            condition, future, _ = watcher
            try:
                holds = condition()
            except NotLeaseholder as error:
                _fail(future, error)
                continue
            if holds and not future.done():
                future.set_result(None)
            elif not holds:
                self._watchers.append(watcher)

    @property
    def watched(self) -> bool:
        """Whether anybody waits for a condition."""
        return bool(self._watchers)

    def expire(self, now_ns: int) -> None:
        """Give up what has taken too long."""
        late = [index for index, proposal in self._proposals.items() if proposal.deadline_ns <= now_ns]
        for index in late:
            proposal = self._proposals.pop(index)
            lasts = self.tenure == proposal.term
            _fail(proposal.future, Unavailable("no quorum in time") if lasts else AmbiguousResult("the lease was lost"))
        for context in [context for context, (_, deadline_ns) in self._reads.items() if deadline_ns <= now_ns]:
            _fail(self._reads.pop(context)[0], Unavailable("no quorum in time"))
        for _, waiter, deadline_ns in self._watchers:
            if deadline_ns <= now_ns:
                _fail(waiter, Unavailable("it takes too long and may yet happen"))
        self._watchers = [watcher for watcher in self._watchers if not watcher[1].done()]

    def close(self) -> None:
        """Answer everybody: the replica is no more."""
        self.gone = True
        for proposal in self._proposals.values():
            _fail(proposal.future, AmbiguousResult("the replica was removed"))
        for future, _ in self._reads.values():
            _fail(future, NotLeaseholder())
        for _, waiter, _ in self._watchers:
            _fail(waiter, NotLeaseholder())
        self._proposals.clear()
        self._reads.clear()
        self._watchers.clear()


NOWHERE = RangeDescriptor(0, b"", b"", (), -1)


def _fail(future: Future, error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
