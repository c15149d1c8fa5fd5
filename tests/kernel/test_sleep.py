"""A task that sleeps in the world's queue cannot be told from one that awaits a timer of `asyncio.sleep`.

Hypothesis writes programs of tasks on several hosts whose sleeps often end together, with messages, timers,
cancellations, frozen and buried hosts and drifting clocks; both kinds of sleep must give the same order of steps.
"""

import asyncio
import math
from asyncio import CancelledError
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.kernel import World
from simkit.kernel import sleep as kernel_sleep
from tests.kernel.conftest import SECOND
from tests.kernel.inn import Inn


@settings(max_examples=300, deadline=None)
@given(text=st.binary(min_size=40, max_size=300))
def test_every_program_runs_in_the_order_it_has_with_the_stock_sleep(text: bytes) -> None:
    assert heard(Inn(text, kernel_sleep.sleep)) == heard(Inn(text, kernel_sleep._stock_sleep))


def heard(inn: Inn) -> list[Any]:
    """Return what is told, but for failures that nobody awaits: a cancelled sleep keeps its task in the queue."""
    return [what for what in inn.play() if "in a task" not in what]


def test_programs_are_lively_enough_to_mean_something() -> None:
    texts = [b"".join(sha256(bytes([one, two])).digest() for two in range(9)) for one in range(5)]
    told = [what for text in texts for what in Inn(text, kernel_sleep.sleep).play()]
    assert len(told) > 150
    assert any(what[-2:] == ("sleep", None) or what[2] == "sleep" for what in told)


def started(world: World, program: Callable[[], Any]) -> asyncio.Task[Any]:
    return world.new_loop("a").create_task(program())


def test_a_sleeping_task_makes_neither_future_nor_timer(world: World) -> None:
    async def sleeper() -> Any:
        return await kernel_sleep.sleep(5, "rested")

    task = started(world, sleeper)
    world.run(SECOND)
    assert task._fut_waiter is None  # type: ignore[attr-defined]
    assert [entry[3] for entry in world.queue] == [task]
    world.run(6 * SECOND)
    assert task.result() == "rested"


def test_a_cancelled_sleep_leaves_no_entry_for_long(world: World) -> None:
    async def sleeper() -> None:
        for _ in range(2000):
            try:
                async with asyncio.timeout(1e-9):
                    await kernel_sleep.sleep(10**6)
            except TimeoutError:
                pass

    task = started(world, sleeper)
    world.run(SECOND)
    assert task.done()
    assert len(world.queue) < 600


def test_a_task_that_cancels_itself_wakes_from_its_next_sleep_at_once(world: World) -> None:
    async def sleeper() -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("myself")
        with pytest.raises(CancelledError, match="myself"):
            await kernel_sleep.sleep(5)
        await kernel_sleep.sleep(1)
        return world.now_ns

    task = started(world, sleeper)
    world.run(9 * SECOND)
    assert task.result() == SECOND


@pytest.mark.parametrize("delay_s", [0, -1, 1e10, math.inf])
def test_a_sleep_without_a_sensible_end_is_the_stock_one(world: World, delay_s: float) -> None:
    async def sleeper() -> str:
        return await kernel_sleep.sleep(delay_s, "rested")  # type: ignore[no-any-return]

    task = started(world, sleeper)
    world.run(SECOND)
    assert task.done() == (delay_s <= 0)
    assert not any(entry[3] is task for entry in world.queue)


def test_nobody_sleeps_for_nan_seconds(world: World) -> None:
    task = started(world, lambda: kernel_sleep.sleep(math.nan))
    world.run(SECOND)
    with pytest.raises(ValueError, match="NaN"):
        task.result()


def test_a_stock_task_of_a_host_sleeps_as_well(world: World) -> None:
    loop = world.new_loop("a")
    stock = getattr(asyncio.tasks, "_CTask", asyncio.tasks._PyTask)  # type: ignore[attr-defined]
    task = stock(kernel_sleep.sleep(1, "rested"), loop=loop)
    world.run(2 * SECOND)
    assert task.result() == "rested"


def test_outside_of_a_world_it_is_the_stock_sleep() -> None:
    assert asyncio.run(kernel_sleep.sleep(0.001, "rested")) == "rested"
