"""A Bloom filter over keys: it may say that a key is there which is not, and never the other way round.

Seven places for each key, by double hashing of one 128-bit MurmurHash3 (Kirsch and Mitzenmacher, "Less Hashing, Same
Performance", ESA 2006). With ten bits a key about 0.8 % of the keys that are not there are said to be.

It deliberately never changes once it is made: a table is written once.
"""

from collections.abc import Iterable

import mmh3
import numpy as np

PROBES = 7
_WORD = 2**64 - 1
_BITS_MIN = 64

Hash = tuple[int, int]


def hash_of(key: bytes) -> Hash:
    """Return the two hashes from which the places of a key follow."""
    return mmh3.hash64(key, signed=False)


def build(keys: Iterable[bytes], bits_per_key: int) -> bytes:
    """Return the bits of a filter over some keys; the same key twice counts twice for its size."""
    hashes = np.array([mmh3.hash64(key, signed=False) for key in keys], dtype=np.uint64).reshape(-1, 2)
    size = max(_BITS_MIN, -(-len(hashes) * bits_per_key // 8) * 8)
    steps = np.arange(PROBES, dtype=np.uint64)
    places = (hashes[:, :1] + steps * hashes[:, 1:]) % np.uint64(size)  # wraps at 64 bits, as `may_contain` does
    bits = np.zeros(size, dtype=np.uint8)
    bits[places.astype(np.int64).ravel()] = 1
    return np.packbits(bits, bitorder="little").tobytes()


def may_contain(bits: bytes, hashed: Hash) -> bool:
    """Return False if a key with this hash was certainly not among those the filter was built from."""
    size = len(bits) * 8
    place, step = hashed
    for _ in range(PROBES):
        bit = place % size
        if not bits[bit >> 3] >> (bit & 7) & 1:
            return False
        place = (place + step) & _WORD
    return True
