"""Reading a range from several sorted sources at once: memtables, tables of level 0, levels.

Each source gives its entries in portions; what lies within the portions of all of them is merged by sorting, which
finds the runs it is made of. So the price of an entry is a comparison in C and not a step through layers of iterators.

It deliberately knows only the newest version of each key up to one sequence number: what compaction needs beyond that
is in `compaction`.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from simkit_nodes.blocks.lsm.engine import Pair
from simkit_nodes.blocks.lsm.memtable import Entry, Memtable, RangeTombstone
from simkit_nodes.blocks.lsm.table import Table

_PORTION_MIN = 4
_PORTION_MAX = 256


class Source(Protocol):
    """Something sorted that is read from one end of a range.

    Attributes:
        entries: of the current portion, sorted upwards; all versions of a key come in one portion.
        bound: what has not been given yet begins here (read backwards: ends before here); None if nothing is left.
    """

    entries: list[Entry]
    bound: bytes | None

    async def advance(self, count: int) -> None:
        """Add a portion of about `count` entries."""
        ...


class MemtableSource:
    """A range of a memtable, as of a sequence number; each portion is looked up anew, since it grows meanwhile."""

    def __init__(self, memtable: Memtable, begin: bytes, end: bytes | None, sequence: int, reverse: bool) -> None:
        self._memtable = memtable
        self._begin, self._end, self._sequence, self._reverse = begin, end, sequence, reverse
        self.entries: list[Entry] = []
        self.bound: bytes | None = b""

    async def advance(self, count: int) -> None:
        """See `Source.advance`."""
        rest = self._memtable.entries(self._begin, self._end, self._sequence, reverse=self._reverse)
        portion = list(islice(rest, count + 1))
        ahead = portion.pop() if len(portion) > count else None
        if self._reverse:
            self._end = self.bound = portion[-1][0] if ahead else None
            portion.reverse()
            self.entries = portion + self.entries
        else:
            self.bound = ahead[0] if ahead else None
            self._begin = self.bound or b""
            self.entries += portion


class TableSource:
    """A range of tables that follow each other without overlapping: a level, or one table of level 0."""

    def __init__(self, tables: Sequence[Table], begin: bytes, end: bytes | None, reverse: bool) -> None:
        self._tables = list(tables) if reverse else list(reversed(tables))
        self._begin, self._end, self._reverse = begin, end, reverse
        self.entries: list[Entry] = []
        self.bound: bytes | None = b"" if tables else None

    async def advance(self, count: int) -> None:
        """See `Source.advance`."""
        while self._tables:
            table = self._tables[-1]
            portion, rest = await table.portion(self._begin, self._end, reverse=self._reverse, count=count)
            if rest is None:
                self._tables.pop()
            if self._reverse:
                self.entries = portion + self.entries
                self.bound = rest if rest is not None else self._tables[-1].end if self._tables else None
                if rest is not None:
                    self._end = rest
            else:
                self.entries += portion
                self.bound = rest if rest is not None else self._tables[-1].begin if self._tables else None
                if rest is not None:
                    self._begin = rest
            if portion:
                return
        self.bound = None


async def merged(
    sources: list[Source],
    tombstones: list[RangeTombstone],
    sequence: int,
    *,
    reverse: bool,
    limit: int | None,
) -> list[Pair]:
    """Return the pairs of a range as of a sequence number.

    Args:
        sources: what there is of the range.
        tombstones: the deleted ranges that overlap it.
        sequence: what is newer does not count.
        reverse: from the largest key down.
        limit: how many pairs at most.
    """
    found: list[Pair] = []
    count = _PORTION_MAX if limit is None else min(_PORTION_MAX, limit + _PORTION_MIN)
    for source in sources:
        await source.advance(count)
    while True:
        bounds = [source.bound for source in sources if source.bound is not None]
        bound = (max(bounds) if reverse else min(bounds)) if bounds else None
        window = _take(sources, bound, reverse=reverse)
        pairs = _newest(window, tombstones, sequence)
        found += reversed(pairs) if reverse else pairs
        if limit is not None and len(found) >= limit:
            return found[:limit]
        if bound is None:
            return found
        for source in sources:
            if source.bound == bound:
                await source.advance(count)


def _take(sources: list[Source], bound: bytes | None, *, reverse: bool) -> list[Entry]:
    """Take what no source can add anything to any more: below the bound, or read backwards from it on."""
    window: list[Entry] = []
    for source in sources:
        entries = source.entries
        if bound is None:
            window += entries
            source.entries = []
        elif entries:
            place = _place(entries, bound)
            if reverse:
                window += entries[place:]
                del entries[place:]
            else:
                window += entries[:place]
                del entries[:place]
    if len(sources) > 1:
        window.sort()
    return window


def _place(entries: list[Entry], key: bytes) -> int:
    """Return the index of the first entry whose key is not smaller."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        if entries[middle][0] < key:
            low = middle + 1
        else:
            high = middle
    return low


def _newest(window: list[Entry], tombstones: list[RangeTombstone], sequence: int) -> list[Pair]:
    """Return the keys of sorted entries that have a value as of a sequence number."""
    found: list[Pair] = []
    oldest = -sequence
    last: bytes | None = None
    for key, negative, value in window:
        if key == last or negative < oldest:
            continue
        last = key
        if value is not None and not (tombstones and _hidden(tombstones, key, -negative, sequence)):
            found.append((key, value))
    return found


def _hidden(tombstones: list[RangeTombstone], key: bytes, own: int, sequence: int) -> bool:
    return any(own < number <= sequence and begin <= key < end for number, begin, end in tombstones)
