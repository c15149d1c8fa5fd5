"""The archive: a gateway of its own that backs the database up onto its disk, and restores from there.

A backup is as of a moment that was still ahead when it began, by as much as clocks may differ: so everything that was
acknowledged before is in it. It deliberately keeps all backups; deleting old ones is a policy of somebody else.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from simkit.node import Event
from simkit.observe.history import Operation
from simkit_nodes.blocks.hybrid_logical_clock import span_of
from simkit_nodes.database.backup.backup import RESTORED, back_up, restore, restored_digest
from simkit_nodes.database.config import DatabaseLoad, GatewayConfig
from simkit_nodes.database.errors import AmbiguousResult, DatabaseError
from simkit_nodes.database.gateway import Gateway
from simkit_nodes.database.ranges.bootstrap import LETTERS

FOLDER = "backup/"


class BackupTaken(Event, frozen=True, tag="backup.taken"):
    """A backup is whole and durable."""

    name: str
    timestamp: int
    keys: int


class BackupRestored(Event, frozen=True, tag="backup.restored"):
    """All keys of a backup have been written again, under a prefix of their own."""

    name: str
    keys: int


EVENTS: tuple[type[Event], ...] = (BackupTaken, BackupRestored)


class ArchiveConfig(GatewayConfig):
    """The archive: it backs up and restores."""

    at_timestamp: bool = True
    """Whether all pages of a backup are read as of one timestamp."""
    page: int = Field(256, ge=1, le=10_000)
    """How many keys are read at a time."""


class Archivist(Gateway):
    """Takes the loads `backup` and `restore`."""

    config: ArchiveConfig

    async def offer(self, load: DatabaseLoad, number: int) -> None:
        """Take a backup, or restore the newest one."""
        if load.workload == "backup":
            await self._back_up(f"{self.name}-{number:04d}")
        elif load.workload == "restore":
            names = self.disk.names(FOLDER)
            whole = [name for name in names if not name.endswith(".tmp")]
            if whole:
                await self._restore(whole[-1].removeprefix(FOLDER))
        else:
            raise ValueError(f"an archive takes the workloads backup and restore, not {load.workload}")

    async def _back_up(self, name: str) -> None:
        operation = self.invoke("backup", name, process=f"{self.name}/{name}")
        timestamp = self.hybrid.now() + span_of(int(self.config.max_offset))
        await self.database.wait_until_past(timestamp)
        try:
            taken = await back_up(
                self.database,
                self.disk,
                FOLDER + name,
                timestamp if self.config.at_timestamp else None,
                page=self.config.page,
            )
        except (DatabaseError, OSError) as error:
            _not_done(operation, error)
            return
        accounts, new = LETTERS["accounts"], LETTERS["new"]
        operation.ok(
            {
                "digest": taken.digest,
                "total": sum(int(value) for key, value in taken.pairs if key.startswith(accounts)),
                "inserted": [key.partition(b"/")[2].decode() for key, _ in taken.pairs if key.startswith(new)],
            }
        )
        self.emit(BackupTaken(name, taken.timestamp, len(taken.pairs)))

    async def _restore(self, name: str) -> None:
        operation = self.invoke("restore", name, process=f"{self.name}/restore")
        prefix = RESTORED + name.encode() + b"/"
        try:
            restored = await restore(self.database, self.disk, FOLDER + name, prefix)
            digest = await restored_digest(self.database, prefix)
        except (DatabaseError, OSError) as error:
            _not_done(operation, error)
            return
        operation.ok({"digest": digest})
        self.emit(BackupRestored(name, len(restored.pairs)))


def _not_done(operation: Operation, error: Any) -> None:
    if isinstance(error, AmbiguousResult):
        operation.info(type(error).__name__)
    else:
        operation.fail(f"{type(error).__name__}: {error}"[:200])
