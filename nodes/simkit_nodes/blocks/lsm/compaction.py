"""Merging tables: what nobody can read any more goes, the rest becomes new tables of the next level.

Of each key the newest version stays, and for every open snapshot the newest that it sees. A deletion goes when no
version is left that it hides, here or in a deeper level.

It deliberately merges in memory: a compaction reads its inputs whole, so their size bounds what it takes.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter

from simkit_nodes.blocks.lsm.memtable import Entry, RangeTombstone
from simkit_nodes.blocks.lsm.options import LsmOptions
from simkit_nodes.blocks.lsm.table import NewTable, TableBuilder, blocks_of

Deeper = Callable[[bytes, bytes], bool]
"""Whether a level below the output has something to say about a range."""

_NOW = 2**63


def survivors(
    entries: list[Entry], tombstones: list[RangeTombstone], snapshots: list[int], deeper: Deeper
) -> Iterator[Entry]:
    """Yield what somebody can still read.

    Args:
        entries: sorted, of all inputs.
        tombstones: the deleted ranges of all inputs.
        snapshots: the sequence numbers of those that are open, upwards.
        deeper: see `Deeper`.
    """
    if not tombstones and not snapshots:
        last: bytes | None = None
        for entry in entries:
            key = entry[0]
            if key != last:
                last = key
                if entry[2] is not None or deeper(key, key + b"\0"):
                    yield entry
        return
    readers = [*snapshots, _NOW]
    for key, versions in groupby(entries, itemgetter(0)):
        yield from _readable(list(versions), [each for each in tombstones if each[1] <= key < each[2]], readers, deeper)


def _readable(
    versions: list[Entry], tombstones: list[RangeTombstone], readers: list[int], deeper: Deeper
) -> list[Entry]:
    """Return the versions of one key that some reader sees, newest first."""
    kept: list[Entry] = []
    for reader in reversed(readers):
        seen = next((entry for entry in versions if -entry[1] <= reader), None)
        if seen is None or (kept and kept[-1] is seen):
            continue
        if not any(-seen[1] < number <= reader for number, _, _ in tombstones):
            kept.append(seen)
    key = versions[0][0]
    if kept and kept[-1][2] is None and not deeper(key, key + b"\0"):
        while kept and kept[-1][2] is None:
            kept.pop()
    return kept


def lasting(tombstones: list[RangeTombstone], snapshots: list[int], deeper: Deeper) -> list[RangeTombstone]:
    """Return the deleted ranges that still hide something: in a deeper level, or from readers after a snapshot."""
    oldest = snapshots[0] if snapshots else _NOW
    return [each for each in tombstones if oldest < each[0] or deeper(each[1], each[2])]


def tables_of(
    entries: Iterator[Entry],
    tombstones: list[RangeTombstone],
    options: LsmOptions,
    level: int,
    numbers: Iterator[int],
    *,
    whole: bool = False,
) -> Iterator[NewTable]:
    """Yield tables that hold sorted entries and deleted ranges, none overlapping another.

    Args:
        entries: sorted.
        tombstones: deleted ranges; those that reach over several tables are cut where these begin.
        options: sizes.
        level: where the tables go.
        numbers: of the tables.
        whole: all in one table, however large.
    """
    builder, begin = TableBuilder(options), b""
    for portion in blocks_of(entries, options.block_bytes):
        if builder.size >= options.table_bytes and not whole:
            end = portion[0][0]
            yield builder.finish(next(numbers), level, _clipped(tombstones, begin, end))
            builder, begin = TableBuilder(options), end
        builder.add_block(portion)
    rest = _clipped(tombstones, begin, None)
    if builder.size or rest:
        yield builder.finish(next(numbers), level, rest)


def _clipped(tombstones: list[RangeTombstone], begin: bytes, end: bytes | None) -> list[RangeTombstone]:
    clipped = [
        (number, max(begin, first), last if end is None else min(end, last)) for number, first, last in tombstones
    ]
    return [(number, first, last) for number, first, last in clipped if first < last]
