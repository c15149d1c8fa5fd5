"""A log of numbered records in segments, with group commit.

`append` only takes a record; `write` and `sync` wait until it is in the page cache, or durable. Whoever asks while a
sync is under way shares the next one. A segment is a file named by the number of its first record; the one before it
was synced before it was begun, so that after a crash only the last can be torn.

After a failed sync the page cache is not trusted again: the log fails for good, and opening it writes the last segment
anew (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). A full disk is no failure:
what could not be written stays in memory until there is room, or is taken back.

It deliberately does not know what a record means, and never changes one.
"""

from asyncio import Future, Task, get_running_loop
from bisect import bisect_right
from collections.abc import Callable
from errno import ENOSPC
from typing import Self

from simkit.hosts.disk import Disk
from simkit.node import fault_point
from simkit_nodes.blocks.write_ahead_log.frame import LogCorrupt, frame, read_frames

RECORD_BYTES_MAX = 2**30
_TEMPORARY = ".tmp"


class LogFailed(Exception):
    """The log takes no more records, because the disk failed; only opening it again helps."""


class WriteAheadLog:
    """Numbered records, from 1 on. Made by `open`.

    Args:
        disk: where its files are.
        path: what their names begin with, for example ``"log/"``.
        segment_bytes: a segment that has reached this size is followed by another one.

    Attributes:
        last: the number of the last record that was appended.
        written: the number of the last one in the page cache.
        durable: the number of the last one that survives a power cut.
        failed: why it takes no more records; None while all is well.
        syncs: how many syncs it has made since it was opened.
        size: bytes of its files.
        buffered: bytes that are not yet in the page cache.
        on_full: called when the disk has no room, before anybody who waits is told: the moment to `discard`.
    """

    def __init__(self, disk: Disk, path: str, segment_bytes: int) -> None:
        self._disk = disk
        self._path = path
        self._segment_bytes = segment_bytes
        self._segments: list[int] = []  # the number of the first record of each; the last one is written to
        self._segment_size = 0
        self._begin_another = False
        self._name_is_durable = True
        self._anew: bytes | None = None  # what the last segment must hold before anything is added to it
        self._buffer: list[bytes] = []
        self._waiting: list[tuple[int, bool, Future[None]]] = []  # a number, whether it must be durable, who waits
        self._writer: Task[None] | None = None
        self.last = self.written = self.durable = 0
        self.failed: Exception | None = None
        self.on_full: Callable[[], None] = lambda: None
        self.syncs = 0
        self.size = self.buffered = 0

    @classmethod
    async def open(
        cls,
        disk: Disk,
        path: str,
        take: Callable[[int, bytes], None],
        *,
        since: int | None = None,
        segment_bytes: int = 1 << 20,
    ) -> Self:
        """Open a log, or begin one, and replay it.

        Args:
            take: called with number and payload of every record, in order.
            since: the first record that is wanted; those before it are known to have been durable once. None for
                whatever there is.

        Raises:
            LogCorrupt: something that had been synced is gone; a torn end is no error, it is cut off.
        """
        log = cls(disk, path, segment_bytes)
        await log._recover(take, since)
        return log

    # -- appending

    def append(self, payload: bytes) -> int:
        """Take a record and return its number; nothing is written yet. LogFailed, ValueError for more than 1 GiB."""
        self._refuse_if_failed()
        if len(payload) > RECORD_BYTES_MAX:
            raise ValueError(f"a record has at most {RECORD_BYTES_MAX} bytes, not {len(payload)}")
        self.last = number = self.last + 1
        framed = frame(number, payload, self.durable)
        self._buffer.append(framed)
        self.buffered += len(framed)
        return number

    def discard(self, last: int) -> None:
        """Take back the records after number `last`; ValueError if one of them is written or on its way."""
        if last < self.written or (last < self.last and self._writer is not None):
            raise ValueError(f"record {last + 1} may be written already")
        kept = last - self.written
        self.buffered -= sum(map(len, self._buffer[kept:]))
        del self._buffer[kept:]
        self.last = min(self.last, last)

    async def write(self) -> None:
        """Wait until all records are in the page cache, where a kill leaves them. OSError ENOSPC, LogFailed."""
        await self._wait_for(self.last, durable=False)

    async def sync(self, number: int | None = None) -> None:
        """Wait until all records, or those up to a number, are durable.

        Raises:
            OSError: ENOSPC; the records that are not written stay in memory, and may be written later.
            LogFailed: the disk failed; whether the records survive is unknown.
        """
        await self._wait_for(self.last if number is None else number, durable=True)

    async def _wait_for(self, number: int, *, durable: bool) -> None:
        self._refuse_if_failed()
        if number > self.last:
            raise ValueError(f"record {number} has not been appended; the last one is {self.last}")
        if (self.durable if durable else self.written) >= number:
            return
        loop = get_running_loop()
        future: Future[None] = loop.create_future()
        self._waiting.append((number, durable, future))
        if self._writer is None:
            self._writer = loop.create_task(self._serve())
        await future

    def _refuse_if_failed(self) -> None:
        if self.failed is not None:
            raise LogFailed(str(self.failed)) from self.failed

    async def _serve(self) -> None:
        """Write and sync until nobody waits."""
        try:
            while self._waiting:
                await self._write_out()
                if any(durable and number > self.durable for number, durable, _ in self._waiting):
                    await self._sync_segment()
                self._release()
        except Exception as error:
            self._writer = None
            self._give_up(error)
        finally:
            self._writer = None

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for entry in waiting:
            number, durable, future = entry
            if number > (self.durable if durable else self.written):
                self._waiting.append(entry)
            elif not future.done():
                future.set_result(None)

    def _give_up(self, error: Exception) -> None:
        """Tell everybody who waits; a full disk passes, anything else is the end."""
        full = isinstance(error, OSError) and error.errno == ENOSPC
        if full:
            self.on_full()
        else:
            self.failed = error
        waiting, self._waiting = self._waiting, []
        for _, _, future in waiting:
            if not future.done():
                told = OSError(*error.args) if full else LogFailed(str(error))
                told.__cause__ = error
                future.set_exception(told)

    # -- files

    def _name(self, first: int) -> str:
        return f"{self._path}{first:020d}"

    async def _write_out(self) -> None:
        """Bring the buffer into the page cache, in a new segment if the old one is full."""
        if self._anew is not None:
            await self._replace_last(self._anew)
        if not self._buffer:
            return
        if self._begin_another or self._segment_size >= self._segment_bytes:
            await self._begin_segment()
        name, buffer = self._name(self._segments[-1]), self._buffer
        written, data = self.written + len(buffer), b"".join(buffer)
        self._buffer = []
        try:
            await self._disk.append(name, data)
        except OSError as error:
            self._buffer = buffer + self._buffer
            if error.errno == ENOSPC and self._disk.exists(name) and self._disk.size(name) > self._segment_size:
                await self._disk.truncate(name, self._segment_size)
            raise
        self._segment_size += len(data)
        self.size += len(data)
        self.buffered -= len(data)
        self.written = written
        await fault_point("log-written")

    async def _begin_segment(self) -> None:
        """Seal the last segment, unless nothing is in it."""
        first = self.written + 1
        if self._segments and self._segments[-1] != first:
            await self._sync_segment()
        if not self._segments or self._segments[-1] != first:
            await self._disk.append(self._name(first), b"")
            self._segments.append(first)
            self._segment_size = 0
            self._name_is_durable = False
        self._begin_another = False

    async def _sync_segment(self) -> None:
        written = self.written
        await self._disk.sync(self._name(self._segments[-1]))
        if not self._name_is_durable:
            await self._disk.sync_directory()
            self._name_is_durable = True
        self.syncs += 1
        self.durable = written
        await fault_point("log-synced")

    # -- cutting

    @property
    def first(self) -> int:
        """The number of the first record that is still in a file."""
        return self._segments[0]

    def rotate(self) -> None:
        """Let the next record that is written begin a new segment."""
        self._begin_another = True

    async def cut(self, before: int) -> None:
        """Delete the segments all of whose records have a number below `before`; the last one stays. OSError."""
        count = max(0, bisect_right(self._segments, before) - 1)
        for first in self._segments[:count]:
            name = self._name(first)
            self.size -= self._disk.size(name)
            self._segments.remove(first)
            await self._disk.delete(name)
            await self._disk.sync_directory()  # one by one: a power cut may undo any of several, and leave a gap
            await fault_point("log-cut")

    # -- recovery

    async def _recover(self, take: Callable[[int, bytes], None], wanted: int | None) -> None:
        disk, path = self._disk, self._path
        names = [name for name in disk.names(path) if not name.endswith(_TEMPORARY)]
        self._segments = sorted(int(name[len(path) :]) for name in names)
        self.size = sum(disk.size(self._name(first)) for first in self._segments)
        since = wanted or (self._segments[0] if self._segments else 1)
        if not self._segments and since == 1:
            await disk.append(self._name(1), b"")
            await disk.sync_directory()
            self._segments = [1]
        elif not self._segments:
            raise LogCorrupt(f"{path}: no file is left, and record {since - 1} had been synced")
        await self.cut(since)
        if self._segments[0] > since:
            raise LogCorrupt(f"{path}: it begins with record {self._segments[0]}, and record {since} is wanted")
        self.last = self._segments[0] - 1
        for first in list(self._segments):
            await self._replay(first, take, since)
        if self.last + 1 < since:
            raise LogCorrupt(f"{path}: it ends with record {self.last}, and record {since - 1} had been synced")
        self.written = self.last
        self.durable = self.last if self._anew is None else self._segments[-1] - 1

    async def _replay(self, first: int, take: Callable[[int, bytes], None], since: int) -> None:
        name, is_last = self._name(first), first == self._segments[-1]
        if first != self.last + 1:
            raise LogCorrupt(f"{name}: the segment with record {self.last + 1} is missing before it")
        content = await self._disk.read(name)
        reading = read_frames(content, first)
        if reading.fault and not is_last:
            raise LogCorrupt(f"{name}: {reading.fault} at byte {reading.end}, and another segment follows")
        if reading.witness is not None:
            fault = f"{name}: {reading.fault} at byte {reading.end}"
            raise LogCorrupt(f"{fault}, which had been synced according to the frame at byte {reading.witness}")
        for number, payload in enumerate(reading.records, start=first):
            if number >= since:
                take(number, payload)
        self.last = first + len(reading.records) - 1
        if is_last:
            self.size += reading.end - len(content)
            try:
                await self._replace_last(content[: reading.end])
            except OSError as error:
                if error.errno != ENOSPC:
                    raise
                self._anew = content[: reading.end]  # it can be read, and comes before the next record

    async def _replace_last(self, content: bytes) -> None:
        """Write the last segment anew, in one step: what the page cache shows may never have reached the device."""
        name = self._name(self._segments[-1])
        temporary = name + _TEMPORARY
        if self._disk.exists(temporary):
            await self._disk.delete(temporary)
        await self._disk.append(temporary, content)
        await self._disk.sync(temporary)
        await self._disk.rename(temporary, name)
        await self._disk.sync_directory()
        self._segment_size = len(content)
        self._anew = None
