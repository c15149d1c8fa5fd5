"""Asynchronous replication, as MySQL's: a primary answers when it has a write itself, and ships it afterwards.

A replica that has heard nothing from its primary for a while promotes itself. If the old primary is only cut off, both
go on: each takes writes that the other will never have. When they meet again the younger epoch wins, and what the older
one has taken alone is counted and told.

It is here to be compared with Raft, and deliberately survives no restart and repairs nothing.

Source: GitHub, "October 21 post-incident analysis" (2018), for how such a failover ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from simkit.network import Message, handles
from simkit.node import Node
from simkit_nodes.blocks.lsm import Engine, WriteBatch
from simkit_nodes.database.errors import NotLeaseholder
from simkit_nodes.database.range import Command, RangeDescriptor
from simkit_nodes.database.replication.applying import put_all
from simkit_nodes.database.replication.events import PrimaryPromoted, RangeChanged, WritesDiverged
from simkit_nodes.database.replication.replica import decode_command, encode_command

SHIP_S: Final = 0.05
"""How often a primary ships what is new; that it is alive as well."""
FAILOVER_S: Final = 10.0
"""How long a replica hears nothing before it promotes itself; each further one waits as long again."""
ENTRIES_MAX: Final = 256


class ShippedEntries(Message, tag="database.shipped_entries/1"):
    """What a primary has done: commands from index `first` on; `base` is where its epoch began."""

    range_id: int
    epoch: int
    base: int
    first: int
    commands: tuple[bytes, ...]


class EntriesTaken(Message, tag="database.entries_taken/1"):
    """A replica has everything up to `index`; a higher epoch than the primary's says that there is another one."""

    range_id: int
    epoch: int
    base: int
    index: int


class AsynchronousReplica:
    """One store's copy of one range: `Range`, and what is known of the other copies."""

    def __init__(self, store: AsynchronousStore, descriptor: RangeDescriptor) -> None:
        self.store, self.descriptor, self.range_id = store, descriptor, descriptor.range_id
        self.low_water = self.closed_timestamp = 0
        self.log: list[bytes] = []
        self.primary = min(descriptor.replicas)
        self.epoch, self.base = 1, 0
        self.errant = False
        self.taken = dict.fromkeys(descriptor.replicas, 0)
        self.heard_s = 0.0

    @property
    def engine(self) -> Engine:
        """See `Range`."""
        return self.store.engine

    @property
    def tenure(self) -> int:
        """See `Range`: the epoch of a primary."""
        return self.epoch if self.primary == self.store.name else 0

    def leaseholder(self) -> str | None:
        """See `Range`."""
        return self.primary

    async def propose(self, command: Command) -> None:
        """See `Range`; it returns when the command is durable here, wherever else it may not be."""
        if not self.tenure:
            raise NotLeaseholder(self.primary)
        self.log.append(encode_command(command))
        await self.store.apply(command)

    async def confirm(self) -> None:
        """See `Range`: a primary asks nobody whether it still is one."""
        if not self.tenure:
            raise NotLeaseholder(self.primary)

    def promote(self) -> None:
        """Become the primary: the old one is silent."""
        self.store.node.emit(PrimaryPromoted(self.range_id, self.primary))
        self.primary, self.epoch, self.base = self.store.name, self.epoch + 1, len(self.log)
        self.low_water = self.store.low_water()

    def superseded(self, epoch: int, base: int, primary: str) -> None:
        """There is a younger epoch, which began after `base` entries."""
        alone = len(self.log) - base
        if alone > 0:
            self.errant = True
            self.store.node.emit(WritesDiverged(self.range_id, alone, primary))
        self.primary, self.epoch, self.base = primary, epoch, base


class AsynchronousStore:
    """The replicas of one store, in the shape of `Store`."""

    def __init__(self, node: Node, engine: Engine) -> None:
        self.node, self.engine, self.name = node, engine, node.name
        self.replicas: dict[int, AsynchronousReplica] = {}
        self.on_made: Callable[[AsynchronousReplica], None] = lambda replica: None
        self.on_dropped: Callable[[AsynchronousReplica], None] = lambda replica: None
        self.low_water: Callable[[], int] = lambda: 0
        node.network.bind(self)

    async def bootstrap(self, descriptor: RangeDescriptor) -> AsynchronousReplica:
        """Make this store's replica of a new range."""
        replica = self.replicas[descriptor.range_id] = AsynchronousReplica(self, descriptor)
        bounds = (descriptor.begin, descriptor.end, descriptor.replicas, descriptor.generation)
        self.node.emit(RangeChanged(descriptor.range_id, *bounds, "bootstrap"))
        self.on_made(replica)
        return replica

    def trust_clock(self, trusted: bool) -> None:
        """Nothing here depends on a clock."""

    async def apply(self, command: Command) -> None:
        """Carry out a command on the engine."""
        batch = WriteBatch()
        put_all(batch, command)
        await self.engine.write(batch, sync=True)

    async def run(self) -> None:
        """Ship, and watch over primaries, for ever."""
        loop = asyncio.get_running_loop()
        for replica in self.replicas.values():
            replica.heard_s = loop.time()
        while True:
            await asyncio.sleep(SHIP_S)
            for replica in self.replicas.values():
                if replica.tenure:
                    self._ship(replica)
                elif not replica.errant:
                    turn = sorted(replica.descriptor.replicas).index(self.name)
                    if loop.time() - replica.heard_s > FAILOVER_S * max(1, turn):
                        replica.promote()

    def _ship(self, replica: AsynchronousReplica) -> None:
        for other, taken in replica.taken.items():
            if other != self.name:
                commands = tuple(replica.log[taken : taken + ENTRIES_MAX])
                message = ShippedEntries(replica.range_id, replica.epoch, replica.base, taken, commands)
                self.node.network.send(other, message)

    @handles(ShippedEntries, serial=True)
    async def take(self, shipped: ShippedEntries) -> None:
        """Carry out what a primary has done."""
        replica, source = self.replicas.get(shipped.range_id), self.node.network.sender
        if replica is None:
            return
        if shipped.epoch > replica.epoch:
            replica.superseded(shipped.epoch, shipped.base, source)
        if shipped.epoch == replica.epoch and not replica.tenure:
            replica.heard_s = asyncio.get_running_loop().time()
            known = len(replica.log) - shipped.first
            if known >= 0 and not replica.errant:
                for encoded in shipped.commands[known:]:
                    replica.log.append(encoded)
                    await self.apply(decode_command(encoded))
        self.node.network.send(source, EntriesTaken(replica.range_id, replica.epoch, replica.base, len(replica.log)))

    @handles(EntriesTaken)
    def taken(self, taken: EntriesTaken) -> None:
        """Note how far a replica is, or that this primary is none any more."""
        replica, source = self.replicas.get(taken.range_id), self.node.network.sender
        if replica is None:
            return
        if taken.epoch > replica.epoch:
            replica.superseded(taken.epoch, taken.base, source)
        elif taken.epoch == replica.epoch:
            replica.taken[source] = min(taken.index, len(replica.log))
