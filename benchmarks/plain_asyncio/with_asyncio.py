"""Plain asyncio code on asyncio loops in virtual time."""

import asyncio

from benchmarks import asyncio_loops
from benchmarks.plain_asyncio import Lines
from benchmarks.plain_asyncio.line import line
from benchmarks.work import Outcome, Timed


def _on(loop: asyncio.AbstractEventLoop, given: Lines) -> Timed:
    order: list[int] = []
    ends_s: list[float] = []
    lines = (
        line(number, making_s, using_s, given.room, order, ends_s)
        for number, (making_s, using_s) in enumerate(zip(given.making_s, given.using_s, strict=True))
    )
    return asyncio_loops.until_done(loop, lines, lambda: Outcome(len(order), max(ends_s), order))


def jumping(given: Lines) -> Timed:
    """Set up asyncio with a selector that jumps."""
    return _on(asyncio_loops.jumping(), given)


def on_looptime(given: Lines) -> Timed:
    """Set up looptime."""
    return _on(asyncio_loops.with_looptime(), given)


def on_simloop(given: Lines) -> Timed:
    """Set up simloop."""
    return _on(asyncio_loops.with_simloop(), given)


def on_simloom(given: Lines) -> Timed:
    """Set up simloom."""
    return _on(asyncio_loops.with_simloom(), given)
