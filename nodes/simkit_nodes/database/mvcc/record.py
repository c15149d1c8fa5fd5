"""What stands in the engine beside versions: intents, and the records that decide about transactions.

An intent is a provisional value and a pointer to its transaction's record, as in Percolator's lock column; a record is
where a transaction commits or aborts, for all of its intents at once. A missing record is one that nobody has written
yet: the transaction is pending since its begin.

It deliberately holds no history of a transaction's own overwritten values: a transaction that is run again is another.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from simkit_nodes.blocks.lsm import Corruption


class Status(IntEnum):
    """Where a transaction stands. `STAGING`: committed if all writes it names are there (parallel commits)."""

    PENDING = 0
    STAGING = 1
    COMMITTED = 2
    ABORTED = 3

    @property
    def final(self) -> bool:
        """Whether nothing can change it any more."""
        return self >= Status.COMMITTED


class Intent(msgspec.Struct, frozen=True, array_like=True):
    """A provisional value of one key.

    Attributes:
        transaction_id: whose it is.
        anchor: the key at whose range that transaction's record stands.
        timestamp: it becomes visible there, or higher, if the transaction commits.
        local_timestamp: the leaseholder's clock when it was written.
        begin_timestamp: the transaction's age.
        sequence: which of the transaction's writes this is; a later one has replaced the earlier ones.
        value: None deletes the key.
    """

    transaction_id: int
    anchor: bytes
    timestamp: int
    local_timestamp: int
    begin_timestamp: int
    sequence: int
    value: bytes | None


class InFlight(msgspec.Struct, frozen=True, array_like=True):
    """A write that a STAGING record depends on."""

    key: bytes
    sequence: int


class Record(msgspec.Struct, frozen=True, array_like=True):
    """The record of one transaction.

    Attributes:
        status: the one bit that commits or aborts, with STAGING before it.
        commit_timestamp: of a COMMITTED or STAGING transaction.
        last_active: when its coordinator was last heard of.
        in_flight: of a STAGING one.
        request: the number that a client gave to what it asked for, so that whoever recovers it can say; 0 for none.
    """

    status: Status
    commit_timestamp: int
    last_active: int
    in_flight: tuple[InFlight, ...] = ()
    request: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode_intent = msgspec.msgpack.Decoder(Intent).decode
_decode_record = msgspec.msgpack.Decoder(Record).decode

_DELETED: Final = 0
_VALUE: Final = 1
_LOCAL: Final = 2


def encode_intent(intent: Intent) -> bytes:
    """Return the bytes of an intent."""
    return _encode(intent)


def encode_record(record: Record) -> bytes:
    """Return the bytes of a record."""
    return _encode(record)


def decode_intent(stored: bytes) -> Intent:
    """Return an intent. Corruption if the bytes are none: the engine was not asked to compare checksums."""
    try:
        return _decode_intent(stored)
    except msgspec.DecodeError as error:
        raise Corruption(f"an intent that is none: {error}") from None


def decode_record(stored: bytes) -> Record:
    """Return a record. Corruption if the bytes are none."""
    try:
        return _decode_record(stored)
    except msgspec.DecodeError as error:
        raise Corruption(f"a transaction record that is none: {error}") from None


def encode_version(value: bytes | None, local_timestamp: int | None = None) -> bytes:
    """Return what stands at a version's engine key; with the leaseholder's clock where that was behind the version."""
    kind = _DELETED if value is None else _VALUE
    if local_timestamp is None:
        return bytes((kind,)) + (value or b"")
    return bytes((kind | _LOCAL,)) + local_timestamp.to_bytes(8, "big") + (value or b"")


def decode_version(stored: bytes) -> bytes | None:
    """Return the value of a version, None for a tombstone."""
    kind = stored[0]
    if not kind & _VALUE:
        return None
    return stored[9:] if kind & _LOCAL else stored[1:]


def local_timestamp(stored: bytes, timestamp: int) -> int:
    """Return the leaseholder's clock when a version with this timestamp was written, or later than that."""
    return int.from_bytes(stored[1:9], "big") if stored[0] & _LOCAL else timestamp


def is_tombstone(stored: bytes) -> bool:
    """Whether a version says that there is no value."""
    return not stored[0] & _VALUE
