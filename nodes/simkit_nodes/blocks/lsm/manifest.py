"""Which tables belong to the engine, and from which record on its log counts: a log of edits, each whole or nothing.

An edit takes effect when it is durable; tables that no edit names are leftovers of a crash. When there are many edits,
the state as a whole is written as the first record of a new segment, and the old segments go.

It deliberately does not touch the tables' files.
"""

from typing import Self

import msgspec

from simkit.hosts.disk import Disk
from simkit_nodes.blocks.lsm.table import TableMeta
from simkit_nodes.blocks.write_ahead_log import LogCorrupt, WriteAheadLog

_EDITS_MAX = 256


class Edit(msgspec.Struct, frozen=True, array_like=True):
    """A change of what belongs to the engine."""

    added: list[TableMeta]
    removed: list[int]
    """Numbers of tables. One that moves to another level is removed and added."""
    log_since: int
    """The first record of the log that no table holds yet."""
    whole: bool = False
    """Whether it stands for everything before it."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Edit).decode


class Manifest:
    """The edits of one engine. Made by `open`.

    Attributes:
        tables: what belongs to the engine, by number.
        log_since: the first record of the log that no table holds yet.
    """

    def __init__(self) -> None:
        self.tables: dict[int, TableMeta] = {}
        self.log_since = 1
        self._log: WriteAheadLog
        self._edits = 0

    @classmethod
    async def open(cls, disk: Disk, path: str) -> Self:
        """Read the edits there are, or begin. LogCorrupt."""
        manifest = cls()
        manifest._log = await WriteAheadLog.open(disk, path, manifest._replay, segment_bytes=1 << 30)
        return manifest

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return self._log.size

    async def apply(self, edit: Edit) -> None:
        """Make an edit durable, and then carry it out.

        Raises:
            OSError: ENOSPC; the edit has not happened.
            LogFailed: whether it has is unknown until the next opening.
        """
        before = self._log.last
        self._log.append(_encode(edit))
        try:
            await self._log.sync()
        except OSError:
            self._log.discard(before)
            raise
        self._carry_out(edit)
        await self._bear_witness()
        if self._edits > _EDITS_MAX:
            await self._shorten()

    async def _shorten(self) -> None:
        before = self._log.last
        self._log.rotate()
        whole = Edit(list(self.tables.values()), [], self.log_since, True)
        self._log.append(_encode(whole))
        try:
            await self._log.sync()
        except OSError:
            self._log.discard(before)  # no room for a second copy of the state: later
            return
        self._carry_out(whole)
        await self._log.cut(self._log.last)
        await self._bear_witness()

    async def _bear_witness(self) -> None:
        """Let an empty record follow: should the last edit rot, it cannot be taken for one that was never synced."""
        before = self._log.last
        self._log.append(b"")
        try:
            await self._log.write()
        except OSError:
            self._log.discard(before)

    def _replay(self, number: int, payload: bytes) -> None:
        if payload:
            edit = _decode(payload)
            if not (self._edits or edit.whole or number == 1):
                raise LogCorrupt(f"the manifest begins with edit {number}, which is not the whole state")
            self._carry_out(edit)

    def _carry_out(self, edit: Edit) -> None:
        if edit.whole:
            self.tables.clear()
            self._edits = 0
        for number in edit.removed:
            del self.tables[number]
        for meta in edit.added:
            self.tables[meta.number] = meta
        self.log_since = edit.log_since
        self._edits += 1
