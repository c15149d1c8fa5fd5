"""The two players of a pair, as plain asyncio code: simkit and every asyncio loop run these very coroutines.

A mailbox is a queue for one reader and nothing else: cheaper than `asyncio.Queue` for everybody alike.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any


class Mailbox:
    """What has arrived for one player."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[int] | None = None
        self._kept: deque[int] = deque()

    def put(self, message: int) -> None:
        """Keep a message, or give it to the player who waits."""
        waiting = self._waiting
        if waiting is None or waiting.done():
            self._kept.append(message)
        else:
            waiting.set_result(message)

    async def get(self) -> int:
        """Return the next message."""
        if self._kept:
            return self._kept.popleft()
        self._waiting = asyncio.get_running_loop().create_future()
        return await self._waiting


Send = Callable[[Any, int], None]
"""Send a message that is under way for some time."""


async def first(number: int, latencies: Sequence[Any], mailbox: Mailbox, send: Send, order: list[int]) -> None:
    """Send, and wait for the answer."""
    for latency in latencies:
        send(latency, number)
        order.append(await mailbox.get())


async def second(latencies: Sequence[Any], mailbox: Mailbox, send: Send, order: list[int]) -> None:
    """Wait, and answer."""
    for latency in latencies:
        message = await mailbox.get()
        order.append(message)
        send(latency, message)
