"""Messages on asyncio loops in virtual time: `call_later` puts them into the mailbox.

All players share one loop, as none of these has hosts.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from functools import partial
from typing import Any

from benchmarks import asyncio_loops
from benchmarks.messages import Latencies
from benchmarks.messages.player import Mailbox, first, second
from benchmarks.work import Outcome, Timed


def _send(loop: asyncio.AbstractEventLoop, mailbox: Mailbox, latency_s: float, message: int) -> None:
    loop.call_later(latency_s, mailbox.put, message)


def _on(loop: asyncio.AbstractEventLoop, given: Latencies) -> Timed:
    order: list[int] = []
    ends_s: list[float] = []

    async def play_first(number: int, latencies_s: Sequence[float], mailbox: Mailbox, its: Mailbox) -> None:
        await first(number, latencies_s, mailbox, partial(_send, loop, its), order)
        ends_s.append(loop.time())

    def players() -> Iterator[Coroutine[Any, Any, None]]:
        for number, (there_s, back_s) in enumerate(zip(given.there_s, given.back_s, strict=True)):
            ones, others = Mailbox(), Mailbox()
            yield play_first(number, there_s, ones, others)
            yield second(back_s, others, partial(_send, loop, ones), order)

    return asyncio_loops.until_done(loop, players(), lambda: Outcome(len(order), max(ends_s), order))


def jumping(given: Latencies) -> Timed:
    """Set up asyncio with a selector that jumps."""
    return _on(asyncio_loops.jumping(), given)


def on_looptime(given: Latencies) -> Timed:
    """Set up looptime."""
    return _on(asyncio_loops.with_looptime(), given)


def on_simloop(given: Latencies) -> Timed:
    """Set up simloop."""
    return _on(asyncio_loops.with_simloop(), given)


def on_simloom(given: Latencies) -> Timed:
    """Set up simloom."""
    return _on(asyncio_loops.with_simloom(), given)
