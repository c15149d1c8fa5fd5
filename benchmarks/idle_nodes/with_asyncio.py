"""Idle nodes on asyncio: tasks that wait for a future, in one loop, or each in a loop of its own."""

import asyncio

from benchmarks.asyncio_loops import JumpingLoop
from benchmarks.idle_nodes import Nodes
from benchmarks.work import Outcome, Timed


async def _wait() -> None:
    await asyncio.get_running_loop().create_future()


async def _pass() -> None:
    await asyncio.sleep(0)


def _run(loops: list[asyncio.AbstractEventLoop], tasks: list[asyncio.Task[None]]) -> Timed:
    def run() -> Outcome:
        for loop in loops:
            loop.run_until_complete(_pass())
        return Outcome(sum(not task.done() for task in tasks))

    return run


def one_loop(given: Nodes) -> Timed:
    """Make a task for each node."""
    loop = JumpingLoop()
    return _run([loop], [loop.create_task(_wait()) for _ in range(given.count)])


def loop_each(given: Nodes) -> Timed:
    """Make a loop and a task for each node; every loop holds three file descriptors."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    loops: list[asyncio.AbstractEventLoop] = [JumpingLoop() for _ in range(given.count)]
    return _run(loops, [loop.create_task(_wait()) for loop in loops])
