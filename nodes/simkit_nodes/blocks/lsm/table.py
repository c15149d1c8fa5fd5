"""A sorted table: a file of blocks that is written once, with an index and a Bloom filter at its end.

The file holds its blocks, then one block with the index (the first key of each block, where it ends), the filter and
the deleted ranges, then a footer that says where that begins. The index stays in memory while the table is open.

It deliberately keeps no blocks: those are the cache's.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

import msgspec
from crc32c import crc32c

from simkit.hosts.disk import Disk
from simkit.node import fault_point
from simkit_nodes.blocks.lsm.block import Block, encode_block, seal, unseal
from simkit_nodes.blocks.lsm.block_cache import BlockCache
from simkit_nodes.blocks.lsm.bloom_filter import Hash, build, may_contain
from simkit_nodes.blocks.lsm.engine import Corruption
from simkit_nodes.blocks.lsm.memtable import Entry, RangeTombstone
from simkit_nodes.blocks.lsm.options import LsmOptions

_FOOTER = Struct("<8sQII")
_MAGIC = b"simkLSM1"
_APPEND_BYTES = 256 * 1024


class TableMeta(msgspec.Struct, frozen=True, array_like=True):
    """What the manifest knows of a table."""

    number: int
    level: int
    size: int
    begin: bytes
    """No key, and no deleted range, begins before this."""
    end: bytes
    """The first key after all of them."""
    entries: int
    tombstones: int
    last_sequence: int
    """Of the newest change in it."""


class Index(msgspec.Struct, frozen=True, array_like=True):
    """What stands at the end of a table, and in memory while it is open."""

    first_keys: list[bytes]
    ends: list[int]
    bloom: bytes
    tombstones: list[tuple[int, bytes, bytes]]


_encode = msgspec.msgpack.Encoder().encode
_decode_index = msgspec.msgpack.Decoder(Index).decode


class NewTable(NamedTuple):
    """A table that is about to be written."""

    meta: TableMeta
    end: Index
    content: bytes


class TableBuilder:
    """Makes the bytes of one table of entries that are added in order."""

    def __init__(self, options: LsmOptions) -> None:
        self._options = options
        self._sealed: list[bytes] = []
        self._first_keys: list[bytes] = []
        self._ends: list[int] = []
        self._filtered: list[bytes] = []
        self._last_key = b""
        self._last_sequence = 0
        self._entries = 0
        self.size = 0

    def add_block(self, entries: list[Entry]) -> None:
        """Add a block of entries, sorted, with all versions of its keys."""
        sealed = seal(encode_block(entries), compress=self._options.compress)
        self._sealed.append(sealed)
        self.size += len(sealed)
        self._first_keys.append(entries[0][0])
        self._ends.append(self.size)
        self._last_key = entries[-1][0]
        self._last_sequence = max(self._last_sequence, -min(negative for _, negative, _ in entries))
        self._entries += len(entries)
        if self._options.bloom_bits:
            prefix_of = self._options.prefix_of
            keys = [key for key, _, _ in entries]
            self._filtered += dict.fromkeys(keys if prefix_of is None else [prefix_of(key) or key for key in keys])

    def finish(self, number: int, level: int, tombstones: list[RangeTombstone]) -> "NewTable":
        """Return the table, with the deleted ranges that it holds too."""
        bloom = build(self._filtered, self._options.bloom_bits) if self._filtered else b""
        index = Index(self._first_keys, self._ends, bloom, tombstones)
        sealed = seal(_encode(index), compress=self._options.compress)
        footer = _FOOTER.pack(_MAGIC, self.size, len(sealed), 0)[:-4]
        footer += crc32c(footer).to_bytes(4, "little")
        content = b"".join((*self._sealed, sealed, footer))
        begins = [*self._first_keys[:1], *(begin for _, begin, _ in tombstones)]
        ends = [self._last_key + b"\0"] if self._first_keys else []
        ends += [end for _, _, end in tombstones]
        last = max([self._last_sequence, *(sequence for sequence, _, _ in tombstones)])
        size = len(content)
        meta = TableMeta(number, level, size, min(begins), max(ends), self._entries, len(tombstones), last)
        return NewTable(meta, index, content)


def blocks_of(entries: Iterable[Entry], block_bytes: int) -> Iterable[list[Entry]]:
    """Yield sorted entries in the portions that make a block: all versions of a key stand in one."""
    portion: list[Entry] = []
    size, last = 0, None
    for entry in entries:
        key, _, value = entry
        if size >= block_bytes and key != last:
            yield portion
            portion, size = [], 0
        portion.append(entry)
        size += len(key) + len(value or b"") + 16
        last = key
    if portion:
        yield portion


async def write_file(disk: Disk, path: str, content: bytes) -> None:
    """Write a new file and make its content durable; not yet its name. OSError, and then there is no such file."""
    try:
        for offset in range(0, len(content), _APPEND_BYTES):
            await disk.append(path, content[offset : offset + _APPEND_BYTES])
        await fault_point("table-written")
        await disk.sync(path)
    except OSError:
        if disk.exists(path):
            await disk.delete(path)
        raise


class Table:
    """An open table. Made by `open`.

    Attributes:
        meta: what the manifest knows of it.
        number, begin, end: of that.
        index: what stands at its end.
    """

    __slots__ = ("_cache", "_check", "_disk", "begin", "end", "index", "meta", "number", "path")

    def __init__(
        self, disk: Disk, path: str, meta: TableMeta, index: Index, cache: BlockCache, options: LsmOptions
    ) -> None:
        self._disk = disk
        self._cache = cache
        self._check = options.block_crc
        self.index = index
        self.path = path
        self.meta = meta
        self.number = meta.number
        self.begin = meta.begin
        self.end = meta.end

    def __repr__(self) -> str:
        return f"<Table {self.number} {self.begin!r} to {self.end!r}>"

    @classmethod
    async def open(cls, disk: Disk, path: str, meta: TableMeta, cache: BlockCache, options: LsmOptions) -> "Table":
        """Read footer and index of a table. Their checksums are always compared. Corruption."""
        if not disk.exists(path) or disk.size(path) != meta.size or meta.size < _FOOTER.size:
            size = f"of {disk.size(path)} bytes" if disk.exists(path) else "that is not there"
            raise Corruption(f"{path}: a file {size}, where the manifest knows {meta.size} bytes")
        footer = await disk.read(path, meta.size - _FOOTER.size)
        magic, offset, size, checksum = _FOOTER.unpack(footer)
        if magic != _MAGIC or crc32c(footer[:-4]) != checksum:
            raise Corruption(f"{path}: no footer at byte {meta.size - _FOOTER.size}")
        payload = unseal(await disk.read(path, offset, size), f"{path} at byte {offset}")
        return cls(disk, path, meta, _decode_index(payload), cache, options)

    @property
    def tombstones(self) -> list[RangeTombstone]:
        """The deleted ranges in it."""
        return self.index.tombstones

    @property
    def block_count(self) -> int:
        """How many blocks it has."""
        return len(self.index.first_keys)

    def may_contain(self, hashed: Hash) -> bool:
        """Return False if no key with this hash, or with a prefix that has it, is in the table."""
        return not self.index.bloom or may_contain(self.index.bloom, hashed)

    def block_of(self, key: bytes) -> int:
        """Return the number of the block in which a key would be; -1 if it comes before all of them."""
        return bisect_right(self.index.first_keys, key) - 1

    async def read_block(self, number: int) -> Block:
        """Read a block from the disk, and keep it in the cache. Corruption."""
        offset = self.index.ends[number - 1] if number else 0
        size = self.index.ends[number] - offset
        sealed = await self._disk.read(self.path, offset, size)
        block = self._decode(sealed, offset)
        self._cache.put(self.number, number, block)
        return block

    def _decode(self, sealed: bytes, offset: int, *, check: bool = False) -> Block:
        place = f"{self.path} at byte {offset}"
        return Block(unseal(sealed, place, check=self._check or check), place)

    async def portion(
        self, begin: bytes, end: bytes | None, *, reverse: bool, count: int
    ) -> tuple[list[Entry], bytes | None]:
        """Return the first entries of a range, some `count` of one block, with all versions of their keys.

        Returns:
            Sorted entries, and the key at which the rest of the range begins (with `reverse`: before which it ends);
            None if there is no rest.
        """
        number = bisect_left(self.index.first_keys, end) - 1 if reverse and end is not None else self.block_of(begin)
        if reverse and end is None:
            number = self.block_count - 1
        number = number if reverse else max(number, 0)
        if not 0 <= number < self.block_count:
            return [], None
        block = self._cache.get(self.number, number) or await self.read_block(number)
        keys = block.keys
        first = bisect_left(keys, begin)
        last = len(keys) if end is None else bisect_left(keys, end)
        if not reverse:
            if last - first > count:
                last = bisect_right(keys, keys[first + count - 1], first, last)
            rest = keys[last] if last < len(keys) else None
            if rest is None and number + 1 < self.block_count:
                rest = self.index.first_keys[number + 1]
            more = rest is not None and (end is None or rest < end)
            return block.entries(first, last), rest if more else None
        if last - first > count:
            first = bisect_left(keys, keys[last - count], first, last)
        more = first > 0 or number > 0
        bound = keys[first] if first < last else self.index.first_keys[number]
        return block.entries(first, last), bound if more and bound > begin else None

    async def all_entries(self) -> list[Entry]:
        """Read the whole table at once, past the cache. Corruption."""
        content = await self._disk.read(self.path, 0, self.index.ends[-1] if self.index.ends else 0)
        entries: list[Entry] = []
        offset = 0
        for end in self.index.ends:
            entries += self._decode(content[offset:end], offset).entries()
            offset = end
        return entries

    async def damages(self) -> list[str]:
        """Read the whole table and compare every checksum; return what is wrong, in words with file and offset."""
        found = []
        content = await self._disk.read(self.path)
        offset = 0
        for end in self.index.ends:
            try:
                self._decode(content[offset:end], offset, check=True)
            except Corruption as error:
                found.append(str(error))
            offset = end
        try:
            footer = content[-_FOOTER.size :]
            place = f"{self.path} at byte {offset}"
            unseal(content[offset : len(content) - _FOOTER.size], place)
            if len(footer) < _FOOTER.size or crc32c(footer[:-4]) != _FOOTER.unpack(footer)[3]:
                raise Corruption(f"{self.path}: no footer at byte {len(content) - _FOOTER.size}")
        except Corruption as error:
            found.append(str(error))
        return found
