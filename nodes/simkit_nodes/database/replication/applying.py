"""Applying committed entries: one batch for all replicas of a store, in which data and applied index change together.

An entry that changes its range (a split, a merge, a freeze, another configuration) is applied in a batch of its own,
because what follows it in the log meets another range.

It deliberately decides nothing that other replicas could decide differently: state and log are all it looks at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from errno import ENOSPC
from typing import TYPE_CHECKING, Final

import msgspec

from simkit_nodes.blocks.lsm import WriteBatch
from simkit_nodes.blocks.raft import Configuration, Entry
from simkit_nodes.database.errors import RangeMismatch
from simkit_nodes.database.range import (
    AbandonTrigger,
    Command,
    FreezeTrigger,
    MergeTrigger,
    RangeDescriptor,
    SplitTrigger,
    Trigger,
)
from simkit_nodes.database.replication.events import RangeChanged, RangeFrozen, RangeMerged, RangeThawed
from simkit_nodes.database.replication.replica import Replica
from simkit_nodes.database.replication.state import ReplicaState, encode_state, state_key

if TYPE_CHECKING:
    from simkit_nodes.database.store import Store

PAUSE_S: Final = 0.05
"""Before something is tried again that may work later: a full disk, a neighbour that lags behind."""

ENTRIES_MAX: Final = 1024
"""How many entries one batch takes of one replica."""


class Applying:
    """The loop that brings committed entries into the engine."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._replicas: dict[Replica, None] = {}
        self._running = False

    def add(self, replica: Replica, entries: tuple[Entry, ...]) -> None:
        """Take committed entries of a replica."""
        replica.queue.extend(entries)
        self.wake(replica)

    def wake(self, replica: Replica) -> None:
        """Look at a replica: it has entries to apply, or a snapshot to install."""
        self._replicas[replica] = None
        if not self._running:
            self._running = True
            self._store.spawn(self._run())

    async def _run(self) -> None:
        try:
            while self._replicas:
                replicas, self._replicas = self._replicas, {}
                await self._apply(list(replicas))
        finally:
            self._running = False

    async def _apply(self, replicas: list[Replica]) -> None:
        batch = WriteBatch()
        done: list[Callable[[], None]] = []
        alone: list[Replica] = []
        for replica in replicas:
            if replica.gone:
                continue
            self._gather(replica, batch, done)
            if replica.queue or replica.installing is not None:
                alone.append(replica)
        if batch.changes:
            await self.write(batch)
            for finish in done:
                finish()
        for replica in alone:
            if replica.queue:
                await self._apply_change(replica)
            elif replica.installing is not None:
                await self._store.snapshots.install(replica)
            if not replica.gone and (replica.queue or replica.installing is not None):
                self._replicas[replica] = None

    async def write(self, batch: WriteBatch, *, sync: bool = False) -> None:
        """Write a batch, again and again while the disk is full."""
        while True:
            try:
                await self._store.engine.write(batch, sync=sync)
            except OSError as error:
                if error.errno != ENOSPC:
                    raise
                await asyncio.sleep(PAUSE_S)
            else:
                return

    # -- plain commands

    def _gather(self, replica: Replica, batch: WriteBatch, done: list[Callable[[], None]]) -> None:
        """Take entries up to one that changes the range."""
        queue, state = replica.queue, replica.state
        if state is None:
            return
        entries: list[tuple[Entry, Exception | None]] = []
        closed = state.closed_timestamp
        while queue and len(entries) < ENTRIES_MAX:
            entry = queue[0]
            error: Exception | None = None
            if entry.kind == "configuration":
                break
            if entry.kind == "command":
                command = replica.command_of(entry)
                if command.trigger is not None:
                    break
                if state.frozen is not None:
                    error = RangeMismatch(state.descriptor)
                else:
                    put_all(batch, command)
                    closed = max(closed, command.closed_timestamp)
            queue.popleft()
            entries.append((entry, error))
        if entries:
            last = entries[-1][0]
            after = ReplicaState(state.descriptor, last.index, last.term, state.configuration, closed, state.frozen)
            batch.put(state_key(replica.range_id), encode_state(after))
            done.append(lambda: self._finish(replica, after, entries))

    def _finish(self, replica: Replica, state: ReplicaState, entries: list[tuple[Entry, Exception | None]]) -> None:
        replica.state = state
        for entry, error in entries:
            if entry.kind == "begin" and entry.term == replica.raft.current_term and replica.office:
                replica.low_water = max(self._store.low_water(), state.closed_timestamp, replica.closed.promised)
            replica.applied(entry, error)

    # -- what changes the range

    async def _apply_change(self, replica: Replica) -> None:
        """Apply the next entry if it is one that changes the range."""
        entry, state = replica.queue[0], replica.state
        assert state is not None
        if entry.kind == "configuration":
            await self._reconfigure(replica, state, entry)
            return
        command = replica.command_of(entry)
        trigger = command.trigger
        if trigger is None:
            return
        error = None
        if not _fits(state, trigger):
            error = RangeMismatch(state.descriptor)
            await self._change(replica, msgspec.structs.replace(state, index=entry.index, term=entry.term), ())
        elif isinstance(trigger, SplitTrigger):
            await self._split(replica, state, entry, command, trigger)
        elif isinstance(trigger, MergeTrigger):
            if not await self._merge(replica, state, entry, command, trigger):
                await asyncio.sleep(PAUSE_S)  # the neighbour's replica here is behind
                return
        elif isinstance(trigger, AbandonTrigger):
            after = _replace_descriptor(state, entry, trigger.renewed)
            await self._change(replica, after, command.puts)
            self._store.emit(_changed(after.descriptor, "renewed"))
        else:
            await self._freeze(replica, state, entry, trigger)
        replica.queue.popleft()
        replica.applied(entry, error)
        replica.look_around()

    async def _change(
        self, replica: Replica, after: ReplicaState, puts: object, *others: ReplicaState, gone: int | None = None
    ) -> None:
        """Write a replica's next state, with what comes with it."""
        batch = WriteBatch()
        put_all(batch, Command(puts=puts))  # type: ignore[arg-type]
        for state in (after, *others):
            batch.put(state_key(state.descriptor.range_id), encode_state(state))
        if gone is not None:
            batch.delete(state_key(gone))
        # The log knows of a group only while the engine does, whatever a crash leaves: what comes and goes is synced.
        await self.write(batch, sync=bool(others) or gone is not None)
        replica.state = after

    async def _split(
        self, replica: Replica, state: ReplicaState, entry: Entry, command: Command, trigger: SplitTrigger
    ) -> None:
        left = _replace_descriptor(state, entry, trigger.left)
        right = ReplicaState.first(_on(trigger.right, state.descriptor.replicas), state.closed_timestamp)
        right = msgspec.structs.replace(right, configuration=state.configuration)  # learners have the data as well
        await self._change(replica, left, command.puts, right)
        store = self._store
        store.emit(_changed(left.descriptor, "split"))
        store.emit(_changed(right.descriptor, "split"))
        made = store.make_replica(right)
        if replica.raft.replication is not None:
            replica.raft.heartbeat()  # followers hear that the split is committed, and then of the election
            store.turns.mark(replica)
            made.raft.campaign()
            store.turns.mark(made)

    async def _freeze(self, replica: Replica, state: ReplicaState, entry: Entry, trigger: FreezeTrigger) -> None:
        """Freeze or thaw a range."""
        frozen = trigger.left if trigger.frozen else None
        after = msgspec.structs.replace(state, index=entry.index, term=entry.term, frozen=frozen)
        await self._change(replica, after, ())
        told = RangeFrozen if trigger.frozen else RangeThawed
        self._store.emit(told(replica.range_id, trigger.left.range_id, entry.index))

    async def _merge(
        self, replica: Replica, state: ReplicaState, entry: Entry, command: Command, trigger: MergeTrigger
    ) -> bool:
        """Take the right neighbour in; return False while its replica here has not applied everything."""
        store = self._store
        right = store.replicas.get(trigger.right.range_id)
        if right is None or right.state is None or right.state.index < trigger.right_index:
            if right is not None and right.raft.log.last_index >= trigger.right_index:
                right.raft.learn_commit(trigger.right_index)
                store.turns.mark(right)
            return False
        after = _replace_descriptor(state, entry, trigger.merged)
        after = msgspec.structs.replace(
            after, closed_timestamp=min(after.closed_timestamp, right.state.closed_timestamp)
        )
        await self._change(replica, after, command.puts, gone=right.range_id)
        if replica.tenure:
            # Reads that the right range's leaseholder has served are not known here.
            replica.low_water = max(replica.low_water, trigger.low_water)
        store.emit(_changed(after.descriptor, "merge"))
        store.emit(RangeMerged(right.range_id, replica.range_id, after.descriptor.generation))
        store.forget(right)
        return True

    async def _reconfigure(self, replica: Replica, state: ReplicaState, entry: Entry) -> None:
        configuration = Configuration.decode(entry.data)
        descriptor = state.descriptor
        if not configuration.joint:
            descriptor = msgspec.structs.replace(
                descriptor, replicas=configuration.voters, generation=descriptor.generation + 1
            )
        after = ReplicaState(descriptor, entry.index, entry.term, configuration, state.closed_timestamp, state.frozen)
        replica.queue.popleft()
        await self._change(replica, after, ())
        if not configuration.joint:
            self._store.emit(_changed(descriptor, "replicas"))
        replica.applied(entry, None)
        replica.look_around()
        if self._store.name not in configuration.members:
            await self.remove(replica)

    async def remove(self, replica: Replica) -> None:
        """Delete a replica and its data."""
        batch = WriteBatch()
        if replica.state is not None:
            for begin, end in self._store.spans(replica.state.descriptor):
                batch.delete_range(begin, end)
        batch.delete(state_key(replica.range_id))
        replica.gone = True
        await self.write(batch, sync=True)
        self._store.forget(replica)


def put_all(batch: WriteBatch, command: Command) -> None:
    """Add a command's writes to a batch."""
    for key, value in command.puts:
        if value is None:
            batch.delete(key)
        else:
            batch.put(key, value)


def _fits(state: ReplicaState, trigger: Trigger) -> bool:
    """Whether a trigger was made out of the range as it is, and every replica of the range can carry it out."""
    configuration, generation = state.configuration, state.descriptor.generation
    if isinstance(trigger, FreezeTrigger) and not trigger.frozen:
        return state.frozen == trigger.left
    if state.frozen is not None or configuration.joint:
        return False
    if isinstance(trigger, SplitTrigger):
        return trigger.left.generation == generation + 1
    if isinstance(trigger, AbandonTrigger):
        return trigger.renewed.generation == generation + 1
    # A replica that is not there for both cannot bring them together.
    if isinstance(trigger, FreezeTrigger):
        return trigger.generation == generation and _are_on(configuration, trigger.left)
    return trigger.left_generation == generation and _are_on(configuration, trigger.right)


def _are_on(configuration: Configuration, neighbour: RangeDescriptor) -> bool:
    """Whether a range's replicas, of which none is a learner, are on the stores of its neighbour's."""
    return not configuration.learners and set(configuration.voters) == set(neighbour.replicas)


def _on(descriptor: RangeDescriptor, replicas: tuple[str, ...]) -> RangeDescriptor:
    return msgspec.structs.replace(descriptor, replicas=replicas)


def _replace_descriptor(state: ReplicaState, entry: Entry, descriptor: RangeDescriptor) -> ReplicaState:
    return msgspec.structs.replace(
        state, descriptor=_on(descriptor, state.descriptor.replicas), index=entry.index, term=entry.term
    )


def _changed(descriptor: RangeDescriptor, how: str) -> RangeChanged:
    return RangeChanged(
        descriptor.range_id, descriptor.begin, descriptor.end, descriptor.replicas, descriptor.generation, how
    )
