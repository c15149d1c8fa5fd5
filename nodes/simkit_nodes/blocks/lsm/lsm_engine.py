"""The log-structured merge tree: `Engine` on a host's disk.

A batch goes into the log and the memtable; a full memtable becomes a table of level 0; tables are merged downwards as
their levels grow (O'Neil et al., "The Log-Structured Merge-Tree", 1996; in the shape of LevelDB and RocksDB). What runs
in the background is a task that ends when there is nothing left to do.

After a failed sync, or damage that a compaction meets, it takes no more writes and still reads; on a full disk it
refuses writes and goes on when there is room. It deliberately has no transactions, no column families and no threads.
"""

from collections.abc import Callable
from errno import ENOSPC
from itertools import count
from typing import NamedTuple, Self

from simkit.hosts.disk import Disk
from simkit_nodes.blocks.lsm.engine import Corruption, OutOfSpace, Pair
from simkit_nodes.blocks.lsm.housekeeping import Housekeeping
from simkit_nodes.blocks.lsm.manifest import Manifest
from simkit_nodes.blocks.lsm.options import LsmOptions
from simkit_nodes.blocks.lsm.statistics import Statistics
from simkit_nodes.blocks.lsm.table import Table
from simkit_nodes.blocks.lsm.tree import Tree
from simkit_nodes.blocks.lsm.write_batch import WriteBatch
from simkit_nodes.blocks.lsm.write_queue import WriteQueue
from simkit_nodes.blocks.write_ahead_log import LogCorrupt, WriteAheadLog

_SEQUENCE_MAX = 2**62


class Level(NamedTuple):
    """How much is in a level."""

    tables: int
    size: int


class LsmEngine:
    """`Engine` on a disk. Made by `open`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._housekeeping = Housekeeping(tree)
        self._writes = WriteQueue(tree, self._housekeeping)

    @classmethod
    async def open(cls, disk: Disk, options: LsmOptions | None = None, *, path: str = "lsm/") -> Self:
        """Open the engine whose files have names that begin with `path`, or begin one.

        Everything that was durable is there, and of the rest a prefix.

        Raises:
            Corruption: something that was durable cannot be read any more.
        """
        tree = Tree(disk, path, options or LsmOptions())
        engine = cls(tree)
        try:
            tree.manifest = await Manifest.open(disk, f"{path}manifest/")
            await _open_tables(tree)
            tree.log = await WriteAheadLog.open(
                disk,
                f"{path}log/",
                lambda number, payload: engine._writes.replay(payload),
                since=tree.manifest.log_since,
                segment_bytes=tree.options.log_segment_bytes,
            )
        except LogCorrupt as error:
            raise Corruption(str(error)) from error
        engine._writes.opened()
        engine._housekeeping.wake()
        return engine

    # -- what it is

    @property
    def sequence(self) -> int:
        """See `Engine.sequence`."""
        return self._tree.sequence

    @property
    def durable_sequence(self) -> int:
        """See `Engine.durable_sequence`."""
        return self._writes.durable_sequence

    @property
    def statistics(self) -> Statistics:
        """What it has done."""
        return self._tree.statistics

    @property
    def cache_hits(self) -> int:
        """How many blocks were found in memory."""
        return self._tree.cache.hits

    @property
    def cache_misses(self) -> int:
        """How many blocks had to be read."""
        return self._tree.cache.misses

    @property
    def on_change(self) -> Callable[[], None]:
        """Called whenever tables have come or gone."""
        return self._tree.on_change

    @on_change.setter
    def on_change(self, listener: Callable[[], None]) -> None:
        self._tree.on_change = listener

    def levels(self) -> list[Level]:
        """Return how much is in each level, from level 0 on."""
        return [Level(len(tables), sum(table.meta.size for table in tables)) for tables in self._tree.version.levels]

    # -- reading

    async def get(self, key: bytes) -> bytes | None:
        """See `Reader.get`."""
        return await self._tree.get(key, self._tree.sequence)

    async def scan(
        self, begin: bytes = b"", end: bytes | None = None, *, reverse: bool = False, limit: int | None = None
    ) -> list[Pair]:
        """See `Reader.scan`."""
        return await self._tree.scan(begin, end, self._tree.sequence, reverse=reverse, limit=limit)

    def snapshot(self) -> "LsmSnapshot":
        """See `Engine.snapshot`."""
        return LsmSnapshot(self._tree)

    # -- writing

    async def write(self, batch: WriteBatch, *, sync: bool = False) -> int:
        """See `Engine.write`."""
        return await self._writes.write(batch, sync=sync)

    async def sync(self) -> None:
        """See `Engine.sync`."""
        await self._writes.write(WriteBatch(), sync=True)

    async def flush(self) -> None:
        """Write everything out of memory into tables. OutOfSpace, EngineFailed."""
        tree = self._tree
        await self._writes.rotate()
        while tree.immutable:
            await self._progress()

    async def compact(self) -> None:
        """Wait until no level exceeds its target. OutOfSpace, EngineFailed."""
        await self.flush()
        while self._housekeeping.busy:
            await self._progress()

    async def _progress(self) -> None:
        tree = self._tree
        tree.refuse_if_failed()
        await self._housekeeping.progress()
        if tree.full:
            raise OutOfSpace(ENOSPC, "no room for a table", tree.path)

    async def close(self) -> None:
        """See `Engine.close`. EngineFailed if it cannot be made durable."""
        try:
            await self.sync()
        finally:
            self._housekeeping.stop()

    async def scrub(self) -> list[str]:
        """Read all tables and compare every checksum; return what is wrong, in words with file and offset."""
        tree = self._tree
        version = tree.version
        version.readers += 1
        try:
            return [damage for table in version.tables() for damage in await table.damages()]
        finally:
            tree.leave(version)


async def _open_tables(tree: Tree) -> None:
    """Open the tables that the manifest names, and delete what a crash has left of others."""
    disk, metas = tree.disk, tree.manifest.tables
    tables = []
    for meta in metas.values():
        if meta.level >= tree.options.level_count:
            raise ValueError(f"a table is in level {meta.level}, and there are only {tree.options.level_count} levels")
        tables.append(await Table.open(disk, tree.table_path(meta.number), meta, tree.cache, tree.options))
    tree.version = tree.version.replaced((), tables)
    tree.sequence = max((meta.last_sequence for meta in metas.values()), default=0)
    if tree.sequence > _SEQUENCE_MAX:
        raise Corruption(f"{tree.path}: change {tree.sequence} cannot have happened; was a block read unchecked?")
    prefix = f"{tree.path}table/"
    numbers = [int(name[len(prefix) :]) for name in disk.names(prefix)]
    tree.numbers = count(max([*numbers, 0]) + 1)
    for number in numbers:
        if number not in metas:
            await disk.delete(tree.table_path(number))


class LsmSnapshot:
    """An `LsmEngine` as it was."""

    def __init__(self, tree: Tree) -> None:
        self._tree: Tree | None = tree
        self.sequence = tree.sequence
        tree.pin(self.sequence)

    async def get(self, key: bytes) -> bytes | None:
        """See `Reader.get`."""
        return await self._open().get(key, self.sequence)

    async def scan(
        self, begin: bytes = b"", end: bytes | None = None, *, reverse: bool = False, limit: int | None = None
    ) -> list[Pair]:
        """See `Reader.scan`."""
        return await self._open().scan(begin, end, self.sequence, reverse=reverse, limit=limit)

    def close(self) -> None:
        """See `Snapshot.close`."""
        if self._tree is not None:
            self._tree.unpin(self.sequence)
            self._tree = None

    def _open(self) -> Tree:
        if self._tree is None:
            raise ValueError("this snapshot is closed")
        return self._tree
