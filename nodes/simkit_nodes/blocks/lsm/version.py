"""Which tables there are, level by level, and which of them to compact next.

Level 0 holds memtables as they were written out, newest first, and they overlap; in every other level each key is in at
most one table, and is newer there than in the levels below. A version never changes: a new one takes its place, and
whoever reads in the old one goes on there, since its tables are deleted only when nobody reads in it.

It deliberately reads and writes nothing.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simkit_nodes.blocks.lsm.memtable import RangeTombstone
from simkit_nodes.blocks.lsm.options import LsmOptions
from simkit_nodes.blocks.lsm.table import Table

Levels = tuple[tuple[Table, ...], ...]


@dataclass(frozen=True)
class Compaction:
    """Tables of one level, and those of the next that they overlap, to be merged into the next."""

    level: int
    upper: tuple[Table, ...]
    lower: tuple[Table, ...]

    @property
    def inputs(self) -> tuple[Table, ...]:
        """All of them."""
        return self.upper + self.lower

    @property
    def output_level(self) -> int:
        """Where the result goes."""
        return self.level + 1

    @property
    def is_move(self) -> bool:
        """Whether the table can go down as it is; one with deleted ranges is merged, to get rid of them."""
        return self.level > 0 and not self.lower and not any(table.tombstones for table in self.upper)


class Version:
    """One state of the levels.

    Attributes:
        levels: the tables of each; level 0 newest first, the others by key.
        tombstones: the deleted ranges of all tables.
        readers: how many reads go on in it.
    """

    def __init__(self, levels: Levels) -> None:
        self.levels = levels
        self._begins = [[table.begin for table in level] for level in levels]
        self._deep = [(tables, begins) for tables, begins in zip(levels, self._begins, strict=True) if tables][
            1 if levels[0] else 0 :
        ]
        self.tombstones: list[RangeTombstone] = [
            tombstone for level in levels for table in level for tombstone in table.tombstones
        ]
        self.readers = 0

    def tables(self) -> Iterator[Table]:
        """Yield all tables."""
        for level in self.levels:
            yield from level

    def at(self, key: bytes) -> Iterator[Table]:
        """Yield the tables in which a key may be, those with newer versions first."""
        for table in self.levels[0]:
            if table.begin <= key < table.end:
                yield table
        for tables, begins in self._deep:
            place = bisect_right(begins, key) - 1
            if place >= 0 and key < tables[place].end:
                yield tables[place]

    def overlapping(self, level: int, begin: bytes, end: bytes | None) -> tuple[Table, ...]:
        """Return the tables of a level that have something to say about a range."""
        tables = self.levels[level]
        if level == 0:
            return tuple(table for table in tables if (end is None or table.begin < end) and begin < table.end)
        first = max(0, bisect_right(self._begins[level], begin) - 1)
        last = first
        while last < len(tables) and (end is None or tables[last].begin < end):
            last += 1
        return tuple(table for table in tables[first:last] if begin < table.end)

    def deeper_than(self, level: int, begin: bytes, end: bytes) -> bool:
        """Return whether a level below this one has something to say about a range."""
        return any(self.overlapping(each, begin, end) for each in range(level + 1, len(self.levels)))

    def replaced(self, gone: Iterable[Table], added: Iterable[Table]) -> "Version":
        """Return the version without some tables and with others, each in the level that its manifest entry says."""
        without = set(gone)
        levels = [[table for table in level if table not in without] for level in self.levels]
        for table in added:
            levels[table.meta.level].append(table)
        levels[0].sort(key=lambda table: table.number, reverse=True)
        for level in levels[1:]:
            level.sort(key=lambda table: table.begin)
        return Version(tuple(map(tuple, levels)))

    # -- what to compact

    def size_of(self, level: int) -> int:
        """Return the bytes of a level."""
        return sum(table.meta.size for table in self.levels[level])

    def pick(self, options: LsmOptions, pointers: dict[int, bytes]) -> Compaction | None:
        """Return what is most urgent: the level that exceeds its target by the largest factor. None if none does.

        Args:
            options: the targets.
            pointers: where the last compaction of each level ended; the next begins there, as in LevelDB.
        """
        best, best_score = -1, 1.0
        target = options.level_bytes
        for level in range(len(self.levels) - 1):
            if level == 0:
                score = len(self.levels[0]) / options.compact_at
            else:
                score = self.size_of(level) / target
                target *= options.level_factor
            if score > best_score or (score == best_score and best < 0 and level == 0):
                best, best_score = level, score
        return None if best < 0 else self._compaction_of(best, pointers)

    def _compaction_of(self, level: int, pointers: dict[int, bytes]) -> Compaction:
        tables = self.levels[level]
        if level > 0:
            place = bisect_right(self._begins[level], pointers.get(level, b""))
            tables = tables[place : place + 1] or tables[:1]
        begin, end = min(table.begin for table in tables), max(table.end for table in tables)
        return Compaction(level, tables, self.overlapping(level + 1, begin, end))
