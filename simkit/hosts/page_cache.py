"""The page cache of a machine: what files look like to processes, what of them is durable, and the changes between.

A change is made at once and becomes durable later, whole, in part or never; which of these is the disk's business.

It deliberately keeps every change that is not durable by itself, instead of dirty pages: what a power cut leaves is
any subset of them.
"""

from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple, Self

from simkit.kernel.stream import Stream


class Change(NamedTuple):
    """One change in the page cache that is not durable yet."""

    sequence: int
    time_ns: int
    offset: int = 0
    data: bytes | None = None
    """Bytes at `offset`; with None the change is of the size, to `offset`."""
    names: "Names" = ()
    """Of the directory: what each name leads to from now on."""

    def boundaries(self, sector: int) -> list[int]:
        """Return where within `data` a new sector begins."""
        if self.data is None:
            return []
        start, end = self.offset, self.offset + len(self.data)
        return [place - start for place in range((start // sector + 1) * sector, end, sector)]

    def torn(self, cut: int, *, head: bool) -> Self:
        """Return the part of it before, or from, the byte `cut` on."""
        data = self.data or b""
        return self._replace(data=data[:cut]) if head else self._replace(offset=self.offset + cut, data=data[cut:])


class Cached:
    """Something in the page cache: what of it is not durable yet, and what syncs have made of that."""

    __slots__ = ("changes", "covered", "failed", "unsent")

    def __init__(self) -> None:
        self.changes: deque[Change] = deque()
        self.covered = 0  # the last change that some sync, perhaps still under way, makes durable or loses
        self.unsent = 0  # bytes that the next sync has to transfer
        self.failed = False  # the kernel failed to write back by itself; the next sync says so, once

    def persist(self, change: Change) -> None:
        """Carry out a change on what is durable."""
        raise NotImplementedError

    def take_due(self, due: Callable[[Change], bool]) -> list[Change]:
        """Take the first changes that are due out of the cache: they are on their way to the device."""
        taken = []
        while self.changes and due(self.changes[0]):
            taken.append(self.changes.popleft())
        return taken


class File(Cached):
    """What a name leads to."""

    __slots__ = ("content", "durable")

    def __init__(self, content: bytes | bytearray = b"") -> None:
        super().__init__()
        self.content = bytearray(content)
        self.durable = bytearray(content)

    def persist(self, change: Change) -> None:
        change_bytes(self.durable, change)

    def reread(self) -> int:
        """Let processes see what is on the device, under the changes that it does not have yet; return the growth."""
        size = len(self.content)
        self.content[:] = self.durable
        for change in self.changes:
            change_bytes(self.content, change)
        return len(self.content) - size


class Directory(Cached):
    """The names of all files."""

    __slots__ = ("durable", "names")

    def __init__(self, names: dict[str, File]) -> None:
        super().__init__()
        self.names = names
        self.durable = dict(names)

    def persist(self, change: Change) -> None:
        change_names(self.durable, change)


def change_bytes(content: bytearray, change: Change) -> None:
    """Carry out a change of a file; a gap before its first byte is filled with zeros."""
    content.extend(bytes(max(0, change.offset - len(content))))
    if change.data is None:
        del content[change.offset :]
    else:
        content[change.offset : change.offset + len(change.data)] = change.data


def change_names(names: dict[str, File], change: Change) -> None:
    """Carry out a change of the directory."""
    for name, file in change.names:
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file


Names = tuple[tuple[str, File | None], ...]


Tearing = Literal["none", "some", "all"]
"""Which of the writes over several sectors that a power cut meets are torn."""

_FATES: dict[Tearing, tuple[str, ...]] = {
    "none": ("whole", "lost"),
    "some": ("whole", "torn", "lost"),
    "all": ("torn",),
}


def survive(cached: Cached, change: Change, sector: int, stream: Stream, tearing: Tearing = "some") -> str:
    """Draw what a power cut leaves of one change, and carry that out; return whole, torn or lost."""
    boundaries = change.boundaries(sector)
    fate = stream.choice(_FATES[tearing if boundaries else "none"])
    if fate == "whole":
        cached.persist(change)
    elif fate == "torn":
        cached.persist(change.torn(stream.choice(boundaries), head=stream.chance(0.5)))
    return fate
