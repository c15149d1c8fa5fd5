"""A batch of changes that happen together or not at all.

It deliberately does nothing itself and can be read by nobody but the engine: what it would look like before it is
written is the business of whoever makes it.
"""

from collections.abc import Iterator

Change = tuple[bytes, bytes | None, bytes | None]
"""A key, its new value (None: deleted), and the end of the range from it on that is deleted (None: the key alone)."""

KEY_BYTES_MAX = 65_535


class WriteBatch:
    """Changes in the order in which they take effect: a later one of the same key wins.

    Attributes:
        changes: what was asked for, in order.
        size: bytes of all keys and values.
    """

    __slots__ = ("changes", "size")

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.size = 0

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def put(self, key: bytes, value: bytes) -> None:
        """Give a key a value. ValueError for an empty key, or one of more than 65,535 bytes."""
        size = len(key)
        if not 0 < size <= KEY_BYTES_MAX:
            raise _bad_key(size)
        self.changes.append((key, value, None))
        self.size += size + len(value)

    def delete(self, key: bytes) -> None:
        """Remove a key; nothing happens if there is none. ValueError as for `put`."""
        size = len(key)
        if not 0 < size <= KEY_BYTES_MAX:
            raise _bad_key(size)
        self.changes.append((key, None, None))
        self.size += size

    def delete_range(self, begin: bytes, end: bytes) -> None:
        """Remove all keys with ``begin <= key < end``, by one mark. ValueError for an end before the begin."""
        if end < begin:
            raise ValueError(f"a range cannot end at {end!r}, before it begins at {begin!r}")
        if max(len(begin), len(end)) > KEY_BYTES_MAX:
            raise _bad_key(max(len(begin), len(end)))
        if begin < end:
            self.changes.append((begin, None, end))
            self.size += len(begin) + len(end)

    def extend(self, other: "WriteBatch") -> None:
        """Append the changes of another batch."""
        self.changes += other.changes
        self.size += other.size


def _bad_key(size: int) -> ValueError:
    return ValueError(f"a key has 1 to {KEY_BYTES_MAX} bytes, not {size}")
