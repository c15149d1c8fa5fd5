"""What an engine consists of at a moment: memtables, the version of the tables, log and manifest; and how it is read.

A read takes its memtables and its version at once, without waiting in between, and from then on sees nothing newer.

It deliberately changes nothing on the disk: writing is in `write_queue`, flushing and compacting in `housekeeping`.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from itertools import count

from simkit.hosts.disk import Disk
from simkit_nodes.blocks.lsm.block_cache import BlockCache
from simkit_nodes.blocks.lsm.bloom_filter import Hash, hash_of
from simkit_nodes.blocks.lsm.engine import Corruption, EngineFailed, Pair, check_range
from simkit_nodes.blocks.lsm.manifest import Manifest
from simkit_nodes.blocks.lsm.memtable import Memtable, RangeTombstone, covering
from simkit_nodes.blocks.lsm.merge import MemtableSource, Source, TableSource, merged
from simkit_nodes.blocks.lsm.options import LsmOptions
from simkit_nodes.blocks.lsm.statistics import Statistics
from simkit_nodes.blocks.lsm.table import Table
from simkit_nodes.blocks.lsm.version import Version
from simkit_nodes.blocks.write_ahead_log import WriteAheadLog


class Tree:
    """The state of one engine.

    Args:
        disk: where its files are.
        path: what their names begin with.
        options: how it is cut.

    Attributes:
        memtable: takes the writes.
        immutable: memtables that wait to be written out, newest first, each with the first record of the log after it.
        version: the tables.
        sequence: the newest change that reads see.
        snapshots: the sequence numbers that somebody reads at, upwards, each as often as it is read at.
        numbers: of new tables.
        obsolete: tables that no longer belong to it and whose files are still there.
        retired: older versions that are still read.
        failed: why it takes no more writes, None while all is well.
        full: whether the last attempt to write a table found no room.
        on_release: called when nobody reads in a retired version any more.
        on_change: called when there is another version.
    """

    def __init__(self, disk: Disk, path: str, options: LsmOptions) -> None:
        self.disk = disk
        self.path = path
        self.options = options
        self.cache = BlockCache(options.cache_bytes)
        self.statistics = Statistics()
        self.memtable = Memtable()
        self.immutable: list[tuple[Memtable, int]] = []
        self.version = Version(((),) * options.level_count)
        self.sequence = 0
        self.snapshots: list[int] = []
        self.numbers: Iterator[int] = count(1)
        self.obsolete: list[Table] = []
        self.retired: list[Version] = []
        self.failed: EngineFailed | None = None
        self.full = False
        self.on_release: Callable[[], None] = lambda: None
        self.on_change: Callable[[], None] = lambda: None
        self.manifest: Manifest
        self.log: WriteAheadLog

    def table_path(self, number: int) -> str:
        """Return the name of a table's file."""
        return f"{self.path}table/{number:012d}"

    # -- state

    def fail(self, error: Exception) -> None:
        """Take no more writes, because of this."""
        if self.failed is None:
            kind = Corruption if isinstance(error, Corruption) else EngineFailed
            self.failed = kind(str(error))
            self.failed.__cause__ = error

    def refuse_if_failed(self) -> None:
        """Raise what the engine failed with, if it has."""
        if self.failed is not None:
            raise type(self.failed)(str(self.failed)) from self.failed

    def install(self, version: Version) -> None:
        """Let a version take the place of the current one."""
        self.retired.append(self.version)
        self.version = version

    def pin(self, sequence: int) -> None:
        """Keep what a read at this number sees."""
        insort(self.snapshots, sequence)

    def unpin(self, sequence: int) -> None:
        """Undo one `pin`."""
        del self.snapshots[bisect_left(self.snapshots, sequence)]

    def leave(self, version: Version) -> None:
        """Say that a read in a version is over."""
        version.readers -= 1
        if not version.readers and version is not self.version:
            self.on_release()

    # -- reading

    def _tombstones(self) -> list[RangeTombstone]:
        found = self.memtable.tombstones + self.version.tombstones
        for memtable, _ in self.immutable:
            found += memtable.tombstones
        return found

    async def get(self, key: bytes, sequence: int) -> bytes | None:
        """Return the value that a key had at a sequence number. Corruption."""
        hidden = -1
        if self.memtable.tombstones or self.version.tombstones or self.immutable:
            hidden = covering(self._tombstones(), key, sequence)
        found = self.memtable.find(key, sequence)
        if found is None:
            for memtable, _ in self.immutable:
                found = memtable.find(key, sequence)
                if found is not None:
                    break
        if found is not None:
            return found[1] if found[0] > hidden else None
        return await self._get_from_tables(key, sequence, hidden)

    async def _get_from_tables(self, key: bytes, sequence: int, hidden: int) -> bytes | None:
        version = self.version
        hashed: Hash | None = None
        for table in version.at(key):
            number = table.block_of(key)
            if number < 0:
                continue
            block = self.cache.get(table.number, number)
            if block is None:
                if hashed is None:
                    prefix_of = self.options.prefix_of
                    hashed = hash_of((prefix_of and prefix_of(key)) or key)
                if not table.may_contain(hashed):
                    self.statistics.filtered += 1
                    continue
                version.readers += 1
                try:
                    block = await table.read_block(number)
                finally:
                    self.leave(version)
            index = block.find(key, sequence)
            if index >= 0:
                return block.value(index) if block.tags[index] >> 1 > hidden else None
        return None

    async def scan(
        self, begin: bytes, end: bytes | None, sequence: int, *, reverse: bool, limit: int | None
    ) -> list[Pair]:
        """Return the pairs that a range had at a sequence number. ValueError, Corruption."""
        check_range(begin, end, limit)
        if limit == 0 or begin == end:
            return []
        tombstones = [
            each
            for each in self._tombstones()
            if each[0] <= sequence and begin < each[2] and (end is None or each[1] < end)
        ]
        sources: list[Source] = [
            MemtableSource(memtable, begin, end, sequence, reverse)
            for memtable in (self.memtable, *(memtable for memtable, _ in self.immutable))
            if memtable.versions
        ]
        version = self.version
        tables = self._table_sources(version, begin, end, reverse)
        if not tables:
            return await merged(sources, tombstones, sequence, reverse=reverse, limit=limit)
        version.readers += 1
        self.pin(sequence)
        try:
            return await merged(sources + tables, tombstones, sequence, reverse=reverse, limit=limit)
        finally:
            self.unpin(sequence)
            self.leave(version)

    def _table_sources(self, version: Version, begin: bytes, end: bytes | None, reverse: bool) -> list[Source]:
        levels = [version.overlapping(level, begin, end) for level, tables in enumerate(version.levels) if tables]
        if version.levels[0]:
            levels[:1] = [(table,) for table in levels[0]]
        prefix_of = self.options.prefix_of
        if prefix_of is not None and end is not None and levels:
            prefix = prefix_of(begin)
            if prefix and begin.startswith(prefix) and end <= _after(prefix):
                hashed = hash_of(prefix)
                wanted = [tuple(table for table in tables if table.may_contain(hashed)) for tables in levels]
                self.statistics.filtered += sum(map(len, levels)) - sum(map(len, wanted))
                levels = wanted
        return [TableSource(tables, begin, end, reverse) for tables in levels if tables]


def _after(prefix: bytes) -> bytes:
    """Return the first key after all that begin so; an empty one if there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else b""
