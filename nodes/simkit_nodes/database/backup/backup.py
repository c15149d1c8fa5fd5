"""Backing up as of a timestamp, and restoring what was backed up.

A backup reads everything at one timestamp, page by page, from whichever ranges have it: however long that takes and
whatever is written meanwhile, what it holds was true at one moment. A restoration reads the whole file and compares
every checksum before it writes the first key, and puts the keys under a prefix of their own, so that nobody takes a
half of it for the data.

It deliberately knows no catalog: what is backed up are keys and values, and whoever gives them meaning restores that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
from xxhash import xxh3_128

from simkit.hosts.disk import Disk
from simkit_nodes.blocks.lsm import Archive, ArchiveWriter, Corruption
from simkit_nodes.database.errors import DatabaseError, RetryableError, Unavailable
from simkit_nodes.database.interface import KEY_BEGIN, Database, Transaction

RESTORED: Final = b"r/"
"""Keys that were restored begin so, and then with the name of the backup; they are not backed up again."""
END: Final = b"r"
"""The first key that is not backed up."""
KEYS_PER_TRANSACTION: Final = 64
TRIES: Final = 40
PAUSE_S: Final = 0.25

Result = TypeVar("Result")
Pairs = list[tuple[bytes, bytes]]


class BackupDamaged(DatabaseError):
    """The file of a backup was cut short or is not what was written; nothing was restored."""

    sqlstate = "XX001"


class Note(msgspec.Struct, frozen=True, array_like=True):
    """What a backup tells of itself."""

    timestamp: int
    """Zero where every page was read at a time of its own."""


@dataclass(frozen=True)
class Backup:
    """What was backed up, or restored.

    Attributes:
        timestamp: as of which.
        pairs: keys and values, in order of keys.
    """

    timestamp: int
    pairs: Pairs

    @property
    def digest(self) -> str:
        """A hash of all pairs."""
        return digest_of(self.pairs)


def digest_of(pairs: Pairs) -> str:
    """Return a hash of pairs that stand in order."""
    digest = xxh3_128()
    for key, value in pairs:
        digest.update(len(key).to_bytes(4, "little") + len(value).to_bytes(4, "little") + key + value)
    return digest.hexdigest()


_encode_note = msgspec.msgpack.Encoder().encode
_decode_note = msgspec.msgpack.Decoder(Note).decode


async def back_up(database: Database, disk: Disk, path: str, timestamp: int | None, *, page: int = 256) -> Backup:
    """Write all keys below `END` into a file.

    Args:
        database: where from.
        disk, path: where to; a file that is there is replaced when the new one is whole.
        timestamp: as of when, in the past of every clock. None reads each page at its own time, which is no backup.
        page: how many keys are read at a time.

    Raises:
        DatabaseError: what could not be read for a long time.
        OSError: the disk.
    """
    writer = ArchiveWriter(disk, path)
    pairs: Pairs = []
    begin, read = KEY_BEGIN, page
    while read == page:
        found = await _patiently(lambda begin=begin: _page(database, timestamp, begin, page))  # type: ignore[misc]
        await writer.add(found)
        pairs += found
        read = len(found)
        begin = found[-1][0] + b"\0" if found else begin
    await writer.finish(_encode_note(Note(timestamp or 0)))
    return Backup(timestamp or 0, pairs)


async def _page(database: Database, timestamp: int | None, begin: bytes, limit: int) -> Pairs:
    transaction = database.begin(as_of=timestamp)
    try:
        return await transaction.scan(begin, END, limit=limit)
    finally:
        await transaction.rollback()


async def read_backup(disk: Disk, path: str) -> Backup:
    """Read a backup's file and compare every checksum. BackupDamaged; OSError ENOENT."""
    try:
        archive = await Archive.open(disk, path)
    except Corruption as error:
        raise BackupDamaged(str(error)) from error
    return Backup(_decode_note(archive.contents.note).timestamp, [pair for pairs in archive for pair in pairs])


async def restore(database: Database, disk: Disk, path: str, prefix: bytes) -> Backup:
    """Write what a backup holds under `prefix`, and return it.

    Raises:
        BackupDamaged: nothing was written.
        DatabaseError: what could not be written for a long time; some keys may be there, all under the prefix.
    """
    backup = await read_backup(disk, path)
    for place in range(0, len(backup.pairs), KEYS_PER_TRANSACTION):
        portion = backup.pairs[place : place + KEYS_PER_TRANSACTION]

        async def write(transaction: Transaction, portion: Pairs = portion) -> None:
            for key, value in portion:
                await transaction.put(prefix + key, value)

        await _patiently(lambda write=write: database.run(write))  # type: ignore[misc]
    return backup


async def restored_digest(database: Database, prefix: bytes) -> str:
    """Return the hash of what stands under a prefix, as a backup of it would tell."""

    async def read(transaction: Transaction) -> Pairs:
        return await transaction.scan(prefix, prefix + b"\xff")

    pairs = await _patiently(lambda: database.run(read))
    return digest_of([(key[len(prefix) :], value) for key, value in pairs])


async def _patiently(attempt: Callable[[], Awaitable[Result]]) -> Result:
    """Do something that may be done twice, again as long as ranges are unavailable or in the way."""
    for _ in range(TRIES - 1):
        try:
            return await attempt()
        except (RetryableError, Unavailable):
            await asyncio.sleep(PAUSE_S)
    return await attempt()
