"""The append-only file: every write of an engine as RESP, on the host's disk, with group commit.

`append` never waits; a writer takes what has gathered, appends it as one batch, syncs it when the policy says so, and
only then moves `released`, up to which replies may leave. A batch begins with the annotation `#CRC:bytes:crc32`, a
line that Redis skips when it loads such a file: a power cut can leave any part of what was not synced, holes
included, and without a sum a hole inside a value would be read as a value. Replay stops at the first batch that is
not whole and cuts the rest off.

There is no rewriting (compaction) yet: the file grows with every write.

Source: "Redis persistence", https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from zlib import crc32

from simkit_nodes.blocks.redis_host.resp import ProtocolError, RequestParser

LOG = logging.getLogger("redis_host")

HEADER_BYTES_MAX = 40
_HEADER = re.compile(rb"#CRC:([0-9]{1,10}):([0-9a-f]{8})\r\n")


def batch_of(data: bytes) -> bytes:
    """Encoded commands as one batch of the file."""
    return b"#CRC:%d:%08x\r\n%s" % (len(data), crc32(data), data)


class SyncPolicy(StrEnum):
    """When the file is synced: before each reply leaves, once a second, or never (left to the operating system)."""

    ALWAYS = "always"
    EVERYSEC = "everysec"
    NEVER = "never"


class Disk(Protocol):
    """The part of a host's disk the file needs."""

    def exists(self, path: str) -> bool: ...
    def size(self, path: str) -> int: ...
    async def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes: ...
    async def append(self, path: str, data: bytes) -> int: ...
    async def sync(self, path: str) -> None: ...
    async def truncate(self, path: str, size: int) -> None: ...
    async def sync_directory(self) -> None: ...


@dataclass(frozen=True)
class Recovery:
    """What a replay found: commands replayed, bytes kept, bytes of torn tail cut off, and why it stopped there."""

    commands: int = 0
    kept_bytes: int = 0
    truncated_bytes: int = 0
    reason: str = ""


class Replay:
    """Finds the whole batches of a log that is fed to it in pieces, and applies their commands."""

    def __init__(self, apply: Callable[[list[bytes]], None]) -> None:
        self.apply = apply
        self.commands = 0
        self.kept_bytes = 0
        self.reason = ""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> bool:
        """Apply what is whole. Returns False once something cannot be a batch: nothing after it is read."""
        self._buffer += data
        try:
            while (batch := self._take()) is not None:
                for words in batch:
                    self.apply(words)
                self.commands += len(batch)
        except ProtocolError as error:
            self.reason = f"no whole batch at byte {self.kept_bytes}: {error}"
            return False
        return True

    def _take(self) -> list[list[bytes]] | None:
        header_end = self._buffer.find(b"\n", 0, HEADER_BYTES_MAX) + 1
        if not header_end:
            if len(self._buffer) >= HEADER_BYTES_MAX:
                raise ProtocolError("no header")
            return None
        header = _HEADER.fullmatch(self._buffer[:header_end])
        if header is None:
            raise ProtocolError("no header")
        end = header_end + int(header[1])
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[header_end:end])
        if crc32(body) != int(header[2], 16):
            raise ProtocolError("its bytes do not give its sum")
        parser = RequestParser(inline=False)
        parser.feed(body)
        batch = []
        while (words := parser.take()) is not None:
            batch.append(words)
        if parser.in_frame:
            raise ProtocolError("it ends inside a command")
        del self._buffer[:end]
        self.kept_bytes += end
        return batch


class AppendOnlyFile:
    """The log of one engine on one disk.

    `end` counts the bytes appended by this process, `released` those up to which the policy lets replies leave;
    `on_release` is called whenever that has moved. `run` is the writer: it must run for anything to be written, and
    an error of the disk leaves it as OSError (Redis exits too when it cannot sync under `always`).
    """

    READ_BYTES = 256 * 1024

    def __init__(
        self,
        disk: Disk,
        policy: SyncPolicy,
        *,
        path: str = "appendonly.aof",
        on_release: Callable[[], None] = lambda: None,
    ) -> None:
        self.disk = disk
        self.policy = policy
        self.path = path
        self.on_release = on_release
        self.end = 0
        self.released = 0
        self.synced = 0
        self.syncs = 0
        self.trouble: str | None = None  # why writes are refused: the last background sync failed
        self._buffer: list[bytes] = []
        self._wanted: asyncio.Event = asyncio.Event()

    async def recover(self, apply: Callable[[list[bytes]], None]) -> Recovery:
        """Replay the file through `apply`, cut a torn tail and leave the file ready for appending."""
        if not self.disk.exists(self.path):
            await self.disk.append(self.path, b"")
            await self.disk.sync_directory()
            return Recovery()
        size = self.disk.size(self.path)
        replay = Replay(apply)
        offset = 0
        while offset < size:
            data = await self.disk.read(self.path, offset, min(self.READ_BYTES, size - offset))
            if not data:
                break
            offset += len(data)
            if not replay.feed(data):
                break
        torn = size - replay.kept_bytes
        reason = replay.reason or (f"the last batch ends early, at byte {size}" if torn else "")
        if torn:
            LOG.warning("append-only file: %d torn bytes cut off after byte %d: %s", torn, replay.kept_bytes, reason)
            await self.disk.truncate(self.path, replay.kept_bytes)
            await self.disk.sync(self.path)
        return Recovery(replay.commands, replay.kept_bytes, torn, reason)

    def append(self, data: bytes) -> int:
        """Queue encoded commands; returns what `released` must reach before a reply to them may leave."""
        if data:
            self._buffer.append(data)
            self.end += len(data)
            self._wanted.set()
        return self.end

    async def run(self) -> None:
        """Write and sync for as long as the process lives. Raises OSError when the disk refuses."""
        if self.policy is not SyncPolicy.EVERYSEC:
            await self._write()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write())
            tasks.create_task(self._sync_every_second())

    async def _write(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while self._buffer:
                data = b"".join(self._buffer)
                self._buffer.clear()
                end = self.released + len(data)
                await self.disk.append(self.path, batch_of(data))
                if self.policy is SyncPolicy.ALWAYS:
                    await self._sync(end)
                self.released = end
                self.on_release()

    async def _sync(self, end: int) -> None:
        await self.disk.sync(self.path)
        self.synced = end
        self.syncs += 1

    async def _sync_every_second(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            written = self.released
            if written > self.synced or self.trouble:
                try:
                    await self._sync(written)
                    self.trouble = None
                except OSError as error:
                    self.trouble = f"the append-only file could not be synced: {error.strerror or error}"
                    LOG.error("%s", self.trouble)
