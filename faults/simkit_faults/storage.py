"""Faults of disks: slow ones, and syncs that fail or lie.

Both stack, on one disk too, and leave what is on the disk alone; what a failing sync lost is lost, as it would be.

A full disk, bit rot and misdirected writes deliberately have no word yet.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from pydantic import Field

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host


class DiskSlow(Condition):
    """Every disk operation that begins meanwhile takes so many times as long.

    Seen: disks and solid-state drives among 101 reports of hardware that was slow instead of dead, from 12 institutions
    (Gunawi et al., "Fail-Slow at Scale: Evidence of Hardware Performance Faults in Large Production Systems", FAST
    2018).
    """

    word = "disk_slow"

    factor: float = Field(ge=1, allow_inf_nan=False)
    """How many times as long an operation takes."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                undoing.callback(host.disk.slow(self.factor))
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
                undoing.callback(host.disk.fail_sync(self.mode))
            yield
