"""The ranges that a cluster begins with: one for the meta keys, and the key spaces of the workloads cut evenly.

Keys of a workload are a letter and a place in a space of 32 bits, so that a cut is a place. It deliberately is not what
a real cluster would do, which begins with one range and splits: that takes as long as loading its data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, Literal

from simkit_nodes.blocks.lsm import WriteBatch
from simkit_nodes.database.interface import KEY_BEGIN, KEY_END
from simkit_nodes.database.mvcc.keys import version_key, versions_prefix
from simkit_nodes.database.mvcc.record import encode_version
from simkit_nodes.database.range import META_PREFIX, RangeDescriptor
from simkit_nodes.database.ranges.sender import encode_descriptor

KeySpace = Literal["accounts", "lists", "new", "users"]
LETTERS: Final[dict[str, bytes]] = {"accounts": b"a", "lists": b"l", "new": b"n", "users": b"u"}
PLACES: Final = 1 << 32
META_RANGE: Final = 1


def place_key(space: KeySpace, place: int) -> bytes:
    """Return the key at a place of a key space, 0 <= place <= PLACES."""
    return LETTERS[space] + b"%09x" % place


def numbered_key(space: KeySpace, number: int, count: int) -> bytes:
    """Return the key of one of `count` things that lie evenly in a key space."""
    return place_key(space, number * PLACES // count)


def space_bounds(space: KeySpace) -> tuple[bytes, bytes]:
    """Return the first key of a key space, and the first behind it."""
    return LETTERS[space], bytes((LETTERS[space][0] + 1,))


def first_descriptors(
    spaces: Sequence[KeySpace], parts: int, replicas: int, stores: Sequence[str], zone_of: Callable[[str], str | None]
) -> list[RangeDescriptor]:
    """Return the first ranges: the meta range, then each of `spaces` cut into `parts`; dealt out over the stores."""
    borders = [KEY_BEGIN]
    for number, space in enumerate(sorted(spaces)):
        if number:
            borders.append(LETTERS[space])
        borders += [place_key(space, PLACES * part // parts) for part in range(1, parts)]
    order = interleaved(stores, zone_of)
    bounds = [b"", *borders, KEY_END]
    return [
        RangeDescriptor(
            number + 1,
            begin,
            end,
            tuple(order[(number + copy) % len(order)] for copy in range(min(replicas, len(order)))),
        )
        for number, (begin, end) in enumerate(pairwise(bounds))
    ]


def interleaved(stores: Sequence[str], zone_of: Callable[[str], str | None]) -> list[str]:
    """Return stores so that neighbours are in different zones, as far as that goes."""
    zones: dict[str | None, list[str]] = {}
    for store in stores:
        zones.setdefault(zone_of(store), []).append(store)
    longest = max(map(len, zones.values()))
    return [zone[place] for place in range(longest) for zone in zones.values() if place < len(zone)]


def meta_rows(descriptors: Sequence[RangeDescriptor]) -> WriteBatch:
    """Return what the meta range's replicas begin with."""
    batch = WriteBatch()
    for descriptor in descriptors:
        key = version_key(versions_prefix(META_PREFIX + descriptor.end), 1)
        batch.put(key, encode_version(encode_descriptor(descriptor)))
    return batch
