"""Where things stand in the engine: versions newest first behind an intent slot, transaction records by anchor.

A key is escaped (zero bytes become 00 ff, the end is 00 01, as FoundationDB's tuples do), so that engine order is key
order and all versions of a key stand together. Eight bytes follow: zero for the intent, else the complement of the
timestamp. Transaction records have a space of their own that is ordered by anchor key, so that a range's records are a
contiguous span too and go with it when it is split or sent as a snapshot. So do the rows of merges, ordered by the
first key of the range that has taken the other in.

It deliberately knows nothing of a store's own state, such as Raft's, which has other prefixes.
"""

from __future__ import annotations

from typing import Final

from simkit_nodes.database.range import RangeDescriptor

RECORDS: Final = b"\x02"
VERSIONS: Final = b"\x03"
MERGES: Final = b"\x04"
INTENT_SLOT: Final = bytes(8)
LAST_SLOT: Final = b"\xff" * 8
"""Behind all versions of a key; there is none at timestamp 0."""
_MASK: Final = (1 << 64) - 1
_END: Final = b"\x00\x01"


def escaped(key: bytes) -> bytes:
    """Return a key in a form that sorts the same and that nothing can follow by accident."""
    return (key.replace(b"\x00", b"\x00\xff") if b"\x00" in key else key) + _END


def versions_prefix(key: bytes) -> bytes:
    """Return what the engine keys of all versions of a key begin with."""
    return VERSIONS + escaped(key)


def version_key(prefix: bytes, timestamp: int) -> bytes:
    """Return the engine key of a version, given `versions_prefix` of its key."""
    return prefix + (_MASK - timestamp).to_bytes(8, "big")


def intent_key(prefix: bytes) -> bytes:
    """Return the engine key of the intent slot, given `versions_prefix` of its key."""
    return prefix + INTENT_SLOT


def timestamp_of(engine_key: bytes) -> int:
    """Return the timestamp of a version's engine key; for an intent slot, one above all timestamps."""
    return _MASK - int.from_bytes(engine_key[-8:], "big")


def key_of(prefix: bytes) -> bytes:
    """Return the key whose `versions_prefix` this is."""
    escaped_key = prefix[1:-2]
    return escaped_key.replace(b"\x00\xff", b"\x00") if b"\x00" in escaped_key else escaped_key


def prefix_of(engine_key: bytes) -> bytes:
    """Return what all versions of a key have in common, for the filters of tables.

    What has no end, such as a boundary, gets one, so that a scan from there is not taken for one of a single key.
    """
    place = engine_key.find(_END)
    return engine_key + _END if place < 0 else engine_key[: place + 2]


def boundary(key: bytes) -> bytes:
    """Return the engine key at which the versions of keys from `key` on begin."""
    return VERSIONS + (key.replace(b"\x00", b"\x00\xff") if b"\x00" in key else key)


def record_key(anchor: bytes, transaction_id: int) -> bytes:
    """Return the engine key of a transaction's record."""
    return RECORDS + escaped(anchor) + transaction_id.to_bytes(8, "big")


def record_boundary(key: bytes) -> bytes:
    """Return the engine key at which the records with anchors from `key` on begin."""
    return RECORDS + (key.replace(b"\x00", b"\x00\xff") if b"\x00" in key else key)


def merge_key(left: RangeDescriptor, right: RangeDescriptor) -> bytes:
    """Return the engine key of the row that is there once `left`, as of just this generation, has taken `right` in."""
    return (
        MERGES
        + escaped(left.begin)
        + b"".join(number.to_bytes(8, "big") for number in (left.range_id, left.generation, right.range_id))
    )


def engine_spans(descriptor: RangeDescriptor) -> tuple[tuple[bytes, bytes], ...]:
    """Return the spans of the engine (begin, end) that belong to a range: its records, its versions, its merges."""
    low, high = (boundary(key)[1:] for key in (descriptor.begin, descriptor.end))
    return tuple((space + low, space + high) for space in (RECORDS, VERSIONS, MERGES))
