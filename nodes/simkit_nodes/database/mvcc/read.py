"""Reading at a timestamp: the newest version at or below it, and what keeps a reader from being sure of that.

A reader stops at two things. An intent of somebody else at or below what it may see must be decided first. A version
above its timestamp but within its uncertainty interval may have been written before it began, by a host whose clock
was ahead; it has to be read as well, which needs a later timestamp (Taft et al., "CockroachDB" (SIGMOD 2020), 4.2).
What a store wrote after the reader had first been there is no such version, whatever its timestamp.

It deliberately waits for nobody and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from simkit_nodes.blocks.lsm import Reader
from simkit_nodes.database.mvcc.keys import (
    INTENT_SLOT,
    LAST_SLOT,
    boundary,
    intent_key,
    key_of,
    timestamp_of,
    version_key,
    versions_prefix,
)
from simkit_nodes.database.mvcc.record import Intent, decode_intent, decode_version, local_timestamp

FIRST_LOOK: Final = 4
"""Engine entries of one key that are looked at before a seek: an intent, and the newest versions."""
CHUNK: Final = 256
"""Engine entries that a scan takes at a time."""


class IntentsInTheWay(Exception):
    """Somebody else's intents must be decided first; the first few, by key."""

    def __init__(self, intents: list[tuple[bytes, Intent]]) -> None:
        super().__init__("intents in the way")
        self.intents = intents


class Uncertain(Exception):
    """There is a version within the uncertainty interval, at `timestamp`."""

    def __init__(self, timestamp: int) -> None:
        super().__init__("a version within the uncertainty interval")
        self.timestamp = timestamp


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Who reads, and when.

    Attributes:
        timestamp: it sees versions at or below.
        uncertainty_limit: versions above `timestamp` up to here may have been there before it began.
        observed: what the leaseholder wrote when its clock was beyond this was written after the reader began.
        transaction_id: it sees its own intents whatever their timestamp; 0 has none.
    """

    timestamp: int
    uncertainty_limit: int
    observed: int
    transaction_id: int = 0


async def read_intent(engine: Reader, key: bytes) -> Intent | None:
    """Return the intent on a key."""
    stored = await engine.get(intent_key(versions_prefix(key)))
    return None if stored is None else decode_intent(stored)


async def newest(engine: Reader, key: bytes) -> tuple[Intent | None, int]:
    """Return the intent on a key and the timestamp of its newest version, 0 without one."""
    prefix = versions_prefix(key)
    intent, version = None, 0
    for stored_key, stored in await engine.scan(prefix + INTENT_SLOT, prefix + LAST_SLOT, limit=2):
        if stored_key.endswith(INTENT_SLOT):
            intent = decode_intent(stored)
        elif not version:
            version = timestamp_of(stored_key)
    return intent, version


async def get(engine: Reader, key: bytes, viewpoint: Viewpoint) -> bytes | None:
    """Return what a viewpoint sees of a key, None if nothing.

    Raises: IntentsInTheWay, Uncertain.
    """
    prefix = versions_prefix(key)
    end = prefix + LAST_SLOT
    entries = await engine.scan(prefix + INTENT_SLOT, end, limit=FIRST_LOOK)
    sight = _Sight(key, viewpoint)
    if sight.take(entries):
        return sight.value
    if len(entries) == FIRST_LOOK:
        sight.take(await engine.scan(version_key(prefix, viewpoint.timestamp), end, limit=1))
    return sight.value


@dataclass(slots=True)
class _Sight:
    """What is seen of one key, entry by entry, the newest first."""

    key: bytes
    viewpoint: Viewpoint
    value: bytes | None = None

    def take(self, entries: list[tuple[bytes, bytes]]) -> bool:
        """Take entries of the key; True when the value is known and no more are needed."""
        view = self.viewpoint
        for stored_key, stored in entries:
            if stored_key.endswith(INTENT_SLOT):
                intent = decode_intent(stored)
                if intent.transaction_id == view.transaction_id:
                    self.value = intent.value
                    return True
                if intent.timestamp <= view.timestamp or (
                    intent.timestamp <= view.uncertainty_limit and intent.local_timestamp <= view.observed
                ):
                    raise IntentsInTheWay([(self.key, intent)])
                continue
            timestamp = timestamp_of(stored_key)
            if timestamp <= view.timestamp:
                self.value = decode_version(stored)
                return True
            if timestamp <= view.uncertainty_limit and local_timestamp(stored, timestamp) <= view.observed:
                raise Uncertain(timestamp)
        return False


@dataclass(slots=True)
class _Scan:
    """Collects what a viewpoint sees of key after key."""

    viewpoint: Viewpoint
    limit: int | None
    found: list[tuple[bytes, bytes]] = field(default_factory=list)
    in_the_way: list[tuple[bytes, Intent]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return self.limit is not None and len(self.found) >= self.limit

    def take(self, prefix: bytes, entries: list[tuple[bytes, bytes]]) -> None:
        """Take all entries of a key, the newest first."""
        key = key_of(prefix)
        sight = _Sight(key, self.viewpoint)
        try:
            sight.take(entries)
        except IntentsInTheWay as conflict:
            self.in_the_way += conflict.intents
        if sight.value is not None:
            self.found.append((key, sight.value))


async def scan(
    engine: Reader, begin: bytes, end: bytes, viewpoint: Viewpoint, *, limit: int | None = None, reverse: bool = False
) -> list[tuple[bytes, bytes]]:
    """Return the keys with begin <= key < end that a viewpoint sees, with their values, at most `limit`.

    Raises: IntentsInTheWay with all that were met, Uncertain.
    """
    collected = _Scan(viewpoint, limit)
    if limit == 0:
        return []
    low, high = boundary(begin), boundary(end)
    group: list[tuple[bytes, bytes]] = []
    prefix = b""
    while not collected.full:
        entries = await engine.scan(low, high, reverse=reverse, limit=CHUNK)
        for stored_key, stored in entries:
            if stored_key[:-8] != prefix:
                if group:
                    collected.take(prefix, group[::-1] if reverse else group)
                    group = []
                    if collected.full:
                        break
                prefix = stored_key[:-8]
            group.append((stored_key, stored))
        if len(entries) < CHUNK or collected.full:
            break
        if reverse:
            high = entries[-1][0]
        else:
            low = entries[-1][0] + b"\x00"
    if group and not collected.full:
        collected.take(prefix, group[::-1] if reverse else group)
    if collected.in_the_way:
        raise IntentsInTheWay(collected.in_the_way)
    return collected.found


async def changed(
    engine: Reader, begin: bytes, end: bytes, after: int, until: int, transaction_id: int
) -> bytes | None:
    """Return a key with begin <= key < end that somebody else has written at after < timestamp <= until, or may have.

    That is the question of a read refresh: whether what was read at `after` reads the same at `until`.
    """
    low, high = boundary(begin), boundary(end)
    while True:
        entries = await engine.scan(low, high, limit=CHUNK)
        for stored_key, stored in entries:
            if stored_key.endswith(INTENT_SLOT):
                intent = decode_intent(stored)
                if intent.transaction_id != transaction_id and intent.timestamp <= until:
                    return key_of(stored_key[:-8])
            elif after < timestamp_of(stored_key) <= until:
                return key_of(stored_key[:-8])
        if len(entries) < CHUNK:
            return None
        low = entries[-1][0] + b"\x00"


async def lowest_intent(engine: Reader, begin: bytes, end: bytes) -> int | None:
    """Return the lowest timestamp of an intent on begin <= key < end, None if there is none."""
    low, high = boundary(begin), boundary(end)
    lowest: int | None = None
    while True:
        entries = await engine.scan(low, high, limit=CHUNK)
        for stored_key, stored in entries:
            if stored_key.endswith(INTENT_SLOT):
                timestamp = decode_intent(stored).timestamp
                lowest = timestamp if lowest is None else min(lowest, timestamp)
        if len(entries) < CHUNK:
            return lowest
        low = entries[-1][0] + b"\x00"


async def versions(engine: Reader, begin: bytes, end: bytes, after: int, until: int) -> list[tuple[bytes, bytes]]:
    """Return all versions of the keys with begin <= key < end that are above `after` and not above `until`.

    Returns: key and time, and what was written then, as `encode_change` puts them, by key, newest first.

    Raises: IntentsInTheWay with all at or below `until`.
    """
    low, high = boundary(begin), boundary(end)
    found: list[tuple[bytes, bytes]] = []
    in_the_way: list[tuple[bytes, Intent]] = []
    while True:
        entries = await engine.scan(low, high, limit=CHUNK)
        for stored_key, stored in entries:
            if stored_key.endswith(INTENT_SLOT):
                intent = decode_intent(stored)
                if intent.timestamp <= until:
                    in_the_way.append((key_of(stored_key[:-8]), intent))
            elif after < (timestamp := timestamp_of(stored_key)) <= until:
                found.append(encode_change(key_of(stored_key[:-8]), timestamp, decode_version(stored)))
        if len(entries) < CHUNK:
            break
        low = entries[-1][0] + b"\x00"
    if in_the_way:
        raise IntentsInTheWay(in_the_way)
    return found


def encode_change(key: bytes, timestamp: int, value: bytes | None) -> tuple[bytes, bytes]:
    """Return a version as a pair that a scan can answer with."""
    return key + timestamp.to_bytes(8, "big"), b"" if value is None else b"=" + value


def decode_change(pair: tuple[bytes, bytes]) -> tuple[bytes, int, bytes | None]:
    """Undo `encode_change`."""
    stored_key, stored = pair
    return stored_key[:-8], int.from_bytes(stored_key[-8:], "big"), stored[1:] if stored else None
