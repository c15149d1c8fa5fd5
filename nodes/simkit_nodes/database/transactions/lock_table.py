"""The lock table of a range: who waits for the intent on a key, in the order of arrival.

An intent is the lock; the table only knows who waits. When the intent is resolved the waiters go on, first come first
served: each evaluates its request anew, and the first one that writes becomes what the others wait for.

It deliberately keeps no locks that are not replicated, and never decides about the holder: `push` does.
"""

from __future__ import annotations

import asyncio


class LockTable:
    """The wait queues of one range."""

    __slots__ = ("_queues",)

    def __init__(self) -> None:
        self._queues: dict[bytes, list[asyncio.Future[None]]] = {}

    def enqueue(self, key: bytes) -> asyncio.Future[None]:
        """Return a future that is done when the intent on a key was resolved."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, []).append(future)
        return future

    def leave(self, key: bytes, future: asyncio.Future[None]) -> None:
        """Wait no longer."""
        queue = self._queues.get(key)
        if queue is not None and future in queue:
            queue.remove(future)
            if not queue:
                del self._queues[key]

    def released(self, key: bytes) -> None:
        """The intent on a key was resolved."""
        for future in self._queues.pop(key, ()):
            if not future.done():
                future.set_result(None)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._queues.values()))
