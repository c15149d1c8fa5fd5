"""What runs behind an engine: writing out memtables, compacting levels, deleting files that nobody reads any more.

One task does one thing after the other and ends when there is nothing to do. A full disk lets it wait and try again;
any other failure is the engine's.

It deliberately decides nothing about order: which level comes next is in `version`, what remains in `compaction`.
"""

import asyncio
from asyncio import Future, Task, get_running_loop
from collections.abc import Iterable
from errno import ENOSPC

import msgspec

from simkit.node import fault_point
from simkit_nodes.blocks.lsm.compaction import lasting, survivors, tables_of
from simkit_nodes.blocks.lsm.engine import EngineFailed
from simkit_nodes.blocks.lsm.manifest import Edit
from simkit_nodes.blocks.lsm.memtable import Entry
from simkit_nodes.blocks.lsm.table import NewTable, Table, write_file
from simkit_nodes.blocks.lsm.tree import Tree
from simkit_nodes.blocks.lsm.version import Compaction
from simkit_nodes.blocks.write_ahead_log import LogFailed


class Housekeeping:
    """The background of one engine.

    Args:
        tree: the engine's state.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._task: Task[None] | None = None
        self._waiting: list[Future[None]] = []
        self._pointers: dict[int, bytes] = {}
        tree.on_release = self.wake

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._task is not None

    def wake(self) -> None:
        """See whether there is something to do."""
        if self._task is None and self._tree.failed is None:
            self._task = get_running_loop().create_task(self._run())

    async def progress(self) -> None:
        """Wait until something is done, or turns out not to be possible now."""
        self.wake()
        if self._task is not None:
            future: Future[None] = get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def stop(self) -> None:
        """End what is under way; what it has begun is swept up at the next opening."""
        if self._task is not None:
            self._task.cancel()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def _run(self) -> None:
        tree = self._tree
        try:
            while True:
                try:
                    if not await self._step():
                        break
                    tree.full = False
                    tree.on_change()
                except OSError as error:
                    if error.errno != ENOSPC:
                        raise
                    tree.full = True
                    self._tell()
                    await asyncio.sleep(tree.options.retry_s)
                else:
                    self._tell()
        except (OSError, LogFailed, EngineFailed) as error:
            tree.fail(error)
        finally:
            self._task = None
            self._tell()

    async def _step(self) -> bool:
        """Do the most urgent thing; return whether there was one."""
        tree = self._tree
        if tree.immutable:
            await self._flush()
        elif (compaction := tree.version.pick(tree.options, self._pointers)) is not None:
            await self._compact(compaction)
        else:
            await self._sweep()
            return False
        await self._sweep()
        return True

    # -- tables

    async def _flush(self) -> None:
        """Write the oldest memtable out as a table of level 0."""
        tree = self._tree
        memtable, log_since = tree.immutable[-1]
        entries = survivors(list(memtable.all_entries()), memtable.tombstones, tree.snapshots, lambda begin, end: True)
        new = list(tables_of(entries, memtable.tombstones, tree.options, 0, tree.numbers, whole=True))
        tables = await self._write(new)
        await tree.log.sync(log_since - 1)
        await self._edit(tables, (), log_since)
        tree.immutable.pop()
        tree.statistics.flushes += 1
        tree.statistics.flushed_bytes += sum(table.meta.size for table in tables)
        await tree.log.cut(log_since)

    async def _compact(self, compaction: Compaction) -> None:
        tree, inputs = self._tree, compaction.inputs
        if compaction.level > 0:
            self._pointers[compaction.level] = compaction.upper[-1].begin
        if compaction.is_move:
            await self._move(compaction.upper[0], compaction.output_level)
            return
        entries: list[Entry] = []
        for table in inputs:
            entries += await table.all_entries()
        entries.sort()
        version, level = tree.version, compaction.output_level
        tombstones = [each for table in inputs for each in table.tombstones]
        snapshots = list(dict.fromkeys(tree.snapshots))

        def deeper(begin: bytes, end: bytes) -> bool:
            return version.deeper_than(level, begin, end)

        kept = survivors(entries, tombstones, snapshots, deeper)
        remaining = lasting(tombstones, snapshots, deeper)
        tables = await self._write(list(tables_of(kept, remaining, tree.options, level, tree.numbers)))
        await self._edit(tables, inputs, tree.manifest.log_since)
        tree.statistics.compactions += 1
        tree.statistics.read_for_compaction_bytes += sum(table.meta.size for table in inputs)
        tree.statistics.compacted_bytes += sum(table.meta.size for table in tables)
        tree.obsolete += inputs

    async def _move(self, table: Table, level: int) -> None:
        moved = self._table(NewTable(msgspec.structs.replace(table.meta, level=level), table.index, b""))
        await self._edit([moved], [table], self._tree.manifest.log_since)
        self._tree.statistics.moves += 1

    def _table(self, new: NewTable) -> Table:
        tree = self._tree
        path = tree.table_path(new.meta.number)
        return Table(tree.disk, path, new.meta, new.end, tree.cache, tree.options)

    async def _write(self, new: list[NewTable]) -> list[Table]:
        """Write tables and make them durable. OSError, and then none of them is there."""
        disk, tables = self._tree.disk, [self._table(each) for each in new]
        written = 0
        try:
            for table, each in zip(tables, new, strict=True):
                await write_file(disk, table.path, each.content)
                written += 1
            await disk.sync_directory()
        except OSError:
            for table in tables[:written]:
                await disk.delete(table.path)
            raise
        await fault_point("tables-durable")
        return tables

    async def _edit(self, added: list[Table], removed: Iterable[Table], log_since: int) -> None:
        """Change the manifest, and then what is read. If there is no room for it, the new tables go."""
        tree, gone = self._tree, list(removed)
        metas = [table.meta for table in added]
        try:
            await tree.manifest.apply(Edit(metas, [table.number for table in gone], log_since))
        except OSError:
            kept = {table.number for table in gone}
            for table in added:
                if table.number not in kept:
                    await tree.disk.delete(table.path)
            raise
        await fault_point("manifest-edited")
        tree.install(tree.version.replaced(gone, added))

    async def _sweep(self) -> None:
        """Delete the files of tables that no read needs any more."""
        tree = self._tree
        tree.retired = [version for version in tree.retired if version.readers]
        needed = {table.number for version in tree.retired for table in version.tables()}
        deletable = [table for table in tree.obsolete if table.number not in needed]
        tree.obsolete = [table for table in tree.obsolete if table.number in needed]
        for table in deletable:
            tree.cache.forget(table.number, table.block_count)
            await tree.disk.delete(table.path)
            await fault_point("table-deleted")
