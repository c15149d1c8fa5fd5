"""Log compaction: entries whose effects the engine has made durable are discarded, but for the last ones.

Replicas remember which entry they had applied at which write of the engine; once that write is durable, so is the
entry. When the engine lags far behind, it is synced, so that logs stay short.

It deliberately never waits for followers: one that needs a discarded entry gets a snapshot.
"""

from __future__ import annotations

from errno import ENOSPC
from typing import TYPE_CHECKING, Final

from simkit_nodes.blocks.raft.group_logs import GroupLogs
from simkit_nodes.database.replication.replica import Replica

if TYPE_CHECKING:
    from simkit_nodes.database.store import Store

ENTRIES_KEPT: Final = 256
"""Entries that stay in the log although they are applied, for followers that are a little behind."""
ENTRIES_LAG: Final = 1024
"""With more entries than these applied and not durable, the engine is synced, so that logs stay short."""


class LogCompaction:
    """Keeps the log of one store short.

    Args:
        store: whose replicas they are.
        log: of all its groups.
    """

    def __init__(self, store: Store, log: GroupLogs) -> None:
        self._store, self._log = store, log
        self._marks: list[tuple[int, list[tuple[Replica, int]]]] = []
        self._tidying = False

    def look(self) -> None:
        """Discard what may be discarded by now."""
        store = self._store
        moved = [
            (replica, replica.state.index)
            for replica in store.replicas.values()
            if replica.state is not None and replica.state.index > replica.durable_index
        ]
        if moved:
            self._marks.append((store.engine.sequence, moved))
        self._count_durable()
        lag = max((index - replica.durable_index for replica, index in moved), default=0)
        if (lag > ENTRIES_LAG or self._log.wants_checkpoint) and not self._tidying:
            self._tidying = True
            store.spawn(self._tidy())

    def _count_durable(self) -> None:
        while self._marks and self._marks[0][0] <= self._store.engine.durable_sequence:
            for replica, index in self._marks.pop(0)[1]:
                replica.durable_index = max(replica.durable_index, index)
        for replica in self._store.replicas.values():
            log = replica.raft.log
            index = min(replica.durable_index, replica.raft.applied_index) - ENTRIES_KEPT
            if index > log.snapshot_index + ENTRIES_KEPT:
                replica.raft.compact(index)

    async def _tidy(self) -> None:
        """Make the engine durable, so that the log can be cut."""
        replicas = self._store.replicas
        try:
            await self._store.engine.sync()
            self._count_durable()
            # While a snapshot is being installed, log and engine do not belong together.
            installing = any(replica.installing is not None for replica in replicas.values())
            if self._log.wants_checkpoint and not installing:
                await self._log.checkpoint((each.range_id, each.raft, b"") for each in replicas.values())
        except OSError as error:
            if error.errno != ENOSPC:
                raise
        finally:
            self._tidying = False
