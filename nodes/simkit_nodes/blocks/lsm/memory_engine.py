"""An engine without a disk, for tests of what stands above one.

It deliberately survives nothing, and never forgets a key that was deleted: a process that lives for long needs the real
one.
"""

from simkit_nodes.blocks.lsm.engine import Pair, check_range
from simkit_nodes.blocks.lsm.memtable import Memtable
from simkit_nodes.blocks.lsm.write_batch import WriteBatch


class MemoryEngine:
    """`Engine` over one memtable; everything counts as durable at once."""

    def __init__(self) -> None:
        self._memtable = Memtable()
        self._sequence = 0
        self._snapshots: dict[MemorySnapshot, None] = {}

    @property
    def sequence(self) -> int:
        """See `Engine.sequence`."""
        return self._sequence

    @property
    def durable_sequence(self) -> int:
        """See `Engine.durable_sequence`."""
        return self._sequence

    async def write(self, batch: WriteBatch, *, sync: bool = False) -> int:
        """See `Engine.write`."""
        newest = max((snapshot.sequence for snapshot in self._snapshots), default=-1)
        self._memtable.apply(batch.changes, self._sequence + 1, newest)
        self._sequence += len(batch.changes)
        return self._sequence

    async def sync(self) -> None:
        """See `Engine.sync`."""

    async def get(self, key: bytes) -> bytes | None:
        """See `Reader.get`."""
        return self.read(key, self._sequence)

    async def scan(
        self, begin: bytes = b"", end: bytes | None = None, *, reverse: bool = False, limit: int | None = None
    ) -> list[Pair]:
        """See `Reader.scan`."""
        return self.read_range(begin, end, self._sequence, reverse, limit)

    def snapshot(self) -> "MemorySnapshot":
        """See `Engine.snapshot`."""
        snapshot = MemorySnapshot(self, self._sequence)
        self._snapshots[snapshot] = None
        return snapshot

    async def close(self) -> None:
        """See `Engine.close`."""

    # -- what a snapshot asks

    def read(self, key: bytes, sequence: int) -> bytes | None:
        """Return the value that a key had at a sequence number."""
        version = self._memtable.find(key, sequence)
        if version is None or version[0] < self._memtable.covering(key, sequence):
            return None
        return version[1]

    def read_range(
        self, begin: bytes, end: bytes | None, sequence: int, reverse: bool, limit: int | None
    ) -> list[Pair]:
        """Return the pairs that a range had at a sequence number."""
        check_range(begin, end, limit)
        found: list[Pair] = []
        if limit == 0:
            return found
        for key, negative, value in self._memtable.entries(begin, end, sequence, reverse=reverse):
            if value is not None and -negative > self._memtable.covering(key, sequence):
                found.append((key, value))
                if len(found) == limit:
                    break
        return found

    def forget(self, snapshot: "MemorySnapshot") -> None:
        """Let go of a snapshot."""
        self._snapshots.pop(snapshot, None)


class MemorySnapshot:
    """A `MemoryEngine` as it was."""

    def __init__(self, engine: MemoryEngine, sequence: int) -> None:
        self._engine: MemoryEngine | None = engine
        self.sequence = sequence

    async def get(self, key: bytes) -> bytes | None:
        """See `Reader.get`."""
        return self._open().read(key, self.sequence)

    async def scan(
        self, begin: bytes = b"", end: bytes | None = None, *, reverse: bool = False, limit: int | None = None
    ) -> list[Pair]:
        """See `Reader.scan`."""
        return self._open().read_range(begin, end, self.sequence, reverse, limit)

    def close(self) -> None:
        """See `Snapshot.close`."""
        if self._engine is not None:
            self._engine.forget(self)
            self._engine = None

    def _open(self) -> MemoryEngine:
        if self._engine is None:
            raise ValueError("this snapshot is closed")
        return self._engine
