"""Producer and consumer as plain asyncio code: simkit and every asyncio loop run this very coroutine."""

import asyncio
from collections.abc import Sequence


async def line(
    number: int, making_s: Sequence[float], using_s: Sequence[float], room: int, order: list[int], ends_s: list[float]
) -> None:
    """Make items and use them, with a queue in between, until all are used."""
    queue: asyncio.Queue[int] = asyncio.Queue(room)

    async def produce() -> None:
        for item, make_s in enumerate(making_s):
            await asyncio.sleep(make_s)
            await queue.put(item)

    producer = asyncio.get_running_loop().create_task(produce())
    for use_s in using_s:
        await queue.get()
        await asyncio.sleep(use_s)
        order.append(number)
    await producer
    ends_s.append(asyncio.get_running_loop().time())
