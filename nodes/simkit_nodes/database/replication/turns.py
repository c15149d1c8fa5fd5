"""The turns of a store: what all its groups have ready is sent, synced and applied together.

Messages to one store travel in one, records of all groups share a sync, and committed entries of all groups a batch of
the engine. Whatever comes while a sync is under way shares the next one.

It deliberately decides nothing: Raft says what is ready, and what must wait for the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from errno import ENOSPC
from typing import TYPE_CHECKING

from simkit_nodes.blocks.raft import RaftMessage, Ready
from simkit_nodes.blocks.raft.group_logs import GroupLogs
from simkit_nodes.database.replication.applying import PAUSE_S
from simkit_nodes.database.replication.messages import RaftTraffic, Routed
from simkit_nodes.database.replication.replica import Replica

if TYPE_CHECKING:
    from simkit_nodes.database.store import Store


class Turns:
    """Takes what is ready, for one store.

    Args:
        store: whose replicas they are.
        log: of all its groups.
    """

    def __init__(self, store: Store, log: GroupLogs) -> None:
        self._store, self._log = store, log
        self._dirty: dict[Replica, None] = {}
        self._turning = False
        self._traffic: dict[str, list[Routed]] = {}
        self._spoken: set[str] = set()
        self._unsynced: list[tuple[Replica, Ready]] = []
        self._syncing = False

    def mark(self, replica: Replica) -> None:
        """Let the next turn look at a replica."""
        self._dirty[replica] = None
        self.schedule()

    def schedule(self) -> None:
        """Let there be a turn."""
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def be_heard(self, peers: Iterable[str]) -> None:
        """Send something, however empty, to those of these stores to whom nothing was sent since the last time."""
        for peer in peers:
            if peer not in self._spoken:
                self._traffic.setdefault(peer, [])
        self._spoken.clear()
        self.schedule()

    def _turn(self) -> None:
        """Take what all marked replicas have ready, and send, sync and apply it together."""
        self._turning = False
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            for replica in dirty:
                if not replica.gone and replica.installing is None and replica.raft.has_ready:
                    self._take(replica, replica.raft.ready())
                if replica.watched:
                    replica.look_around()
        for target, routed in self._traffic.items():
            self._spoken.add(target)
            self._store.network.send(target, RaftTraffic(tuple(routed)))
        self._traffic.clear()
        if self._unsynced and not self._syncing:
            self._syncing = True
            self._store.spawn(self._sync())

    def _take(self, replica: Replica, ready: Ready) -> None:
        for event in ready.events:
            self._store.emit(event)
        self._route(replica, ready.messages)
        for read in ready.read_states:
            replica.read_answered(read.context, read.index)
        if ready.snapshot is not None:
            replica.installing = ready
            self._store.applying.wake(replica)
            return
        if ready.must_sync or replica.unsynced:
            if ready.must_sync:
                self._log.append(replica.range_id, ready)
            self._await_sync(replica, ready)
        else:
            self._route(replica, ready.messages_after)
        if ready.committed:
            self._store.applying.add(replica, ready.committed)
        for target in ready.snapshots_wanted:
            self._store.snapshots.wanted(replica, target)

    def _route(self, replica: Replica, messages: Iterable[RaftMessage]) -> None:
        for message in messages:
            self._traffic.setdefault(message.target, []).append(
                Routed(replica.range_id, message)  # type: ignore[arg-type]
            )

    def installed(self, replica: Replica, ready: Ready) -> None:
        """Go on with a Ready whose snapshot is in the engine."""
        self._log.append(replica.range_id, ready)
        self._await_sync(replica, ready)
        self.mark(replica)

    def _await_sync(self, replica: Replica, ready: Ready) -> None:
        replica.unsynced += 1
        self._unsynced.append((replica, ready))

    async def _sync(self) -> None:
        """Make records durable, as long as there are any; whatever comes meanwhile shares the next sync."""
        try:
            while self._unsynced:
                batch, self._unsynced = self._unsynced, []
                await self._sync_log()
                for replica, ready in batch:
                    replica.unsynced -= 1
                    if not replica.gone:
                        replica.raft.persisted(ready)
                        self._route(replica, ready.messages_after)
                        self.mark(replica)
        finally:
            self._syncing = False

    async def _sync_log(self) -> None:
        while True:
            try:
                await (self._log.sync() if self._store.timing.log_sync else self._log.write())
            except OSError as error:
                if error.errno != ENOSPC:
                    raise
                await asyncio.sleep(PAUSE_S)
            else:
                return
