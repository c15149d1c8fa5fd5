"""`get` and `put` of `asyncio.Queue` without coroutines, where the compiled core runs.

The class stays asyncio's, which is the twin of `core/exchange.c`: only the two methods that may wait are exchanged,
and a subclass gets the stock ones through them. It deliberately does nothing for the core in Python.
"""

import asyncio

from simkit.kernel.core import compiled


def install() -> None:
    """Give asyncio's class of queues the methods."""
    if compiled is not None:
        compiled.quicken_queue(asyncio.Queue)
