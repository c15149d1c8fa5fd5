"""Event loops in virtual time on which plain asyncio code runs, as the contenders set them up.

`JumpingLoop` is our own, the least that does it: asyncio's loop as it is, and a selector that lets time jump instead
of waiting. The others are packages, each made as its own documentation does.

None of them has hosts, an order that a seed decides among hosts, or a record of what happened, which simkit has.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from benchmarks.work import Outcome


class JumpingSelector(selectors.SelectSelector):
    """Never waits: time goes to the deadline at once. Real sockets are never ready."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        if timeout > 0.0:
            self.now_s += timeout
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on a jumping selector."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def jumping() -> asyncio.AbstractEventLoop:
    """Return our own."""
    return JumpingLoop()


def with_looptime() -> asyncio.AbstractEventLoop:
    """Return looptime's loop with its defaults, among them 42 idle cycles before each jump."""
    import looptime

    return looptime.new_event_loop(start=0)


def with_simloop() -> asyncio.AbstractEventLoop:
    """Return simloop's loop."""
    from simloop import SimLoop

    return SimLoop(seed=1)  # type: ignore[no-any-return]


def with_simloom() -> asyncio.AbstractEventLoop:
    """Return simloom's loop."""
    from simloom import SimLoop, Tape

    return SimLoop(Tape.generate(1))  # type: ignore[no-any-return]


def until_done(
    loop: asyncio.AbstractEventLoop,
    coroutines: Iterable[Coroutine[Any, Any, None]],
    outcome: Callable[[], Outcome],
) -> Callable[[], Outcome]:
    """Make a task of each coroutine, and return a function that runs `loop` until all of them have ended."""
    asyncio.set_event_loop(loop)
    tasks = [loop.create_task(coroutine) for coroutine in coroutines]

    async def all_ended() -> None:
        await asyncio.wait(tasks)

    def run() -> Outcome:
        loop.run_until_complete(all_ended())
        for task in tasks:
            task.result()  # raises what the task raised
        return outcome()

    return run
