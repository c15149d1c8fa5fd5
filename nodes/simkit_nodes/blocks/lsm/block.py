"""Blocks: sorted entries in columns, so that a search is one bisection and no object is made for what is not asked for.

A block holds the number of entries, where each key ends, where each value ends, a tag for each (its sequence number,
and whether it has a value or says deleted), the keys, the values. On the disk it stands behind a checksum, its size
before compression and how it is compressed. All versions of a key stand in one block, the newest first.

It deliberately takes no shared beginnings of keys out: lz4 finds them.
"""

from bisect import bisect_left
from itertools import accumulate
from struct import Struct, pack, unpack_from

import lz4.block
from crc32c import crc32c

from simkit_nodes.blocks.lsm.engine import Corruption
from simkit_nodes.blocks.lsm.memtable import Entry

_FRAME = Struct("<IIB")
FRAME_BYTES = _FRAME.size
_PLAIN, _LZ4 = 0, 1
_LZ4_RATIO_MAX = 255  # a byte of lz4 makes at most so many


def seal(payload: bytes, *, compress: bool) -> bytes:
    """Return a payload as it stands on the disk."""
    body, manner = payload, _PLAIN
    if compress:
        packed = lz4.block.compress(payload, store_size=False)
        if len(packed) < len(payload):
            body, manner = packed, _LZ4
    head = _FRAME.pack(0, len(payload), manner)[4:]
    return b"".join((pack("<I", crc32c(body, crc32c(head))), head, body))


def unseal(sealed: bytes, place: str, *, check: bool = True) -> bytes:
    """Return the payload that was sealed.

    Args:
        sealed: what was read.
        place: file and offset, for the error.
        check: whether the checksum is compared.

    Raises:
        Corruption: the bytes are not those that were written.
    """
    if len(sealed) < FRAME_BYTES:
        raise Corruption(f"{place}: a block of {len(sealed)} bytes")
    checksum, size, manner = _FRAME.unpack_from(sealed)
    body = sealed[FRAME_BYTES:]
    if check and crc32c(body, crc32c(sealed[4:FRAME_BYTES])) != checksum:
        raise Corruption(f"{place}: the block's bytes do not give its checksum")
    if manner != _LZ4:
        return body
    if size > _LZ4_RATIO_MAX * len(body):
        raise Corruption(f"{place}: {len(body)} bytes cannot hold {size}")
    try:
        return lz4.block.decompress(body, uncompressed_size=size)
    except lz4.block.LZ4BlockError as error:
        raise Corruption(f"{place}: {error}") from error


def encode_block(entries: list[Entry]) -> bytes:
    """Return entries, sorted, as the payload of a block."""
    count = len(entries)
    keys = [key for key, _, _ in entries]
    values = [value or b"" for _, _, value in entries]
    return b"".join(
        (
            pack(
                f"<{1 + 2 * count}I{count}Q",
                count,
                *accumulate(map(len, keys)),
                *accumulate(map(len, values)),
                *[-negative << 1 | (value is not None) for _, negative, value in entries],
            ),
            *keys,
            *values,
        )
    )


class Block:
    """The entries of a block in memory.

    Attributes:
        keys: of all entries; equal ones are versions, the newest first.
        tags: twice the sequence number, and one more if there is a value.
        size: bytes it takes, about.
    """

    __slots__ = ("_ends", "_payload", "_values_begin", "keys", "size", "tags")

    def __init__(self, payload: bytes, place: str) -> None:
        """Read a payload; Corruption if it cannot be one."""
        size = len(payload)
        count = unpack_from("<I", payload)[0] if size >= 4 else size
        keys_begin = 4 + 16 * count
        if keys_begin > size:
            raise Corruption(f"{place}: {size} bytes cannot hold {count} entries")
        ends = unpack_from(f"<{count}I", payload, 4)
        self._ends = unpack_from(f"<{count}I", payload, 4 + 4 * count)
        self.tags: tuple[int, ...] = unpack_from(f"<{count}Q", payload, 4 + 8 * count)
        keys = payload[keys_begin : keys_begin + (ends[-1] if count else 0)]
        self.keys = [keys[begin:end] for begin, end in zip((0, *ends), ends, strict=False)]
        self._payload = payload
        self._values_begin = keys_begin + len(keys)
        self.size = 2 * size

    def value(self, index: int) -> bytes | None:
        """Return the value of an entry, None if it says deleted."""
        if not self.tags[index] & 1:
            return None
        begin = self._values_begin
        return self._payload[begin + (self._ends[index - 1] if index else 0) : begin + self._ends[index]]

    def find(self, key: bytes, sequence: int) -> int:
        """Return the index of the newest version of a key up to a sequence number, -1 if there is none."""
        keys, tags = self.keys, self.tags
        index, count, newest = bisect_left(keys, key), len(keys), sequence << 1 | 1
        while index < count and keys[index] == key:
            if tags[index] <= newest:
                return index
            index += 1
        return -1

    def entries(self, begin: int = 0, end: int | None = None) -> list[Entry]:
        """Return the entries from one index up to another."""
        keys, tags, values = self.keys, self.tags, self._ends
        payload, shift = self._payload, self._values_begin
        end = len(keys) if end is None else end
        starts = (shift + (values[begin - 1] if begin else 0), *[shift + each for each in values[begin : end - 1]])
        return [
            (key, -(tag >> 1), payload[start : shift + stop] if tag & 1 else None)
            for key, tag, start, stop in zip(keys[begin:end], tags[begin:end], starts, values[begin:end], strict=False)
        ]
