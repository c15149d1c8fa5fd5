"""Faults of disks: slow, stalled, full; syncs that fail or lie; writes that go astray; bits that rot.

Conditions stack, on one disk too. Healing one gives back speed and room, never data: what a failing sync lost, what
went astray and what rotted stays as it is, as it would.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from pydantic import Field

from simkit.fault import Act, Arena, Condition
from simkit.hosts.host import Host
from simkit.language.units import Fraction, Size


class DiskSlow(Condition):
    """Every disk operation that begins meanwhile takes so many times as long.

    Seen: disks and solid-state drives among 101 reports of hardware that was slow instead of dead, from 12 institutions
    (Gunawi et al., "Fail-Slow at Scale: Evidence of Hardware Performance Faults in Large Production Systems", FAST
    2018).
    """

    word = "disk_slow"
    disables = False

    factor: float = Field(ge=1, allow_inf_nan=False)
    """How many times as long an operation takes."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                undoing.callback(host.disk.health.slow(self.factor))
            yield


class SyncFails(Condition):
    """A sync does not make data durable: it raises EIO once and forgets what was dirty, or it claims success.

    Seen: error, in PostgreSQL's "fsyncgate" of 2018, where a second fsync succeeded without having written anything;
    none of the five applications of Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020,
    handled it well enough. Lie, in drives that keep data in their cache against the order to flush (Rajimwale et al.,
    "Coerced Cache Eviction and Discreet Mode Journaling: Dealing with Misbehaving Disks", DSN 2011).
    """

    word = "sync_fails"

    mode: Literal["error", "lie"] = "error"
    """error: a sync that has something to write raises EIO, and it is lost. lie: it returns, and nothing is durable."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                undoing.callback(host.disk.health.fail_sync(self.mode))
            yield


class DiskStall(Condition):
    """Every disk operation that begins meanwhile waits until the end, as if the device had stopped to answer.

    Seen: drives that go silent for seconds to minutes while they retry a bad sector or collect garbage, the partial
    failures between working and dead of Gunawi et al., "Fail-Slow at Scale", FAST 2018; elections that follow when a
    leader's log device hangs.
    """

    word = "disk_stall"

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                undoing.callback(host.disk.health.stall())
            yield


class DiskFull(Condition):
    """Somebody else's files fill the disk: a write that needs more room than is left fails with ENOSPC.

    Seen: logs and core dumps beside a database; many storage systems answered it with corruption or the loss of the
    cluster in Ganesan et al., "Redundancy Does Not Imply Fault Tolerance", FAST 2017.
    """

    word = "disk_full"

    leave: Size = Size(0)
    """How much room is left at the beginning."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                room = host.disk.model.capacity - host.disk.used - host.disk.health.taken
                undoing.callback(host.disk.health.fill(max(0, room - int(self.leave))))
            yield


class WriteAstray(Condition):
    """The drive acknowledges writes that it never carries out, or carries out in the wrong place.

    Seen: lost and misdirected writes in a study of 1.53 million drives (Bairavasundaram et al., "An Analysis of Data
    Corruption in the Storage Stack", FAST 2008), where checksums next to the data do not find them.
    """

    word = "write_astray"

    manner: Literal["lost", "misdirected"] = "lost"
    """lost: a phantom write, the old bytes stay. misdirected: they stay, and another sector of some file is written."""
    share: Fraction = Fraction(1)
    """The share of the writes to the device that go astray."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                undoing.callback(host.disk.health.stray(self.manner, float(self.share), arena.stream))
            yield


class BitRot(Act):
    """Single bits of what is on the disk turn over, and nobody is told.

    Seen: checksum mismatches on up to 4 % of nearline drives within 17 months (Bairavasundaram et al., FAST 2008).
    """

    word = "bit_rot"

    bits: int = Field(default=1, ge=1, le=1_000_000)
    """How many bits, each drawn from all bits of the files."""
    files: str = ""
    """Only files whose names begin so."""

    def strike(self, arena: Arena, targets: tuple[Host, ...]) -> None:
        """See `Act.strike`; a disk that has no such bytes keeps what it has."""
        for host in targets:
            sizes = {name: host.disk.durable_size(name) for name in host.disk.names(self.files)}
            for _ in range(self.bits if any(sizes.values()) else 0):
                bit = arena.stream.below(8 * sum(sizes.values()))
                for name, size in sizes.items():
                    if bit < 8 * size:
                        host.disk.rot(name, bit)
                        break
                    bit -= 8 * size
