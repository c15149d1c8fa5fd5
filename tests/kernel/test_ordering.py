"""`asyncio.as_completed` on a host starts coroutines in the order given, in every process, each of them once.

asyncio puts them into a set, which orders them by address. In a worker, where the function is replaced, and in a fresh
one each time, because addresses are what must not matter.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simkit.kernel import World
from simkit.kernel.worker import Worker


def play(say: Callable[[dict[str, Any]], None], noise: int) -> list[int]:
    """Return the order in which forty coroutines begin, with other objects of that size made and dropped before."""
    begun: list[int] = []

    async def begin(number: int) -> int:
        begun.append(number)
        return number

    async def program() -> None:
        dropped = [begin(0) for _ in range(noise)]
        for coroutine in dropped[:: noise // 7 or 1]:
            coroutine.close()
        coroutines = [begin(number) for number in range(40)]
        ended = [await each for each in asyncio.as_completed([*coroutines, *coroutines])]
        assert ended == begun
        for coroutine in dropped:
            coroutine.close()

    world = World(1)
    task = world.new_loop("a").create_task(program())
    world.run(10**9)
    task.result()
    world.close()
    return begun


@pytest.mark.parametrize("noise", [0, 1000])
def test_as_completed_starts_coroutines_in_the_order_given(noise: int) -> None:
    with Worker(path=(str(Path(__file__).parent),)) as worker:
        assert worker.call("test_ordering:play", noise=noise) == list(range(40))
