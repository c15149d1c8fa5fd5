"""How suspended code ends when its host is dead: without running another line, and without staying in memory.

Every program here tells when it is cleaned up. On a host that is killed nothing may be told, neither at the kill, nor
while the world goes on, nor when it closes; whatever belongs to the test process itself must not be touched.
"""

import asyncio
import contextlib
import gc
import logging
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from simkit.kernel import HostLoop, Task, World
from simkit.kernel.burial import _can_mark

SECOND = 10**9
told: list[str] = []
"""What the programs of a test have told; emptied before each test."""


@pytest.fixture(autouse=True)
def _nothing_told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    told.clear()
    with caplog.at_level(logging.DEBUG):
        yield
    gc.collect()
    assert caplog.messages == []


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def telling() -> Iterator[int]:
    try:
        yield 1
        yield 2
    finally:
        told.append("generator")


async def telling_async() -> AsyncIterator[int]:
    try:
        yield 1
        yield 2
    finally:
        told.append("async generator")


class Telling:
    """Tells when it is left as a context manager, and when it is dropped."""

    def __enter__(self) -> None: ...

    async def __aenter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        told.append("with")

    async def __aexit__(self, *_: object) -> None:
        told.append("async with")

    def __del__(self) -> None:
        told.append("del")


@contextlib.contextmanager
def telling_context() -> Iterator[None]:
    try:
        yield
    finally:
        told.append("context manager")


@contextlib.asynccontextmanager
async def telling_async_context() -> AsyncIterator[None]:
    try:
        yield
    finally:
        told.append("async context manager")


async def waits_in_finally() -> None:
    try:
        await forever()
    finally:
        told.append("finally")


async def waits_in_except() -> None:
    try:
        await forever()
    except BaseException:
        told.append("except")
        raise


async def waits_deeply() -> None:
    async def level(depth: int) -> None:
        try:
            await (level(depth - 1) if depth else forever())
        finally:
            told.append(f"level {depth}")

    await level(20)


async def waits_for_a_child() -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(waits_in_finally())
            tasks.create_task(waits_in_except())
    finally:
        told.append("group")


async def waits_with_a_timeout() -> None:
    try:
        async with asyncio.timeout(3):
            await waits_in_finally()
    except TimeoutError:
        told.append("timeout")


async def waits_in_contexts() -> None:
    with Telling(), telling_context(), contextlib.ExitStack() as stack:
        stack.callback(told.append, "exit stack")
        async with Telling(), telling_async_context():
            await forever()


async def waits_over_generators() -> None:
    generator = telling()
    for _ in generator:
        async for _ in telling_async():
            await forever()


async def waits_inside_an_async_generator() -> None:
    async def inner() -> AsyncIterator[int]:
        try:
            yield 1
            await forever()
        finally:
            told.append("inside")

    async for _ in inner():
        pass


async def keeps_things_to_drop() -> None:
    kept = [Telling(), telling(), telling_async()]
    next(kept[1])  # type: ignore[call-overload]
    await anext(kept[2])  # type: ignore[call-overload]
    kept.append(kept)  # a cycle, which only the collector finds
    await forever()


async def sleeps() -> None:
    try:
        await asyncio.sleep(3)
    finally:
        told.append("slept")


async def leaves_a_stock_task() -> None:
    # Nothing else holds a stock task, and one that is about to be dropped complains loudly.
    asyncio.Task(sleeps(), loop=asyncio.get_running_loop())
    asyncio.Task(waits_in_finally(), loop=asyncio.get_running_loop())
    await forever()


async def never_awaits_a_coroutine() -> None:
    coroutine = waits_in_finally()
    await forever()
    await coroutine


async def has_a_failed_child() -> None:
    async def fail() -> None:
        raise ValueError("nobody asks")

    child = asyncio.create_task(fail())
    failed = asyncio.get_running_loop().create_future()
    failed.set_exception(ValueError("nobody asks either"))
    await forever()
    del child


async def handles_an_error() -> None:
    try:
        raise ValueError("first")
    except ValueError:
        await waits_in_finally()


async def drops_an_async_generator_as_it_dies() -> None:
    generator = telling_async()
    await anext(generator)
    del generator
    bury = asyncio.get_running_loop().bury  # type: ignore[attr-defined]
    bury()
    await forever()


async def locks() -> None:
    lock, condition, semaphore = asyncio.Lock(), asyncio.Condition(), asyncio.Semaphore(0)
    async with lock, condition:
        tasks = [asyncio.create_task(lock.acquire()), asyncio.create_task(semaphore.acquire())]
        try:
            await asyncio.gather(*tasks)
        finally:
            told.append("locks")


Program = Callable[[], Coroutine[Any, Any, None]]
PROGRAMS: tuple[Program, ...] = (
    waits_in_finally,
    waits_in_except,
    waits_deeply,
    waits_for_a_child,
    waits_with_a_timeout,
    waits_in_contexts,
    waits_over_generators,
    waits_inside_an_async_generator,
    keeps_things_to_drop,
    sleeps,
    leaves_a_stock_task,
    never_awaits_a_coroutine,
    has_a_failed_child,
    handles_an_error,
    drops_an_async_generator_as_it_dies,
    locks,
)
every_program = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)


def test_this_interpreter_lets_coroutines_be_marked() -> None:
    assert _can_mark()


@every_program
def test_a_killed_host_runs_nothing_more(program: Program, world: World) -> None:
    host = world.new_loop("a")
    host.create_task(program())
    world.post(1 * SECOND, world.control, host.bury)
    world.post(2 * SECOND, world.control, gc.collect)
    world.post(9 * SECOND, world.control, gc.collect)
    del host
    world.run(10 * SECOND)
    assert told == []
    world.close()
    gc.collect()
    assert told == []


@every_program
def test_a_world_that_closes_runs_nothing_more(program: Program, world: World) -> None:
    world.new_loop("a").create_task(program())
    world.run(1 * SECOND)
    world.close()
    gc.collect()
    assert told == []


@every_program
def test_a_host_that_was_frozen_when_killed_runs_nothing_more(program: Program, world: World) -> None:
    host = world.new_loop("a")
    host.create_task(program())
    world.post(1 * SECOND, world.control, host.freeze)
    world.post(5 * SECOND, world.control, host.bury)
    world.post(6 * SECOND, world.control, host.thaw)
    world.run(10 * SECOND)
    world.close()
    gc.collect()
    assert told == []


@every_program
def test_the_memory_of_a_closed_world_comes_back(program: Program, world: World) -> None:
    killed, living = world.new_loop("killed"), world.new_loop("living")
    tasks = [loop.create_task(program()) for loop in (killed, living)]
    world.post(1 * SECOND, world.control, killed.bury)
    world.run(2 * SECOND)
    remains = [weakref.ref(thing) for thing in (killed, living, *tasks, *(task.get_coro() for task in tasks))]
    world.close()
    del killed, living, tasks
    gc.collect()
    assert [ref() for ref in remains] == [None] * len(remains)


def test_the_world_itself_goes_too() -> None:
    world = World(1)
    world.new_loop("a").create_task(waits_in_finally())
    world.run(SECOND)
    world.close()
    remains = weakref.ref(world)
    del world
    gc.collect()
    assert remains() is None


def test_a_kill_in_the_middle_of_a_turn_lets_the_running_callback_go_no_further_than_its_next_await(
    world: World,
) -> None:
    host = world.new_loop("a")
    steps: list[str] = []

    async def neighbour() -> None:
        await waits_in_finally()

    async def victim() -> None:
        try:
            await asyncio.sleep(1)
            host.call_soon(steps.append, "what was ready")
            host.bury()
            steps.append("the rest of the callback")
            host.create_task(waits_in_finally())
            host.call_soon(steps.append, "a callback of the dead")
            host.call_later(1, steps.append, "a timer of the dead")
            await asyncio.sleep(0)
            steps.append("a step of the dead")
        finally:
            told.append("victim")

    host.create_task(neighbour())
    host.create_task(victim())
    host.call_later(2, steps.append, "a later timer")
    world.run(10 * SECOND)
    assert steps == ["the rest of the callback"]
    world.close()
    gc.collect()
    assert told == []


def test_what_the_dead_leave_unfinished_does_not_end_when_a_generator_is_dropped(world: World) -> None:
    host = world.new_loop("a")

    async def victim() -> None:
        generator = telling_async()
        with telling_context():
            await anext(generator)
            host.bury()
            del generator
            await forever()

    host.create_task(victim())
    world.run(SECOND)
    world.close()
    gc.collect()
    assert told == []


def test_what_was_sent_to_the_dead_goes_quietly(world: World) -> None:
    host = world.new_loop("a")
    suspended = telling()
    next(suspended)
    world.post(3 * SECOND, host, host.create_task, waits_in_finally())
    world.post(3 * SECOND, host, print, suspended)
    world.post(1 * SECOND, world.control, host.bury)
    del suspended
    world.run(10 * SECOND)
    world.close()
    gc.collect()
    assert told == []


def test_a_living_host_still_cleans_up_as_asyncio_does(world: World) -> None:
    async def main() -> None:
        async for _ in telling_async():
            break
        for _ in telling():
            break
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await waits_in_finally()
        told.append("end")

    world.new_loop("a").create_task(main())
    world.run(2 * SECOND)
    assert told == ["generator", "async generator", "finally", "end"]


def test_an_async_generator_is_closed_on_the_host_that_began_it(world: World) -> None:
    places: list[object] = []

    async def telling_where() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            places.append(asyncio.get_running_loop())

    shared: list[Any] = []
    one, other = world.new_loop("one"), world.new_loop("other")

    async def begin() -> None:
        generator = telling_where()
        await anext(generator)
        shared.append(generator)

    one.create_task(begin())
    world.post(SECOND, other, shared.clear)
    world.run(2 * SECOND)
    assert places == [one]


def test_generators_of_the_test_process_are_left_alone(world: World) -> None:
    mine, observing = telling(), telling()
    next(mine)
    next(observing)
    world.records.subscribe({"log"}, lambda record, held=observing: None)

    def run_and_return() -> HostLoop:
        held = telling()
        next(held)
        host = world.new_loop("a")

        async def fail() -> None:
            raise ValueError

        async def main() -> None:
            kept = []
            try:
                await host.create_task(fail())
            except ValueError as error:
                kept.append(error)  # its frames lead back to the function that runs the world
            await forever()

        host.create_task(main())
        world.run(SECOND)
        frames.append(held)
        return host

    frames: list[Iterator[int]] = []
    run_and_return()
    world.close()
    gc.collect()
    assert told == []
    del mine, observing
    frames.clear()
    gc.collect()
    assert told == ["generator"] * 3


def test_an_unwatched_failure_is_reported_when_its_task_is_dropped_not_when_the_collector_comes(world: World) -> None:
    host = world.new_loop("a")
    host.set_exception_handler(lambda loop, context: told.append(context["message"]))

    async def fail() -> None:
        raise ValueError

    async def fail_later() -> None:
        await asyncio.sleep(1)
        raise ValueError

    async def main() -> None:
        host.create_task(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        host.create_task(fail_later())
        await asyncio.sleep(2)
        told.append("later")

    host.create_task(main())
    world.run(3 * SECOND)
    assert told == ["Task exception was never retrieved"] * 2 + ["later"]


def test_a_run_that_is_interrupted_leaves_a_world_that_can_be_closed(world: World) -> None:
    async def interrupt() -> None:
        raise KeyboardInterrupt

    host = world.new_loop("a")
    host.create_task(waits_in_finally())
    task = host.create_task(interrupt())
    with pytest.raises(KeyboardInterrupt):
        world.run(SECOND)
    assert isinstance(task.exception(), KeyboardInterrupt)
    assert isinstance(task, Task)
    assert gc.isenabled()
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    world.close()
    gc.collect()
    assert told == []
