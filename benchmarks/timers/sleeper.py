"""The process that sleeps, as plain asyncio code: simkit and every asyncio loop run this very coroutine."""

import asyncio
from collections.abc import Sequence


async def sleeper(number: int, delays_s: Sequence[float], order: list[int], ends_s: list[float]) -> None:
    """Sleep one delay after the other and note each wake-up, and when the last one was."""
    for delay_s in delays_s:
        await asyncio.sleep(delay_s)
        order.append(number)
    ends_s.append(asyncio.get_running_loop().time())
