"""A file of pairs to keep elsewhere: what a backup writes and a restore reads.

Pairs stand in portions, each with number and checksum, and behind the last one how many there are. So a file that was
cut short, lost a portion or rotted is refused before anything of it is used.

It deliberately knows no engine: whoever backs up decides at which moment it reads, and who restores where it writes.
"""

from collections.abc import Iterator
from typing import Self

import msgspec

from simkit.hosts.disk import Disk
from simkit.node import fault_point
from simkit_nodes.blocks.lsm.engine import Corruption, Pair
from simkit_nodes.blocks.write_ahead_log.frame import frame, read_frames

_PORTION_BYTES = 256 * 1024


class Contents(msgspec.Struct, frozen=True, array_like=True):
    """What stands at the end of an archive."""

    pairs: int
    portions: int
    note: bytes
    """What its writer wanted to be known: a timestamp, a span."""


_encode = msgspec.msgpack.Encoder().encode
_decode_pairs = msgspec.msgpack.Decoder(list[Pair]).decode
_decode_contents = msgspec.msgpack.Decoder(Contents).decode


class ArchiveWriter:
    """Writes a new archive: `add` any number of times, then `finish`.

    Args:
        disk: where to.
        path: of the file; one that is there is replaced when the new one is whole.
    """

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path = path
        self._temporary = path + ".tmp"
        self._begun = False
        self._portion: list[Pair] = []
        self._size = 0
        self._pairs = self._portions = 0

    async def add(self, pairs: list[Pair]) -> None:
        """Add pairs. OSError."""
        for key, value in pairs:
            self._portion.append((key, value))
            self._size += len(key) + len(value)
            if self._size >= _PORTION_BYTES:
                await self._write_portion()

    async def finish(self, note: bytes = b"") -> Contents:
        """Make the archive whole and durable. OSError."""
        if self._portion:
            await self._write_portion()
        contents = Contents(self._pairs, self._portions, note)
        await self._append(frame(self._portions + 1, _encode(contents), self._portions))
        await self._disk.sync(self._temporary)
        await fault_point("archive-written")
        await self._disk.rename(self._temporary, self._path)
        await self._disk.sync_directory()
        return contents

    async def _write_portion(self) -> None:
        portion, self._portion, self._size = self._portion, [], 0
        self._portions += 1
        self._pairs += len(portion)
        await self._append(frame(self._portions, _encode(portion), self._portions - 1))

    async def _append(self, framed: bytes) -> None:
        if not self._begun and self._disk.exists(self._temporary):
            await self._disk.delete(self._temporary)
        self._begun = True
        await self._disk.append(self._temporary, framed)


class Archive:
    """An archive that has been found to be whole. Made by `open`."""

    def __init__(self, portions: list[bytes], contents: Contents) -> None:
        self._portions = portions
        self.contents = contents

    @classmethod
    async def open(cls, disk: Disk, path: str) -> Self:
        """Read an archive and compare every checksum.

        Raises:
            OSError: ENOENT.
            Corruption: it was cut short, or is not what was written.
        """
        content = await disk.read(path)
        reading = read_frames(content, 1)
        if reading.fault:
            raise Corruption(f"{path}: {reading.fault} at byte {reading.end}")
        if not reading.records:
            raise Corruption(f"{path}: there is nothing in it")
        *portions, last = reading.records
        try:
            contents = _decode_contents(last)
        except msgspec.DecodeError:
            raise Corruption(f"{path}: it ends at byte {reading.end} before its contents are told") from None
        if contents.portions != len(portions):
            raise Corruption(f"{path}: {len(portions)} portions, where {contents.portions} were written")
        return cls(portions, contents)

    def __iter__(self) -> Iterator[list[Pair]]:
        """Yield the pairs, in portions of about 256 KiB."""
        return map(_decode_pairs, self._portions)
