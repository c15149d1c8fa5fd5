"""The logs and votes of all Raft groups of a host in one write-ahead log, so that one sync serves them all.

A record holds what one `Ready` of one group asks to be written. When the log has grown enough, every group's present
state is written anew and everything before is cut (TiKV's raft-engine does so too).

It deliberately keeps no copy in memory: what is needed of the past, Raft itself remembers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import msgspec

from simkit.hosts.disk import Disk
from simkit_nodes.blocks.raft.messages import Entry, Snapshot
from simkit_nodes.blocks.raft.raft import Raft
from simkit_nodes.blocks.raft.ready import NOTHING_DECIDED, HardState, Ready
from simkit_nodes.blocks.write_ahead_log import WriteAheadLog


class LogRecord(msgspec.Struct, frozen=True, array_like=True):
    """What happened to one group.

    Attributes:
        hard_state: term and vote from now on, None for no change.
        base: the log begins anew after this snapshot, None for no change.
        entries: appended; whatever stood at the first one's index or after it is void.
        removed: the replica is gone; its term and vote are remembered all the same.
    """

    group: int
    hard_state: HardState | None = None
    base: Snapshot | None = None
    entries: tuple[Entry, ...] = ()
    removed: bool = False


@dataclass
class Recovered:
    """What the log holds of one group after a restart."""

    hard_state: HardState = NOTHING_DECIDED
    base: Snapshot | None = None
    entries: list[Entry] = field(default_factory=list)

    def take(self, record: LogRecord) -> None:
        """Apply one record."""
        if record.hard_state is not None:
            self.hard_state = record.hard_state
        if record.base is not None:
            self.base = record.base
            self.entries = []
        if record.entries:
            first = record.entries[0].index
            while self.entries and self.entries[-1].index >= first:
                self.entries.pop()
            self.entries += record.entries
        if record.removed:
            self.base, self.entries = None, []

    @property
    def last_index(self) -> int:
        """Of the last entry, or of the base."""
        if self.entries:
            return self.entries[-1].index
        return 0 if self.base is None else self.base.index

    def after(self, base: Snapshot) -> list[Entry]:
        """Return the entries after a snapshot that is kept elsewhere; none where the log does not reach it."""
        entries = [entry for entry in self.entries if entry.index > base.index]
        return entries if not entries or entries[0].index == base.index + 1 else []


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(LogRecord).decode


class GroupLogs:
    """The log of a host. Made by `open`.

    Args:
        log: where records go.
        groups: what was found in it.
        size_max: in bytes; beyond it `wants_checkpoint`.
    """

    def __init__(self, log: WriteAheadLog, groups: dict[int, Recovered], size_max: int) -> None:
        self._log = log
        self._size_max = size_max
        self._checked_size = log.size
        self._groups = groups

    @classmethod
    async def open(cls, disk: Disk, path: str, *, size_max: int = 4 << 20) -> Self:
        """Open or begin the log. LogCorrupt if something that was synced is gone."""
        groups: dict[int, Recovered] = {}

        def take(number: int, payload: bytes) -> None:
            record = _decode(payload)
            groups.setdefault(record.group, Recovered()).take(record)

        log = await WriteAheadLog.open(disk, path, take, segment_bytes=max(1 << 16, size_max // 4))
        return cls(log, groups, size_max)

    def found(self, group: int) -> Recovered:
        """Hand over what was found of a group; nothing but its term and vote is kept."""
        found = self._groups.get(group, Recovered())
        self._groups[group] = Recovered(found.hard_state)
        return found

    def append(self, group: int, ready: Ready) -> None:
        """Take what a Ready asks to be written."""
        self._log.append(_encode(LogRecord(group, ready.hard_state, ready.snapshot, ready.entries)))

    def remove(self, group: int, hard_state: HardState) -> None:
        """Forget a group's log. Its vote is kept: a server that comes back must not vote twice in a term."""
        self._groups[group] = Recovered(hard_state)
        self._log.append(_encode(LogRecord(group, hard_state, removed=True)))

    async def sync(self) -> None:
        """Make everything taken so far durable. OSError ENOSPC, LogFailed."""
        await self._log.sync()

    async def write(self) -> None:
        """Bring everything taken so far into the page cache, where a power cut may lose it. As `sync`."""
        await self._log.write()

    @property
    def wants_checkpoint(self) -> bool:
        """Whether it has grown enough to be written anew."""
        return self._log.size > self._checked_size + self._size_max

    async def checkpoint(self, groups: Iterable[tuple[int, Raft, bytes]]) -> None:
        """Write the present state of every group, and cut what came before.

        Args:
            groups: each with the data of the snapshot after which its log begins, empty where that is kept elsewhere.
        """
        self._log.rotate()
        first = self._log.last + 1
        live: set[int] = set()
        for group, raft, data in groups:
            live.add(group)
            log = raft.log
            index = log.snapshot_index
            base = Snapshot(index, log.snapshot_term, log.configuration_at(index), data)
            entries = tuple(log.between(index + 1, log.handed_index))
            self._log.append(_encode(LogRecord(group, raft.handed_state, base, entries)))
        for group, kept in self._groups.items():
            if group not in live:
                self._log.append(_encode(LogRecord(group, kept.hard_state, removed=True)))
        await self._log.sync()
        await self._log.cut(first)
        self._checked_size = self._log.size
