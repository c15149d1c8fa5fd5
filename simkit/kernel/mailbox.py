"""A mailbox: what has arrived for one reader, who waits for it without a future.

Whoever has a message calls `put`, mostly through `world.post`; the one reader says ``await mailbox.get()``. A reader
that is cancelled leaves the message where it is. Twin of `core/mailbox.c`, which takes its place where that runs.

It deliberately is no queue: no limit, no second reader, nobody told when it is empty; `asyncio.Queue` has all of that.
"""

import asyncio
from collections import deque
from typing import Any

from simkit.kernel.core import compiled


class Mailbox:
    """Messages in the order in which they came."""

    __slots__ = ("_kept", "_waiting")

    def __init__(self) -> None:
        self._kept: deque[Any] = deque()
        self._waiting: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, message: Any) -> None:
        """Keep a message, and wake the reader."""
        self._kept.append(message)
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def get(self) -> Any:
        """Return the next message, when there is one. RuntimeError if somebody waits already."""
        if not self._kept:
            if self._waiting is not None and not self._waiting.done():
                raise RuntimeError("somebody waits for this mailbox already")
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return self._kept.popleft()


if compiled is not None:
    Mailbox = compiled.Mailbox  # type: ignore[misc]
