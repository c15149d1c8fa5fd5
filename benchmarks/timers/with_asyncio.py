"""Timers on asyncio loops in virtual time, all with the same coroutine."""

import asyncio

from benchmarks import asyncio_loops
from benchmarks.timers import Sleeps
from benchmarks.timers.sleeper import sleeper
from benchmarks.work import Outcome, Timed


def _on(loop: asyncio.AbstractEventLoop, given: Sleeps) -> Timed:
    order: list[int] = []
    ends_s: list[float] = []
    coroutines = (sleeper(i, delays_s, order, ends_s) for i, delays_s in enumerate(given.delays_s))
    return asyncio_loops.until_done(loop, coroutines, lambda: Outcome(len(order), max(ends_s), order))


def jumping(given: Sleeps) -> Timed:
    """Set up asyncio with a selector that jumps."""
    return _on(asyncio_loops.jumping(), given)


def on_looptime(given: Sleeps) -> Timed:
    """Set up looptime."""
    return _on(asyncio_loops.with_looptime(), given)


def on_simloop(given: Sleeps) -> Timed:
    """Set up simloop."""
    return _on(asyncio_loops.with_simloop(), given)


def on_simloom(given: Sleeps) -> Timed:
    """Set up simloom."""
    return _on(asyncio_loops.with_simloom(), given)
