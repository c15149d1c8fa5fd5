"""What is wrong with a disk at the moment: slow, stalled, full, syncs that fail, writes that go astray.

Every method adds one trouble and returns what undoes exactly that one, in any order: troubles of one kind add up, or
the worst of them holds.

It deliberately moves no data: what the troubles do to files is in `disk`.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

from simkit.hosts.cpu import SlowDown
from simkit.kernel.stream import Stream

SyncFailure = Literal["error", "lie"]
Astray = Literal["lost", "misdirected"]
Undo = Callable[[], None]
_Trouble = TypeVar("_Trouble")


class Straying(NamedTuple):
    """Writes that the drive acknowledges and does not carry out where it should."""

    manner: Astray
    share: float
    stream: Stream


class DiskHealth:
    """The troubles of one disk.

    Args:
        settle: brings the disk up to date; called before a trouble begins and before it ends.
        recovered: called when the last stall is over.
    """

    def __init__(self, settle: Undo, recovered: Undo) -> None:
        self._settle = settle
        self._recovered = recovered
        self._slow_down = SlowDown()
        self._stalls: dict[object, None] = {}
        self._sync_failures: dict[object, SyncFailure] = {}
        self._taken: dict[object, int] = {}
        self._astray: dict[object, Straying] = {}

    # -- troubles

    def slow(self, factor: float) -> Undo:
        """Let operations from now on take `factor` times as long. Factors multiply."""
        return self._slow_down.add(factor)

    def stall(self) -> Undo:
        """Let operations from now on wait until the stall is over; those that the device has begun are finished."""
        undo = self._add(self._stalls, None)

        def resume() -> None:
            undo()
            if not self._stalls:
                self._recovered()

        return resume

    def fill(self, size: int) -> Undo:
        """Let somebody else's files take so many bytes of the disk."""
        if size < 0:
            raise ValueError(f"files cannot take {size} bytes")
        return self._add(self._taken, size)

    def fail_sync(self, mode: SyncFailure) -> Undo:
        """Let syncs from now on fail. Of several in force, an error goes before a lie.

        With ``"error"`` a sync that has something to write raises EIO and the kernel's own write-back fails as well;
        what they should have written is lost, as `Disk.sync` says. With ``"lie"`` a sync returns as if all was well and
        nothing is durable yet: a drive that keeps its cache to itself. A later honest sync makes up for it.
        """
        if mode not in ("error", "lie"):
            raise ValueError(f"a sync fails by error or lie, not by {mode!r}")
        return self._add(self._sync_failures, mode)

    def stray(self, manner: Astray, share: float, stream: Stream) -> Undo:
        """Let this share of the writes to the device get lost, or land in the wrong place; nobody is told.

        Args:
            manner: ``"lost"``: never carried out; ``"misdirected"``: carried out over another sector of some file.
            share: from 0 to 1, drawn for each write.
            stream: the draws.
        """
        if manner not in ("lost", "misdirected"):
            raise ValueError(f"a write is lost or misdirected, not {manner!r}")
        if not 0 <= share <= 1:
            raise ValueError(f"a share is between 0 and 1, not {share}")
        return self._add(self._astray, Straying(manner, share, stream))

    def _add(self, kind: "dict[object, _Trouble]", trouble: _Trouble) -> Undo:
        self._settle()
        cause = object()
        kind[cause] = trouble

        def undo() -> None:
            self._settle()
            kind.pop(cause, None)

        return undo

    # -- what the disk asks

    @property
    def slow_down(self) -> float:
        """How many times as long an operation takes."""
        return self._slow_down.factor

    @property
    def stalled(self) -> bool:
        """Whether operations wait."""
        return bool(self._stalls)

    @property
    def taken(self) -> int:
        """Bytes that are somebody else's."""
        return sum(self._taken.values())

    @property
    def syncs_fail(self) -> bool:
        """Whether a sync that has something to write raises EIO."""
        return "error" in self._sync_failures.values()

    @property
    def syncs_lie(self) -> bool:
        """Whether a sync that does not fail makes nothing durable."""
        return "lie" in self._sync_failures.values()

    def astray(self) -> Straying | None:
        """Draw whether, and how, the next write to the device goes astray."""
        for straying in self._astray.values():
            if straying.stream.chance(straying.share):
                return straying
        return None
