"""A task that sleeps in the world's queue cannot be told from one that awaits a timer of `asyncio.sleep`.

Hypothesis writes programs of tasks on several hosts whose sleeps often end together, with messages, timers,
cancellations, frozen and buried hosts and drifting clocks; both kinds of sleep must give the same order of steps.
"""

import asyncio
import math
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.hosts.clock import Clock
from simkit.kernel import HostLoop, World
from simkit.kernel import sleep as kernel_sleep
from tests.kernel.conftest import SECOND, Log

Sleep = Callable[..., Awaitable[Any]]
HOSTS, TASKS, END_NS = 3, 6, 40
VERBS = (
    "sleep", "sleep", "sleep", "sleep", "sleep", "stock sleep", "bare", "post", "call", "timer", "spawn", "cancel",
    "cancel", "uncancel", "time out", "shield", "freeze", "thaw", "thaw", "drift", "bury",
)  # fmt: skip


class Inn:
    """Guests on several hosts who sleep and wake each other, as a string of bytes tells them to: two for each step."""

    def __init__(self, text: bytes, sleep: Sleep) -> None:
        self.sleep = sleep
        self.log: Log = []
        self.spawned = 0
        self.world = World(7)
        self.texts = [text[number::TASKS] for number in range(TASKS)]
        self.loops = [self.world.new_loop(f"host-{number}") for number in range(HOSTS)]
        self.clocks = [Clock(self.world) for _ in self.loops]
        for loop, clock in zip(self.loops, self.clocks, strict=True):
            loop.clock = clock
            clock.on_rate_change.append(loop.clock_changed)
        self.tasks = {number: self.spawn(number) for number in range(TASKS)}

    def loop(self, number: int) -> HostLoop:
        return self.loops[number % HOSTS]

    def spawn(self, number: int) -> asyncio.Task[Any]:
        return self.loop(number).create_task(self.guest(number))

    def tell(self, *what: object) -> None:
        self.log.append((self.world.now_ns, *what))

    async def guest(self, number: int) -> None:
        for place in range(0, len(self.texts[number]) - 1, 2):
            verb, other = VERBS[self.texts[number][place] % len(VERBS)], self.texts[number][place + 1]
            try:
                self.tell(number, verb, await self.step(verb, number, other))
            except CancelledError as error:
                self.tell(number, verb, "cancelled", error.args)
                if other < 100:
                    raise
            except TimeoutError:
                self.tell(number, verb, "too late")

    async def step(self, verb: str, number: int, other: int) -> Any:
        delay_s = other % 7 / 1e9
        match verb:
            case "sleep":
                return await self.sleep(delay_s, other)
            case "stock sleep":
                return await kernel_sleep._stock_sleep(delay_s, other)
            case "bare":
                return await self.sleep(0)
            case "post":
                self.world.post(self.world.now_ns + other % 5, self.loop(other), self.tell, number, "posted")
            case "call":
                self.loop(number).call_soon(self.tell, number, "called")
            case "timer":
                self.loop(number).call_later(delay_s, self.tell, number, "timer")
            case "spawn" if self.spawned < 20:
                self.spawned += 1
                self.tasks[other % TASKS] = self.spawn(other % TASKS)
                await self.sleep(1e-9)
            case "cancel":
                return self.tasks[other % TASKS].cancel(other)
            case "uncancel":
                return self.tasks[other % TASKS].uncancel()
            case "time out":
                async with asyncio.timeout(other % 3 / 1e9):
                    return await self.sleep(delay_s, "in time")
            case "shield":
                return await asyncio.shield(self.sleep(delay_s, "shielded"))
            case "freeze" | "thaw":
                getattr(self.loop(other), verb)()
            case "drift":
                self.clocks[other % HOSTS].set_drift((other % 5 - 2) * 300_000_000)
            case "bury" if other < 20:
                self.loop(other).bury()
        return None

    def play(self) -> Log:
        for loop in self.loops:  # somebody must thaw them
            self.world.post(END_NS // 2, self.world.control, loop.thaw)
        for until_ns in (END_NS // 3, END_NS):
            self.world.run(until_ns)
        self.world.close()
        return self.log


@settings(max_examples=300, deadline=None)
@given(text=st.binary(min_size=40, max_size=300))
def test_every_program_runs_in_the_order_it_has_with_the_stock_sleep(text: bytes) -> None:
    assert Inn(text, kernel_sleep.sleep).play() == Inn(text, kernel_sleep._stock_sleep).play()


def test_programs_are_lively_enough_to_mean_something() -> None:
    told = Inn(bytes(number * 7 % 256 for number in range(300)), kernel_sleep.sleep).play()
    assert len(told) > 50
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
