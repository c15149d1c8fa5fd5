"""A semaphore's rule: first come, first served, also where waiters are cancelled; both cores, and any loop.

That the cores agree on whole programs is `test_twins`'s business, and that CPython's own tests pass `test_cpython`'s.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from simkit.kernel import World, semaphore
from tests.kernel.conftest import SECOND


class Places(asyncio.Semaphore):
    pass


semaphore.install(Places)


class OnePlace(Places):
    def release(self) -> None:
        if self._value == 1:
            raise ValueError("released too many times")
        super().release()


def played(world: World, program: Callable[[list[Any]], Any]) -> list[Any]:
    log: list[Any] = []
    task = world.new_loop("a").create_task(program(log))
    world.run(60 * SECOND)
    task.result()
    return log


async def hold(places: asyncio.Semaphore, name: str, log: list[Any]) -> None:
    async with places:
        log.append(name)
        await asyncio.sleep(1)


def test_who_comes_first_is_served_first(world: World) -> None:
    async def program(log: list[Any]) -> None:
        places = Places(2)
        await asyncio.gather(*(hold(places, name, log) for name in "abcde"))
        log.append((asyncio.get_running_loop().time(), places.locked(), places._value))

    assert played(world, program) == ["a", "b", "c", "d", "e", (3.0, False, 2)]


def test_who_comes_while_others_wait_stands_behind_them_even_if_a_place_is_free(world: World) -> None:
    async def program(log: list[Any]) -> None:
        places = Places(0)
        first = asyncio.create_task(hold(places, "first", log))
        await asyncio.sleep(1)
        places.release()
        places.release()  # two places; the first waiter has been given one, and has not taken its step
        log.append(places.locked())
        await hold(places, "second", log)
        await first

    assert played(world, program) == [True, "first", "second"]


@pytest.mark.parametrize("given", [False, True], ids=["waiting", "after it was given its place"])
def test_a_waiter_that_is_cancelled_leaves_its_place_to_the_next(given: bool, world: World) -> None:
    async def program(log: list[Any]) -> None:
        places = Places(0)
        first, second = (asyncio.create_task(hold(places, name, log)) for name in ("first", "second"))
        await asyncio.sleep(1)
        if given:
            places.release()
        first.cancel("go")
        if not given:
            places.release()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
        log.append((places._value, len(places._waiters)))  # type: ignore[attr-defined]

    assert played(world, program) == ["second", (1, 0)]


def test_a_coroutine_that_is_closed_in_line_leaves_the_line(world: World) -> None:
    async def program(log: list[Any]) -> None:
        places = Places(0)
        waiting = hold(places, "never", log)
        waiting.send(None)
        log.append(len(places._waiters))  # type: ignore[attr-defined]
        waiting.close()
        log.append(len(places._waiters))  # type: ignore[attr-defined]

    assert played(world, program) == [1, 0]


def test_subclasses_keep_their_own_methods(world: World) -> None:
    async def program(log: list[Any]) -> None:
        places = OnePlace(1)
        async with places:
            log.append(places.locked())
        with pytest.raises(ValueError, match="released too many times"):
            places.release()

    assert played(world, program) == [True]


def test_a_semaphore_belongs_to_one_loop(world: World) -> None:
    places = Places(0)

    async def program(log: list[Any]) -> None:
        await places.acquire()

    world.new_loop("other").create_task(program([]))
    world.run(0)
    with pytest.raises(RuntimeError, match="bound to a different event loop"):
        played(world, program)


def test_a_stock_loop_finds_what_it_is_used_to() -> None:
    async def program() -> list[Any]:
        log: list[Any] = []
        places = Places(1)
        await asyncio.gather(*(hold_shortly(places, name, log) for name in "ab"))
        async with asyncio.timeout(5):
            log.append(await places.acquire())
        return log

    async def hold_shortly(places: asyncio.Semaphore, name: str, log: list[Any]) -> None:
        async with places:
            await asyncio.sleep(0)
            log.append(name)

    assert asyncio.run(program()) == ["a", "b", True]
