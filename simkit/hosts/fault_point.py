"""Places in a program where a crash would hurt: ``await fault_point("after-write-before-reply")``.

Passing one does nothing, on a real machine always and in a world unless somebody watches: a fault of a scenario, or a
test that wants a crash at each of them. A crash there never resumes, so nothing after it happens. Passing is not
recorded: watching a run does not change it.

It deliberately injects no errors: what a disk or a network does wrong is their own affair.

Prior art: crash points of ALICE (Pillai et al., OSDI 2014), FoundationDB's `BUGGIFY`, failpoints of TiKV and etcd.
"""

from asyncio import get_running_loop, sleep
from collections.abc import Callable
from typing import Final
from weakref import finalize

DISK_POINTS: Final = tuple(
    f"disk.{operation}"
    for operation in ("read", "write", "append", "truncate", "rename", "delete", "sync", "sync_directory")
)
"""Passed by every program when a disk has done what it was asked for, and before the program goes on."""

Listener = Callable[[str], None]
"""Called with the name of a point when the host's program reaches it."""


async def fault_point(name: str) -> None:
    """Say that the program has reached a place where it may be crashed; it costs less than 0.1 us when nobody watches.

    Args:
        name: what has just been done and what has not: ``after-write-before-reply``.
    """
    if _watched:
        loop = get_running_loop()
        host = getattr(loop, "host", None)
        if host is not None:
            host.fault_points.reached(name)
            if not loop.alive:  # type: ignore[attr-defined]
                await loop.create_future()  # for ever
            elif loop.frozen:  # type: ignore[attr-defined]
                await sleep(0)  # a pause holds it here, not at its next wait


_watched: dict[object, None] = {}
"""Whoever watches some host of some world; the many calls in between ask only this."""


class FaultPoints:
    """The points of one host, over all its incarnations, for those who watch them."""

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Let `listener` hear of every point that the host's program reaches; return what undoes it.

        If the listener ends the process, or the machine, the program never goes on from there; if it pauses the
        process, the program goes on from there when it is resumed.
        """
        cause = object()
        self._listeners[cause] = listener
        _watched[cause] = None
        forget = finalize(self, _watched.pop, cause, None)  # a world may end without undoing anything

        def undo() -> None:
            self._listeners.pop(cause, None)
            forget()

        return undo

    def at(self, name: str | None, ordinal: int, act: Callable[[], None]) -> Callable[[], None]:
        """Act once, when the program reaches a point for the n-th time from now on; return what calls it off.

        Args:
            name: of the point; None counts them all.
            ordinal: which time, from 1.
            act: for example ``host.kill`` or ``host.power_cut``.
        """
        if ordinal < 1:
            raise ValueError(f"points are counted from 1, not {ordinal}")
        left = ordinal

        def count(reached: str) -> None:
            nonlocal left
            if name is None or reached == name:
                left -= 1
                if left == 0:
                    undo()
                    act()

        undo = self.watch(count)
        return undo

    def reached(self, name: str) -> None:
        """Tell everybody who watches, in the order in which they came; what one of them ends is told to no other."""
        for cause, listener in list(self._listeners.items()):
            if cause in self._listeners:
                listener(name)
