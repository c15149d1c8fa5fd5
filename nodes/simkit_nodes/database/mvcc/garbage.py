"""Garbage: versions that no reader at or above a threshold can see.

Of each key the newest version at or below the threshold stays, unless it is a tombstone; what is older goes. Who
collects must refuse reads below the threshold first.

It deliberately leaves intents alone: an abandoned one is for recovery to decide.
"""

from __future__ import annotations

from simkit_nodes.blocks.lsm import Reader
from simkit_nodes.database.mvcc.keys import INTENT_SLOT, boundary, timestamp_of
from simkit_nodes.database.mvcc.read import CHUNK
from simkit_nodes.database.mvcc.record import is_tombstone


async def garbage(engine: Reader, begin: bytes, end: bytes, threshold: int, *, limit: int) -> list[bytes]:
    """Return engine keys with begin <= key < end of versions that can go, at most about `limit`."""
    low, high = boundary(begin), boundary(end)
    found: list[bytes] = []
    prefix, shadowed, tombstone = b"", False, b""
    while len(found) < limit:
        entries = await engine.scan(low, high, limit=CHUNK)
        for stored_key, stored in entries:
            if stored_key.endswith(INTENT_SLOT):
                continue
            if stored_key[:-8] != prefix:
                if tombstone:  # only once all that it hides is among what goes
                    found.append(tombstone)
                prefix, shadowed, tombstone = stored_key[:-8], False, b""
            if shadowed:
                found.append(stored_key)
            elif timestamp_of(stored_key) <= threshold:
                shadowed = True
                tombstone = stored_key if is_tombstone(stored) else b""
        if len(entries) < CHUNK:
            return [*found, tombstone] if tombstone else found
        low = entries[-1][0] + b"\x00"
    return found
