"""`asyncio.Semaphore` by one rule on every Python, and without coroutines in the compiled core.

The rule is that of CPython 3.13: who comes while others wait stands behind them, even if a place is free; a waiter that
is cancelled after it was given its place gives it on. `install` puts the methods into asyncio's own class, so that its
subclasses, and whoever imported it early, have them too. Twin of `core/semaphore.c`.

It deliberately leaves locks, events and conditions as they are.
"""

import asyncio
from asyncio import CancelledError
from collections import deque
from typing import Any

from simkit.kernel.core import compiled


async def acquire(self: Any) -> bool:
    """Wait until it is free, and take it; return True."""
    waiters = self._waiters
    if self._value > 0 and not (waiters and any(not each.cancelled() for each in waiters)):
        self._value -= 1
        return True
    if waiters is None:
        waiters = self._waiters = deque()
    future = self._get_loop().create_future()
    waiters.append(future)
    try:
        try:
            await future
        finally:
            waiters.remove(future)
    except CancelledError:
        if future.done() and not future.cancelled():
            self._value += 1
        raise
    finally:
        while self._value > 0 and _wake_next(self):
            pass
    return True


def _wake_next(self: Any) -> bool:
    """Give the semaphore to the first who waits, if there is one."""
    for future in self._waiters or ():
        if not future.done():
            self._value -= 1
            future.set_result(True)
            return True
    return False


def release(self: Any) -> None:
    """Give it back, and wake the first who waits."""
    self._value += 1
    _wake_next(self)


def install(kind: type[asyncio.Semaphore] = asyncio.Semaphore) -> None:
    """Give a class of semaphores these methods."""
    if compiled is not None:
        compiled.quicken_semaphore(kind, acquire)
    else:
        kind.acquire, kind.release = acquire, release  # type: ignore[assignment, method-assign]
