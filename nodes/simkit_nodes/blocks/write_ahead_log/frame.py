"""Records in a file, each in a frame with number and checksum, and how a torn file is told from a rotten one.

A frame is a magic word, the CRC32C of all that follows, the length of the payload, the number of the record, and up to
which number everything had been synced when it was written; then the payload. A crash leaves of what was not synced
any part, holes included. So a bad frame ends the file, unless a whole frame behind it says that the bad one had been
synced: then something that was durable is gone, and that is no crash's doing.

It deliberately cannot tell a rotten last frame from a torn one: nothing behind it bears witness.
"""

from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

MAGIC = b"\xabWAL"
_HEAD = Struct("<4sI")
_BODY = Struct("<IQQ")
FRAME_BYTES = _HEAD.size + _BODY.size
"""What a record takes beside its payload."""

_SUMS_PER_BYTE = 16  # how often a byte may be summed up while witnesses are looked for


class LogCorrupt(Exception):
    """Something that had been synced cannot be read any more; the text names file and offset."""


class Reading(NamedTuple):
    """What a file holds: its records in order, where the last of them ends, and what is wrong there."""

    records: list[bytes]
    end: int
    fault: str = ""
    """Why the bytes from `end` on are no frame; empty if there are none."""
    witness: int | None = None
    """Offset of a later frame which says that what is missing had been synced."""


def frame(number: int, payload: bytes, durable: int) -> bytes:
    """Return a record in its frame.

    Args:
        number: of the record.
        payload: its bytes.
        durable: every record up to this number has been synced.
    """
    body = _BODY.pack(len(payload), number, durable)
    return b"".join((_HEAD.pack(MAGIC, crc32c(payload, crc32c(body))), body, payload))


def read_frames(content: bytes, first: int) -> Reading:
    """Read the frames of a file.

    Args:
        content: of the whole file.
        first: the number that its first record must have; those of the others follow.
    """
    records: list[bytes] = []
    offset, size = 0, len(content)
    while offset < size:
        found = _frame_at(content, offset)
        if found is None or found.number != first + len(records):
            fault = "no whole frame" if found is None else f"record {found.number} instead of {first + len(records)}"
            return Reading(records, offset, fault, _witness(content, offset, first + len(records)))
        records.append(content[offset + FRAME_BYTES : found.end])
        offset = found.end
    return Reading(records, offset)


class _Frame(NamedTuple):
    number: int
    durable: int
    end: int


def _frame_at(content: bytes, offset: int) -> _Frame | None:
    """Return the frame that begins at an offset if its bytes give its sum."""
    begin = offset + FRAME_BYTES
    if begin > len(content):
        return None
    magic, checksum = _HEAD.unpack_from(content, offset)
    length, number, durable = _BODY.unpack_from(content, offset + _HEAD.size)
    end = begin + length
    if magic != MAGIC or end > len(content) or durable >= number:
        return None
    if crc32c(memoryview(content)[offset + _HEAD.size : end]) != checksum:
        return None
    return _Frame(number, durable, end)


def _witness(content: bytes, bad: int, missing: int) -> int | None:
    """Return where a frame begins that says the missing record had been synced, None if there is none.

    A file made to keep this busy is taken for a rotten one.
    """
    left = _SUMS_PER_BYTE * len(content)
    offset = content.find(MAGIC, bad + 1)
    while offset >= 0:
        found = _frame_at(content, offset)
        if found is not None and found.durable >= missing:
            return offset
        if offset + FRAME_BYTES <= len(content):
            left -= FRAME_BYTES + min(_BODY.unpack_from(content, offset + _HEAD.size)[0], len(content))
        if left < 0:
            return offset
        offset = content.find(MAGIC, offset + 1 if found is None else found.end)
    return None
