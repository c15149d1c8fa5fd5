"""The disk of one machine: files seen through a page cache, and what of them is left after the power goes.

A write is visible to every process of the host at once and durable only after a `sync`; a creation, rename or deletion
is durable only after `sync_directory`. A kill leaves the page cache alone. A power cut leaves, of everything that was
not synced, any part: each write whole, torn at a sector boundary, or not at all; what file systems promise beyond that
differs too much to rely on (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).

It is deliberately not a block device or a file system: no directories, no permissions, no read cache (every read pays
the device, and sees what rotted there). A write costs a copy into memory, but waits behind a sync under way, as Linux
has it.
"""

from asyncio import get_running_loop
from collections import deque
from collections.abc import Callable
from errno import EINVAL, EIO, ENOENT, ENOSPC, errorcode
from os import strerror
from typing import TYPE_CHECKING, NamedTuple

from simkit.hosts.disk_health import DiskHealth, Straying
from simkit.hosts.disk_model import MODELS, DiskModel
from simkit.hosts.fault_point import fault_point
from simkit.hosts.page_cache import (
    Cached,
    Change,
    Directory,
    File,
    Names,
    Tearing,
    change_bytes,
    change_names,
    survive,
)
from simkit.kernel.distribution import Distribution
from simkit.kernel.station import Station
from simkit.kernel.stream import Stream

if TYPE_CHECKING:
    from asyncio import Future

    from simkit.kernel import HostLoop, World

_BILLION = 10**9


class Flight(NamedTuple):
    """A sync on its way through the device: of what, up to which change, and what comes of it."""

    done_ns: int
    cached: Cached
    mark: int
    fails: bool
    lies: bool

    def covers(self, change: Change) -> bool:
        return change.sequence <= self.mark


class Disk:
    """The files of one host. Operations raise OSError with the errno that Linux would give.

    An operation changes what processes see when it is called, and returns when the device has answered; a power cut in
    between is a power cut before the answer. A process that ended never hears an answer. The answer is a fault point:
    ``disk.append``, ``disk.sync`` and so on.

    Args:
        world: virtual time, random streams and records.
        host: the name of the host; the disk's streams are ``disk/HOST/latency`` and ``disk/HOST/power_cut``.
        model: how fast and how large it is; one of `MODELS` or your own.

    Attributes:
        health: what is wrong with it; faults put troubles there.
        used: the bytes of all files together, as processes see them.
    """

    def __init__(self, world: "World", host: str, model: DiskModel = MODELS["ideal"]) -> None:
        self._world = world
        self._host = host
        self._latency_stream = f"disk/{host}/latency"
        self.model = model
        self._station = Station()
        self.health = DiskHealth(self._settle, self._resume)
        self._waiting: list[tuple[HostLoop, Future[None]]] = []  # operations that a stall keeps from beginning
        self._mount({})

    def _mount(self, files: dict[str, File]) -> None:
        self._directory = Directory(files)
        self._dirty: dict[Cached, None] = {}  # what has changes, in the order in which it became dirty
        self._flights: deque[Flight] = deque()
        self._sequence = 0
        self._oldest_ns: int | None = None  # no change that is not durable is older than this
        self.used = sum(len(file.content) for file in files.values())

    # -- what a process sees

    def exists(self, path: str) -> bool:
        """Return whether there is a file of that name."""
        return path in self._directory.names

    def size(self, path: str) -> int:
        """Return the size of a file in bytes. ENOENT."""
        return len(self._file(path).content)

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all files that begin with `prefix`, sorted."""
        return sorted(name for name in self._directory.names if name.startswith(prefix))

    async def read(self, path: str, offset: int = 0, size: int | None = None) -> bytes:
        """Return up to `size` bytes (None: all) from `offset`; fewer at the end of the file. ENOENT, EINVAL."""
        loop = await self._enter()
        if offset < 0 or (size is not None and size < 0):
            raise _error(EINVAL, path)
        content = self._file(path).content
        data = bytes(memoryview(content)[offset : None if size is None else offset + size])
        done_ns = self._admit(self.model.read, len(data), self.model.read_bandwidth)
        await self._answer(loop, done_ns, "read", path, offset, len(data), payload=data)
        return data

    async def write(self, path: str, data: bytes, offset: int = 0) -> None:
        """Write `data` at `offset`; create the file if there is none, fill a gap with zeros. ENOSPC, EINVAL."""
        loop = await self._enter()
        await self._write(loop, "write", path, bytes(data), offset)

    async def append(self, path: str, data: bytes) -> int:
        """Write `data` at the end; create the file if there is none; return the offset it was put at. ENOSPC."""
        loop = await self._enter()
        offset = self.size(path) if self.exists(path) else 0
        await self._write(loop, "append", path, bytes(data), offset)
        return offset

    async def truncate(self, path: str, size: int) -> None:
        """Cut the file to `size` bytes, or extend it with zeros. ENOENT, ENOSPC, EINVAL."""
        loop = await self._enter()
        file = self._file(path)
        if size < 0:
            raise _error(EINVAL, path)
        self._reserve(path, size - len(file.content))
        self._change(file, offset=size)
        await self._answer(loop, self._admit(self.model.write), "truncate", path, 0, size)

    async def rename(self, old: str, new: str) -> None:
        """Give a file another name, in one step; a file that had the new name is gone. ENOENT, EINVAL."""
        loop = await self._enter()
        file = self._file(old)
        if not new:
            raise _error(EINVAL, new)
        if old != new:
            self.used -= self.size(new) if self.exists(new) else 0
            self._change(self._directory, names=((old, None), (new, file)))
        await self._answer(loop, self._admit(self.model.write), "rename", old, new)

    async def delete(self, path: str) -> None:
        """Remove a file. ENOENT."""
        loop = await self._enter()
        self.used -= self.size(path)
        self._change(self._directory, names=((path, None),))
        await self._answer(loop, self._admit(self.model.write), "delete", path)

    async def sync(self, path: str) -> None:
        """Make the content of a file durable, as written up to this call. ENOENT, EIO.

        After EIO the changes are lost but not forgotten by the page cache: processes see them until the next power
        cut, and another sync succeeds without writing them ("fsyncgate", PostgreSQL 2018; Rebello et al., "Can
        Applications Recover from fsync Failures?", USENIX ATC 2020). Only writing them again helps.
        """
        loop = await self._enter()
        await self._sync(loop, "sync", path, self._file(path))

    async def sync_directory(self) -> None:
        """Make all creations, renames and deletions durable. EIO, as with `sync`."""
        loop = await self._enter()
        await self._sync(loop, "sync_directory", "", self._directory)

    # -- changes

    def _file(self, path: str) -> File:
        file = self._directory.names.get(path)
        if file is None:
            raise _error(ENOENT, path)
        return file

    def _reserve(self, path: str, growth: int) -> None:
        if growth > 0 and self.used + growth + self.health.taken > self.model.capacity:
            raise _error(ENOSPC, path)
        self.used += growth

    async def _write(self, loop: "HostLoop", operation: str, path: str, data: bytes, offset: int) -> None:
        if offset < 0 or not path:
            raise _error(EINVAL, path)
        file = self._directory.names.get(path)
        end = offset + len(data) if data else 0
        self._reserve(path, max(0, end - (len(file.content) if file else 0)))
        if file is None:
            file = File()
            self._change(self._directory, names=((path, file),))
        if data:
            self._change(file, offset=offset, data=data)
        done_ns = self._admit(self.model.write, len(data), self.model.copy_bandwidth)
        await self._answer(loop, done_ns, operation, path, offset, len(data), payload=data)

    def _change(self, cached: Cached, offset: int = 0, data: bytes | None = None, names: Names = ()) -> None:
        self._sequence += 1
        change = Change(self._sequence, self._world.now_ns, offset, data, names)
        if isinstance(cached, File):
            change_bytes(cached.content, change)
        else:
            change_names(self._directory.names, change)
        cached.changes.append(change)
        cached.unsent += len(data or b"")
        self._dirty[cached] = None
        if self._oldest_ns is None:
            self._oldest_ns = change.time_ns

    # -- time

    async def _enter(self) -> "HostLoop":
        """Begin an operation; it never gets further in what is left of a callback of a host that has just ended."""
        loop: HostLoop = get_running_loop()  # type: ignore[assignment]
        if not loop.alive:
            await loop.create_future()
        while self.health.stalled:
            gate: Future[None] = loop.create_future()
            self._waiting.append((loop, gate))
            await gate
        self._settle()
        return loop

    def _resume(self) -> None:
        """Let the operations begin that a stall held back, in the order in which they came."""
        waiting, self._waiting = self._waiting, []
        for loop, gate in waiting:
            self._world.post(self._world.now_ns, loop, lambda gate=gate: gate.done() or gate.set_result(None))

    def _admit(self, latency: Distribution, size: int = 0, bandwidth: int | None = None) -> int:
        """Queue an operation at the device; return when it will be done."""
        drawn_ns = round(max(0.0, latency.draw(self._world.stream(self._latency_stream))))
        transfer_ns = size * _BILLION // bandwidth if bandwidth else 0
        service_ns = round((drawn_ns + transfer_ns) * self.health.slow_down)
        return self._station.admit(self._world.now_ns, service_ns)

    async def _answer(
        self, loop: "HostLoop", done_ns: int, *told: int | str, payload: bytes = b"", error: int | None = None
    ) -> None:
        """Wait until the device is done, and tell it: the operation, the path, and more; raise its error."""
        future: Future[None] = loop.create_future()

        def arrive() -> None:
            self._settle()
            failure = () if error is None else (errorcode[error],)
            self._world.records.write("disk", self._host, *told, *failure, payload=payload)
            if not future.done():
                future.set_result(None)

        self._world.post(done_ns, loop, arrive)
        await future
        await fault_point(f"disk.{told[0]}")
        if error is not None:
            raise _error(error, str(told[1]))

    # -- durability

    async def _sync(self, loop: "HostLoop", operation: str, path: str, cached: Cached) -> None:
        # Only a sync that has something to write can fail to write it.
        fails = self.health.syncs_fail and bool(cached.changes) and cached.changes[-1].sequence > cached.covered
        lies = self.health.syncs_lie and not fails
        error = EIO if fails or cached.failed else None
        size, cached.unsent, cached.failed = cached.unsent, 0, False
        cached.covered = cached.covered if lies else self._sequence
        done_ns = self._admit(self.model.sync, size, self.model.sync_bandwidth)
        self._flights.append(Flight(done_ns, cached, self._sequence, fails, lies))
        await self._answer(loop, done_ns, operation, path, 0, size, error=error)

    def _settle(self) -> None:
        """Bring the device up to date: syncs that are through, and changes old enough for the kernel to write back.

        Done when somebody looks instead of by an event, so that a disk costs the world one event an operation.
        """
        now_ns = self._world.now_ns
        while self._flights and self._flights[0].done_ns <= now_ns:
            flight = self._flights.popleft()
            if not flight.lies:
                self._write_out(flight.cached, flight.covers, lose=flight.fails)
        age_ns = self.model.write_back_ns
        if (
            age_ns is not None
            and not self.health.stalled
            and self._oldest_ns is not None
            and self._oldest_ns + age_ns <= now_ns
        ):
            self._write_back(now_ns - age_ns)

    def _write_back(self, until_ns: int) -> None:
        fail, lie = self.health.syncs_fail, self.health.syncs_lie
        if fail or not lie:
            for cached in list(self._dirty):
                if self._write_out(cached, lambda change: change.time_ns <= until_ns, lose=fail) and fail:
                    cached.failed = True
        self._oldest_ns = min((cached.changes[0].time_ns for cached in self._dirty), default=None)

    def _write_out(self, cached: Cached, due: Callable[[Change], bool], *, lose: bool) -> bool:
        """Make the first changes that are due durable, or lose them; return whether there were any."""
        taken = cached.take_due(due)
        for change in [] if lose else taken:
            straying = self.health.astray() if change.data else None
            if straying is None:
                cached.persist(change)
            else:
                self._go_astray(cached, change, straying)
        if not cached.changes:
            self._dirty.pop(cached, None)
        return bool(taken)

    # -- what rots and goes astray

    def rot(self, path: str, bit: int) -> None:
        """Turn one bit of a file over, on the device: 0 is the lowest bit of its first byte. ENOENT, EINVAL.

        Nobody is told; whoever reads it sees it, but where the page cache has newer bytes.
        """
        self._settle()
        file = self._file(path)
        place = bit // 8
        if not 0 <= place < len(file.durable):
            raise _error(EINVAL, path)
        file.durable[place] ^= 1 << bit % 8
        self._reread(file)
        self._world.records.write("disk", self._host, "rot", path, bit)

    def durable_size(self, path: str) -> int:
        """Return how many bytes of a file are on the device. ENOENT."""
        self._settle()
        return len(self._file(path).durable)

    def _go_astray(self, cached: Cached, change: Change, straying: Straying) -> None:
        """Let a write get lost, or land in another sector of some file, and be seen there by everybody."""
        path = self._path_of(cached)
        place = self._elsewhere(cached, change, straying.stream) if straying.manner == "misdirected" else None
        if place is None:
            self._world.records.write("disk", self._host, "lost", path, change.offset)
        else:
            name, offset = place
            other = self._file(name)
            other.persist(change._replace(offset=offset))
            self._reread(other)
            self._world.records.write("disk", self._host, "misdirected", path, change.offset, name, offset)
        if isinstance(cached, File):
            self._reread(cached)

    def _elsewhere(self, cached: Cached, change: Change, stream: Stream) -> tuple[str, int] | None:
        """Draw a sector on the device that is not the change's own; None if there is no other."""
        sector = self.model.sector
        files = [(name, file, -(-len(file.durable) // sector)) for name, file in sorted(self._directory.names.items())]
        own = change.offset // sector
        choices = sum(count - (file is cached and own < count) for _, file, count in files)
        number = stream.below(choices) if choices else 0
        for name, file, count in files:
            if file is cached and own < count:
                count -= 1
                if number < count:
                    return name, (number + (number >= own)) * sector
            elif number < count:
                return name, number * sector
            number -= count
        return None

    def _reread(self, file: File) -> None:
        growth = file.reread()
        if self._path_of(file):
            self.used += growth

    def _path_of(self, cached: Cached) -> str:
        """Return the name of a file, "" if it has none any more."""
        return next((name for name, file in self._directory.names.items() if file is cached), "")

    # -- how things end

    def process_ended(self) -> None:
        """The process is gone, the kernel is not: the page cache stays, and syncs under way go on."""
        self._settle()

    def power_cut(self, tearing: Tearing = "some") -> None:
        """Keep what is durable and, of every other change, whatever the disk's own stream says.

        Args:
            tearing: whether a write over several sectors may be torn: ``"none"`` for a device that writes all or
                nothing, ``"all"`` for one that is caught in the middle of every one.
        """
        self._settle()
        stream = self._world.stream(f"disk/{self._host}/power_cut")
        sector = self.model.sector
        fates = {
            cached: [survive(cached, change, sector, stream, tearing) for change in cached.changes]
            for cached in self._dirty
        }
        survivors = self._directory.durable
        for path, cached in [("", self._directory), *sorted(survivors.items(), key=lambda item: item[0])]:
            if cached in fates:
                told = [fates[cached].count(fate) for fate in ("whole", "torn", "lost")]
                self._world.records.write("disk", self._host, "power_cut", path, *told)
        self._restart(survivors)

    def wipe(self) -> None:
        """Lose everything: the machine comes back with an empty disk."""
        self._restart({})

    def _restart(self, survivors: dict[str, File]) -> None:
        self._mount({path: File(file.durable) for path, file in survivors.items()})
        self._station.clear(self._world.now_ns)


def _error(number: int, path: str) -> OSError:
    return OSError(number, strerror(number), path)
