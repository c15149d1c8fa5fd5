"""`asyncio.sleep` without a future and a timer, for tasks of a host.

The stock function makes a future, a timer handle and a callback for each sleep. Here the coroutine says when it wants
to go on and yields straight to its `Task`, which stands in the world's queue itself. Where anything else falls due for
the same instant, or the host's clock is not the world's, the task becomes what the stock function would have made of it
(`Task.sleep_as_timer`), so that the order of everything stays what it was.

Twin of `core/sleep.c`. It deliberately is nothing else to call: `install` puts it in the place of `asyncio.sleep`, and
in a stock task, on any other loop or for a time that is not above zero it is the stock function.
"""

import asyncio
import types
from asyncio.events import _get_running_loop
from collections.abc import Generator
from math import ceil
from typing import Any

from simkit.kernel.core import compiled
from simkit.kernel.task import ASLEEP, Task, current_tasks
from simkit.kernel.turns import deadline_ns

_stock_sleep = asyncio.sleep
_current_task = current_tasks.get
_LONG_S = 1e9


@types.coroutine
def _asleep() -> Generator[object, None, None]:
    yield ASLEEP


async def sleep(delay: float, result: Any = None) -> Any:
    """Wait for `delay` seconds of the host's time, then return `result`."""
    loop: Any = _get_running_loop()
    task = _current_task(loop)
    if type(task) is Task and 0.0 < delay < _LONG_S and ((clock := loop.clock) is None or clock.perfect):
        now_ns = loop.world.now_ns
        wake_s = now_ns / 1e9 + delay
        wake_ns = ceil(wake_s * 1e9)
        if wake_ns / 1e9 < wake_s or (wake_ns - 1) / 1e9 >= wake_s:
            wake_ns = deadline_ns(wake_s)  # the product was not exact
        if wake_ns > now_ns:
            task.wake_ns = wake_ns
            await _asleep()
            return result
    return await _stock_sleep(delay, result)


if compiled is not None:
    sleep = compiled.sleep


def install() -> None:
    """Put `sleep` in the place of `asyncio.sleep`."""
    asyncio.sleep = asyncio.tasks.sleep = sleep
