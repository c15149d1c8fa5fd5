"""M/M/1 on asyncio loops in virtual time, all with the same coroutines."""

import asyncio

from benchmarks import asyncio_loops
from benchmarks.mm1 import Customers
from benchmarks.mm1.customers import source
from benchmarks.work import Outcome, Timed


def _on(loop: asyncio.AbstractEventLoop, given: Customers) -> Timed:
    order: list[int] = []
    ends_s: list[float] = []
    return asyncio_loops.until_done(
        loop, [source(given, order, ends_s)], lambda: Outcome(len(order), max(ends_s), order)
    )


def jumping(given: Customers) -> Timed:
    """Set up asyncio with a selector that jumps."""
    return _on(asyncio_loops.jumping(), given)


def on_looptime(given: Customers) -> Timed:
    """Set up looptime."""
    return _on(asyncio_loops.with_looptime(), given)


def on_simloop(given: Customers) -> Timed:
    """Set up simloop."""
    return _on(asyncio_loops.with_simloop(), given)


def on_simloom(given: Customers) -> Timed:
    """Set up simloom."""
    return _on(asyncio_loops.with_simloom(), given)
