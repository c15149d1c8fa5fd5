"""What an ordered key-value engine of one process offers: reads, atomic batches, snapshots, and what of it is durable.

Keys and values are bytes; keys are ordered bytewise. Every operation of a batch takes the next sequence number, and a
snapshot is all that had been written up to one such number. A read that finds everything in memory never suspends.

It deliberately knows no transactions, no timestamps and no replication: one process writes, in the order of its calls.
"""

from typing import Protocol

from simkit_nodes.blocks.lsm.write_batch import WriteBatch

Pair = tuple[bytes, bytes]
"""A key and its value."""


class EngineFailed(Exception):
    """The engine takes no more writes: a sync failed or its files are damaged. Only opening it again helps."""


class Corruption(EngineFailed):
    """Bytes on the disk are not those that were written; the text names file and offset."""


class OutOfSpace(OSError):
    """There is no room for the write, and nothing of it has happened; the same write may succeed later. ENOSPC."""


class Reader(Protocol):
    """Something that can be read: the engine as it is now, or a snapshot of it."""

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, None if there is none. Corruption if its block is damaged."""
        ...

    async def scan(
        self, begin: bytes = b"", end: bytes | None = None, *, reverse: bool = False, limit: int | None = None
    ) -> list[Pair]:
        """Return the pairs with ``begin <= key < end``, in order, all as of one moment.

        Args:
            begin: the smallest key that is in the range.
            end: the first key after the range; None for no end.
            reverse: from the largest key down.
            limit: how many pairs at most; None for all of them.

        Raises:
            ValueError: for an end before the begin, or a negative limit.
            Corruption: if a block in the range is damaged.
        """
        ...


class Snapshot(Reader, Protocol):
    """The engine as it was at one moment. It holds back the removal of old versions until it is closed."""

    @property
    def sequence(self) -> int:
        """The last sequence number that is part of it."""
        ...

    def close(self) -> None:
        """Let go of it; reading it afterwards is a ValueError. Closing twice does nothing."""
        ...


class Engine(Reader, Protocol):
    """An engine that can be written."""

    @property
    def sequence(self) -> int:
        """The sequence number of the last operation that reads see; 0 before the first."""
        ...

    @property
    def durable_sequence(self) -> int:
        """Every operation up to this number survives a power cut; never above `sequence`.

        Whoever keeps a log of its own (Raft) may cut it below the entries whose effects are up to here.
        """
        ...

    async def write(self, batch: WriteBatch, *, sync: bool = False) -> int:
        """Carry out a batch, whole or not at all, and return the sequence number of its last operation.

        Batches take effect in the order of the calls. Without `sync` the batch is visible when this returns and may be
        lost by a crash, but then with everything written after it: what survives is always a prefix. With `sync` it,
        and all before it, are durable when this returns.

        Raises:
            OutOfSpace: the disk is full; nothing of the batch has happened, and reads go on.
            EngineFailed: the engine takes no writes any more.
        """
        ...

    async def sync(self) -> None:
        """Make everything written so far durable, through the log. OutOfSpace, EngineFailed."""
        ...

    def snapshot(self) -> Snapshot:
        """Return the engine as it is now; close it when done."""
        ...

    async def close(self) -> None:
        """Make everything durable and end what runs in the background; a process that is killed does not need it."""
        ...


def check_range(begin: bytes, end: bytes | None, limit: int | None) -> None:
    """Refuse what no scan can mean: an end before the begin, a negative limit. ValueError."""
    if end is not None and end < begin:
        raise ValueError(f"a range cannot end at {end!r}, before it begins at {begin!r}")
    if limit is not None and limit < 0:
        raise ValueError(f"a scan cannot return {limit} pairs")
