"""No simulation: as many ``asyncio.sleep(0)`` as there are items, on loops in real time."""

import asyncio

from benchmarks import asyncio_loops
from benchmarks.plain_asyncio import Lines
from benchmarks.work import Outcome, Timed


def _on(loop: asyncio.AbstractEventLoop, given: Lines) -> Timed:
    order: list[int] = []

    async def switching(number: int, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)
            order.append(number)

    rows = (switching(number, len(row)) for number, row in enumerate(given.making_s))
    return asyncio_loops.until_done(loop, rows, lambda: Outcome(len(order), None, order))


def on_asyncio(given: Lines) -> Timed:
    """Set up asyncio's own loop."""
    return _on(asyncio.new_event_loop(), given)


def on_uvloop(given: Lines) -> Timed:
    """Set up uvloop."""
    import uvloop

    return _on(uvloop.new_event_loop(), given)
