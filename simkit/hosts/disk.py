"""The disk of one machine: files seen through a page cache, and what of them is left after the power goes.

A write is visible to every process of the host at once and durable only after a `sync`; a creation, rename or deletion
is durable only after `sync_directory`. A kill leaves the page cache alone. A power cut leaves, of everything that was
not synced, any part: each write whole, torn at a sector boundary, or not at all; what file systems promise beyond that
differs too much to rely on (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).

It is deliberately not a block device or a file system: no directories, no permissions, no read cache (every read pays
the device), no bytes that rot. A write costs a copy into memory, but waits behind a sync under way, as Linux has it.
"""

from asyncio import get_running_loop
from collections import deque
from collections.abc import Callable
from errno import EINVAL, EIO, ENOENT, ENOSPC, errorcode
from os import strerror
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from simkit.hosts.cpu import SlowDown
from simkit.kernel.distribution import Constant, Distribution, LogNormal, Uniform
from simkit.kernel.station import Station
from simkit.kernel.stream import Stream

if TYPE_CHECKING:
    from asyncio import Future

    from simkit.kernel import HostLoop, World

_BILLION = 10**9

SyncFailure = Literal["error", "lie"]


class DiskModel(BaseModel):
    """How fast and how large a disk is. Latencies are distributions in nanoseconds; None is without limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    read: InstanceOf[Distribution] = Constant(0)
    """Time to the first byte of a read from the device."""
    write: InstanceOf[Distribution] = Constant(0)
    """Time of a system call that copies into the page cache."""
    sync: InstanceOf[Distribution] = Constant(0)
    """Time of a sync beside the transfer of its bytes: the journal's commit and the drive's flush."""
    read_bandwidth: int | None = Field(default=None, gt=0)
    """Bytes per second from the device."""
    copy_bandwidth: int | None = Field(default=None, gt=0)
    """Bytes per second into the page cache."""
    sync_bandwidth: int | None = Field(default=None, gt=0)
    """Bytes per second to the device."""
    sector: int = Field(default=512, gt=0)
    """Bytes that reach the device whole or not at all."""
    write_back_ns: int | None = Field(default=30 * _BILLION, ge=0)
    """Age at which the kernel makes a change durable by itself (Linux: vm.dirty_expire_centisecs, 30 s); None never."""
    capacity: int = Field(default=2**30, gt=0)
    """Bytes of all files together, kept in memory; a write beyond it fails with ENOSPC."""


def _drive(read: Distribution, sync: Distribution, *, read_mb: int, sync_mb: int) -> DiskModel:
    """Return a drive of so many MB/s behind the page cache of an ordinary machine.

    A write is a system call of about a microsecond and a copy at 4 GB/s, after Dean's "Numbers Everyone Should Know"
    (LADIS 2009): 250 us to read 1 MB from memory.
    """
    bandwidths = {"read_bandwidth": read_mb * 10**6, "sync_bandwidth": sync_mb * 10**6, "copy_bandwidth": 4 * 10**9}
    return DiskModel(read=read, write=Constant(1_000), sync=sync, **bandwidths)


MODELS: dict[str, DiskModel] = {
    "ideal": DiskModel(),
    "ssd": _drive(LogNormal(110_000, 0.325), LogNormal(150_000, 0.54), read_mb=500, sync_mb=490),
    "nvme": _drive(LogNormal(85_000, 0.325), LogNormal(30_000, 0.4), read_mb=3_200, sync_mb=1_050),
    "hdd": _drive(Uniform(7_400_000, 15_730_000), Uniform(8_200_000, 16_530_000), read_mb=154, sync_mb=154),
}
"""The named models.

ideal: takes no time; still loses what is not synced.
ssd: a SATA data-centre drive, Intel DC S4500 product specification: random read 110 us typical and 300 us at 99.9 %,
    500 and 490 MB/s; a sync as about three random writes of 52 us (data, journal, flush), with the 99.9 % of writes
    there (800 us) as its tail.
nvme: Intel P4500 2 TB (Lenovo product guide): random read 85 us, 3.2 and 1.05 GB/s; the tail of reads is that of the
    SATA drive. A sync of some tens of us is what drives with power loss protection are known for (Callaghan, "SSDs,
    power loss protection and fsync latency", 2026); 30 us and its tail are an estimate. Drives without that protection
    take milliseconds: describe such a drive by a model of your own.
hdd: 7200 rpm, WD Ultrastar DC HC310 specification: average seek 7.4 ms to read and 8.2 ms to write, then anything up
    to one revolution of 8.33 ms; 154 MB/s is from StorageReview on a WD Black of 4 TB. A sync pays one positioning.
"""


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

    def write_out(self, due: Callable[[Change], bool], *, lose: bool) -> bool:
        """Make the first changes that are due durable, or lose them; return whether there were any."""
        count = len(self.changes)
        while self.changes and due(self.changes[0]):
            change = self.changes.popleft()
            if not lose:
                self.persist(change)
        return len(self.changes) < count


class File(Cached):
    """What a name leads to."""

    __slots__ = ("content", "durable")

    def __init__(self, content: bytes | bytearray = b"") -> None:
        super().__init__()
        self.content = bytearray(content)
        self.durable = bytearray(content)

    def persist(self, change: Change) -> None:
        change_bytes(self.durable, change)


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


class Flight(NamedTuple):
    """A sync on its way through the device: of what, up to which change, and what comes of it."""

    done_ns: int
    cached: Cached
    mark: int
    outcome: SyncFailure | None

    def covers(self, change: Change) -> bool:
        return change.sequence <= self.mark


class Disk:
    """The files of one host. Operations raise OSError with the errno that Linux would give.

    An operation changes what processes see when it is called, and returns when the device has answered; a power cut in
    between is a power cut before the answer. A process that ended never hears an answer.

    Args:
        world: virtual time, random streams and records.
        host: the name of the host; the disk's streams are ``disk/HOST/latency`` and ``disk/HOST/power_cut``.
        model: how fast and how large it is; one of `MODELS` or your own.

    Attributes:
        used: the bytes of all files together, as processes see them.
    """

    def __init__(self, world: "World", host: str, model: DiskModel = MODELS["ideal"]) -> None:
        self._world = world
        self._host = host
        self._latency_stream = f"disk/{host}/latency"
        self.model = model
        self._station = Station()
        self._slow_down = SlowDown()
        self._sync_failures: dict[object, SyncFailure] = {}
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
        if growth > 0 and self.used + growth > self.model.capacity:
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
        self._settle()
        return loop

    def _admit(self, latency: Distribution, size: int = 0, bandwidth: int | None = None) -> int:
        """Queue an operation at the device; return when it will be done."""
        drawn_ns = round(max(0.0, latency.draw(self._world.stream(self._latency_stream))))
        transfer_ns = size * _BILLION // bandwidth if bandwidth else 0
        service_ns = round((drawn_ns + transfer_ns) * self._slow_down.factor)
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
        if error is not None:
            raise _error(error, str(told[1]))

    # -- durability

    async def _sync(self, loop: "HostLoop", operation: str, path: str, cached: Cached) -> None:
        failures = self._sync_failures.values()
        outcome: SyncFailure | None = "lie" if "lie" in failures else None
        # Only a sync that has something to write can fail to write it.
        if "error" in failures and cached.changes and cached.changes[-1].sequence > cached.covered:
            outcome = "error"
        error = EIO if outcome == "error" or cached.failed else None
        size, cached.unsent, cached.failed = cached.unsent, 0, False
        cached.covered = cached.covered if outcome == "lie" else self._sequence
        done_ns = self._admit(self.model.sync, size, self.model.sync_bandwidth)
        self._flights.append(Flight(done_ns, cached, self._sequence, outcome))
        await self._answer(loop, done_ns, operation, path, 0, size, error=error)

    def _settle(self) -> None:
        """Bring the device up to date: syncs that are through, and changes old enough for the kernel to write back.

        Done when somebody looks instead of by an event, so that a disk costs the world one event an operation.
        """
        now_ns = self._world.now_ns
        while self._flights and self._flights[0].done_ns <= now_ns:
            flight = self._flights.popleft()
            if flight.outcome != "lie":
                self._write_out(flight.cached, flight.covers, lose=flight.outcome == "error")
        age_ns = self.model.write_back_ns
        if age_ns is not None and self._oldest_ns is not None and self._oldest_ns + age_ns <= now_ns:
            self._write_back(now_ns - age_ns)

    def _write_back(self, until_ns: int) -> None:
        lose = "error" in self._sync_failures.values()
        if lose or not self._sync_failures:
            for cached in list(self._dirty):
                if self._write_out(cached, lambda change: change.time_ns <= until_ns, lose=lose) and lose:
                    cached.failed = True
        self._oldest_ns = min((cached.changes[0].time_ns for cached in self._dirty), default=None)

    def _write_out(self, cached: Cached, due: Callable[[Change], bool], *, lose: bool) -> bool:
        wrote = cached.write_out(due, lose=lose)
        if not cached.changes:
            self._dirty.pop(cached, None)
        return wrote

    # -- how things end

    def process_ended(self) -> None:
        """The process is gone, the kernel is not: the page cache stays, and syncs under way go on."""
        self._settle()

    def power_cut(self) -> None:
        """Keep what is durable and, of every other change, whatever the disk's own stream says."""
        self._settle()
        stream = self._world.stream(f"disk/{self._host}/power_cut")
        sector = self.model.sector
        fates = {
            cached: [_survive(cached, change, sector, stream) for change in cached.changes] for cached in self._dirty
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

    # -- what faults do to it

    def slow(self, factor: float) -> Callable[[], None]:
        """Let operations from now on take `factor` times as long; return what undoes it. Factors multiply."""
        return self._slow_down.add(factor)

    def fail_sync(self, mode: SyncFailure) -> Callable[[], None]:
        """Let syncs from now on fail; return what undoes it. Of several in force, an error goes before a lie.

        With ``"error"`` a sync that has something to write raises EIO and the kernel's own write-back fails as well;
        what they should have written is lost, as `sync` says. With ``"lie"`` a sync returns as if all was well and
        nothing is durable yet: a drive that keeps its cache to itself. A later honest sync makes up for it.
        """
        if mode not in ("error", "lie"):
            raise ValueError(f"a sync fails by error or lie, not by {mode!r}")
        self._settle()
        cause = object()
        self._sync_failures[cause] = mode

        def undo() -> None:
            self._settle()
            self._sync_failures.pop(cause, None)

        return undo


def _survive(cached: Cached, change: Change, sector: int, stream: Stream) -> str:
    """Draw what a power cut leaves of one change, and carry that out; return whole, torn or lost."""
    boundaries = change.boundaries(sector)
    fate = stream.choice(("whole", "torn", "lost") if boundaries else ("whole", "lost"))
    if fate == "whole":
        cached.persist(change)
    elif fate == "torn":
        cached.persist(change.torn(stream.choice(boundaries), head=stream.chance(0.5)))
    return fate


def _error(number: int, path: str) -> OSError:
    return OSError(number, strerror(number), path)
