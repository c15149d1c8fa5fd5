"""How batches get into the log and the memtable: at once where nothing stands in the way, else in groups.

Batches take effect in the order of the calls. A batch that nobody wants synced is put into the log's buffer and the
memtable without waiting, unless others are before it. The others form a group, which is written and synced together
while the next one gathers. A group that finds the disk full is refused whole, and nothing of it has happened.

It deliberately holds writes back only where tables pile up: reads never wait here.
"""

import asyncio
from asyncio import Future, Task, get_running_loop
from collections import deque
from errno import ENOSPC
from os import strerror

import msgspec

from simkit.node import fault_point
from simkit_nodes.blocks.lsm.engine import EngineFailed, OutOfSpace
from simkit_nodes.blocks.lsm.housekeeping import Housekeeping
from simkit_nodes.blocks.lsm.memtable import Memtable
from simkit_nodes.blocks.lsm.tree import Tree
from simkit_nodes.blocks.lsm.write_batch import Change, WriteBatch
from simkit_nodes.blocks.write_ahead_log import LogFailed

_IMMUTABLE_MAX = 2
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, list[Change]]).decode

Waiting = tuple[WriteBatch, bool, "Future[int]"]


class WriteQueue:
    """The way into one engine.

    Args:
        tree: the engine's state.
        housekeeping: is told when there is something to write out.
    """

    def __init__(self, tree: Tree, housekeeping: Housekeeping) -> None:
        self._tree = tree
        self._housekeeping = housekeeping
        self._waiting: list[Waiting] = []
        self._writer: Task[None] | None = None
        self._undurable: deque[tuple[int, int]] = deque()  # a record of the log, the last sequence number in it
        self._durable = tree.sequence
        self._group_after: int | None = None  # the last record before those of the group under way
        self._rotate = False

    @property
    def durable_sequence(self) -> int:
        """See `Engine.durable_sequence`."""
        undurable, durable = self._undurable, self._tree.log.durable
        while undurable and undurable[0][0] <= durable:
            self._durable = undurable.popleft()[1]
        return self._durable

    async def write(self, batch: WriteBatch, *, sync: bool) -> int:
        """See `Engine.write`."""
        tree = self._tree
        if (
            not sync
            and self._writer is None
            and tree.failed is None
            and tree.memtable.size < tree.options.memtable_bytes
            and tree.log.buffered <= tree.options.log_buffer_bytes
            and len(tree.version.levels[0]) < tree.options.slow_at
        ):
            if batch.changes:
                try:
                    self._log(batch.changes, tree.sequence + 1)
                except LogFailed as error:
                    tree.fail(error)
                    tree.refuse_if_failed()
                self._apply(batch)
            return tree.sequence
        loop = get_running_loop()
        future: Future[int] = loop.create_future()
        self._waiting.append((batch, sync, future))
        if self._writer is None:
            self._writer = loop.create_task(self._serve())
        return await future

    def _log(self, changes: list[Change], sequence: int) -> None:
        number = self._tree.log.append(_encode((sequence, changes)))
        self._undurable.append((number, sequence + len(changes) - 1))

    def _apply(self, batch: WriteBatch) -> None:
        tree = self._tree
        snapshots = tree.snapshots
        tree.memtable.apply(batch.changes, tree.sequence + 1, snapshots[-1] if snapshots else -1)
        tree.sequence += len(batch.changes)
        tree.statistics.written_bytes += batch.size

    # -- groups

    async def _serve(self) -> None:
        try:
            while self._waiting:
                try:
                    await self._make_room()
                except (EngineFailed, OutOfSpace) as error:
                    self._refuse(self._take(), error)
                else:
                    await self._write_group(self._take())
        finally:
            self._writer = None

    def _take(self) -> list[Waiting]:
        group, self._waiting = self._waiting, []
        return group

    def _refuse(self, group: list[Waiting], error: EngineFailed | OutOfSpace) -> None:
        self._tree.statistics.refused += isinstance(error, OutOfSpace) * len(group)
        for _, _, future in group:
            if not future.done():
                told = type(error)(*error.args)
                told.__cause__ = error
                future.set_exception(told)

    async def _write_group(self, group: list[Waiting]) -> None:
        tree = self._tree
        self._group_after = tree.log.last
        sequence = tree.sequence
        try:
            for batch, _, _ in group:
                if batch.changes:
                    self._log(batch.changes, sequence + 1)
                    sequence += len(batch.changes)
            if any(sync for _, sync, _ in group):
                await tree.log.sync()
            else:
                await tree.log.write()
        except OSError as error:
            self._refuse(group, _out_of_space(error))
        except LogFailed as error:
            tree.fail(error)
            assert tree.failed is not None
            self._refuse(group, tree.failed)
        else:
            await fault_point("batch-logged")
            for batch, _, future in group:
                if batch.changes:
                    self._apply(batch)
                if not future.done():
                    future.set_result(tree.sequence)

        finally:
            self._group_after = None

    def _disk_is_full(self) -> None:
        """Forget the records of the group under way; none of them was written."""
        after = self._group_after
        if after is not None:
            self._tree.log.discard(after)
            while self._undurable and self._undurable[-1][0] > after:
                self._undurable.pop()

    # -- room

    async def _make_room(self) -> None:
        """Wait until the memtable can take writes. OutOfSpace if it is full and the disk too, EngineFailed."""
        tree, options = self._tree, self._tree.options
        if len(tree.version.levels[0]) >= options.slow_at and options.slow_s:
            await asyncio.sleep(options.slow_s)
        stalled = False
        while True:
            tree.refuse_if_failed()
            is_full = tree.memtable.size >= options.memtable_bytes or self._rotate
            if is_full and len(tree.immutable) < _IMMUTABLE_MAX:
                self._begin_memtable()
            elif is_full or len(tree.version.levels[0]) >= options.stop_at:
                if tree.full:
                    raise _out_of_space(OSError(ENOSPC, strerror(ENOSPC), tree.path))
                tree.statistics.stalls += not stalled
                stalled = True
                await self._housekeeping.progress()
            else:
                return

    async def rotate(self) -> None:
        """Begin another memtable, unless nothing is in this one; the old one is to be written out."""
        self._rotate = self._tree.memtable.last_sequence > 0
        await self.write(WriteBatch(), sync=True)

    def _begin_memtable(self) -> None:
        tree = self._tree
        self._rotate = False
        tree.immutable.insert(0, (tree.memtable, tree.log.last + 1))
        tree.memtable = Memtable()
        tree.log.rotate()
        self._housekeeping.wake()

    # -- opening

    def replay(self, payload: bytes) -> None:
        """Carry out a record of the log."""
        sequence, changes = _decode(payload)
        self._tree.memtable.apply(changes, sequence, -1)
        self._tree.sequence = sequence + len(changes) - 1

    def opened(self) -> None:
        """Take note that the log has been replayed."""
        tree = self._tree
        tree.log.on_full = self._disk_is_full
        self._durable = tree.sequence
        if tree.log.durable < tree.log.last:  # a full disk has kept it from being made durable
            self._durable = 0
            self._undurable.append((tree.log.last, tree.sequence))


def _out_of_space(error: OSError) -> OutOfSpace:
    return OutOfSpace(ENOSPC, strerror(ENOSPC), error.filename)
