"""The newest changes in memory, by key, with as many old versions as snapshots still need.

A dict finds a key; the order of keys is made up for when somebody scans, so that a run of point writes does not pay for
it. A version is a tuple ``(sequence, value, older)``; a value of None says deleted. Deleted ranges stand apart, each as
``(sequence, begin, end)``, and hide what they cover and is older.

It deliberately knows no log and no file: how it becomes durable is the engine's business.
"""

from collections.abc import Iterator
from typing import Any

from sortedcontainers import SortedList

from simkit_nodes.blocks.lsm.write_batch import Change

Version = tuple[int, bytes | None, Any]
RangeTombstone = tuple[int, bytes, bytes]
Entry = tuple[bytes, int, bytes | None]
"""A key, minus its sequence number, its value: sorted, the newest version of a key comes first."""

_ADD_ONE_BY_ONE = 64  # with more new keys than that, sorting them in is cheaper
_KEY_OVERHEAD_BYTES = 16


class Memtable:
    """Versions of keys in memory.

    Attributes:
        versions: the newest version of every key; older ones hang from it.
        tombstones: deleted ranges, oldest first.
        size: about how many bytes it holds.
        last_sequence: of the newest change in it, 0 if there is none.
    """

    __slots__ = ("_new", "_order", "last_sequence", "size", "tombstones", "versions")

    def __init__(self) -> None:
        self.versions: dict[bytes, Version] = {}
        self.tombstones: list[RangeTombstone] = []
        self.size = 0
        self.last_sequence = 0
        self._order: SortedList = SortedList()
        self._new: list[bytes] = []

    def __len__(self) -> int:
        return len(self.versions)

    def apply(self, changes: list[Change], sequence: int, newest_snapshot: int) -> None:
        """Carry out the changes of a batch.

        Args:
            changes: what to do, in order.
            sequence: of the first of them.
            newest_snapshot: the sequence of the newest snapshot that is open, -1 if none is: what is older than a
                version that no snapshot sees need not be kept.
        """
        versions, new = self.versions, self._new
        size = 0
        for key, value, end in changes:
            if end is not None:
                self.tombstones.append((sequence, key, end))
                size += len(key) + len(end) + _KEY_OVERHEAD_BYTES
            else:
                old = versions.get(key)
                if old is None:
                    new.append(key)
                    size += len(key) + _KEY_OVERHEAD_BYTES
                    versions[key] = (sequence, value, None)
                else:
                    versions[key] = (sequence, value, old if newest_snapshot >= old[0] else old[2])
                if value is not None:
                    size += len(value)
            sequence += 1
        self.size += size
        self.last_sequence = sequence - 1

    def find(self, key: bytes, sequence: int) -> Version | None:
        """Return the newest version of a key up to a sequence number, whatever ranges were deleted."""
        version = self.versions.get(key)
        while version is not None and version[0] > sequence:
            version = version[2]
        return version

    def covering(self, key: bytes, sequence: int) -> int:
        """Return the number of the newest deletion of a range, up to `sequence`, that covers the key; -1 if none."""
        return covering(self.tombstones, key, sequence)

    def entries(self, begin: bytes, end: bytes | None, sequence: int, *, reverse: bool = False) -> Iterator[Entry]:
        """Yield the newest version, up to a sequence number, of every key in a range, in the order of the keys."""
        versions = self.versions
        for key in self._ordered().irange(begin, end, (True, False), reverse):
            version: Version | None = versions[key]
            while version is not None and version[0] > sequence:
                version = version[2]
            if version is not None:
                yield key, -version[0], version[1]

    def all_entries(self) -> Iterator[Entry]:
        """Yield every version of every key, the newest of a key first."""
        for key in sorted(self.versions):
            version: Version | None = self.versions[key]
            while version is not None:
                yield key, -version[0], version[1]
                version = version[2]

    def _ordered(self) -> SortedList:
        new = self._new
        if new:
            if len(new) <= _ADD_ONE_BY_ONE:
                for key in new:
                    self._order.add(key)
            else:
                self._order.update(new)
            new.clear()
        return self._order


def covering(tombstones: list[RangeTombstone], key: bytes, sequence: int) -> int:
    """Return the number of the newest deletion of a range, up to `sequence`, that covers the key; -1 if none."""
    return max((number for number, begin, end in tombstones if number <= sequence and begin <= key < end), default=-1)
