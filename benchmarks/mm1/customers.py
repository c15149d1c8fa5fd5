"""Source, customers and server as plain asyncio code: simkit and every asyncio loop run these very coroutines."""

import asyncio

from benchmarks.mm1 import Customers


async def customer(number: int, service_s: float, server: asyncio.Semaphore, order: list[int]) -> None:
    """Wait for the server, be served, leave."""
    async with server:
        await asyncio.sleep(service_s)
    order.append(number)


async def source(given: Customers, order: list[int], ends_s: list[float]) -> None:
    """Let customers arrive, and note when the last one has left."""
    server = asyncio.Semaphore(1)
    loop = asyncio.get_running_loop()
    # Tasks that wait are reachable through the semaphore or a timer, so that nobody has to hold them here.
    last = None
    for number, gap_s in enumerate(given.gaps_s):
        await asyncio.sleep(gap_s)
        last = loop.create_task(customer(number, given.services_s[number], server, order))
    assert last is not None
    await last
    ends_s.append(loop.time())
