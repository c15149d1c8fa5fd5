"""Queues keep asyncio's rule without its coroutines: bounded, cancelled in line, subclassed, on any loop.

They are those of an interpreter that runs scenarios, so the programs run in one. That whole programs tell the same with
both cores is `test_twins`'s business, and that CPython's own tests pass `test_cpython`'s.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simkit.kernel import World
from simkit.kernel.worker import Worker

SECOND = 10**9
Log = list[Any]


async def several_in_line(log: Log) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)

    async def put(number: int) -> None:
        await queue.put(number)
        log.append(f"put {number}")

    putters = [asyncio.create_task(put(number)) for number in range(4)]
    await asyncio.sleep(1)
    log.append((queue.qsize(), queue.full(), len(queue._putters)))  # type: ignore[attr-defined]
    for _ in range(4):
        log.append(await queue.get())
    await asyncio.gather(*putters)
    log.append(queue._unfinished_tasks)  # type: ignore[attr-defined]


async def cancelled_in_line(log: Log) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def get(name: str) -> None:
        try:
            log.append((name, await queue.get()))
        except asyncio.CancelledError as error:
            log.append((name, *error.args))

    getters = [asyncio.create_task(get(name)) for name in "abc"]
    await asyncio.sleep(1)
    getters[0].cancel("waiting")
    queue.put_nowait("one")  # which wakes the second, who is cancelled before he takes it
    getters[1].cancel("woken")
    await asyncio.gather(*getters)
    log.append(len(queue._getters))  # type: ignore[attr-defined]


async def joined(log: Log) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    for number in range(3):
        await queue.put(item=number)
    waiting = asyncio.create_task(queue.join())
    for _ in range(3):
        await queue.get()
        log.append(waiting.done())
        queue.task_done()
        await asyncio.sleep(1)
    log.append(waiting.done())


async def subclassed(log: Log) -> None:
    stack: asyncio.LifoQueue[int] = asyncio.LifoQueue(2)
    getter = asyncio.create_task(stack.get())
    await asyncio.sleep(1)
    for number in range(3):
        await stack.put(number)
        log.append(await getter if number == 0 else stack.qsize())
    log.append(await stack.get())


async def closed_in_line(log: Log) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    waiting = queue.get()
    waiting.send(None)  # type: ignore[attr-defined]
    log.append(len(queue._getters))  # type: ignore[attr-defined]
    waiting.close()  # type: ignore[attr-defined]
    log.append(len(queue._getters))  # type: ignore[attr-defined]


async def misused(log: Log) -> None:
    for wrong in (lambda: asyncio.Queue().put(), lambda: asyncio.Queue().get(1)):  # type: ignore[call-arg]
        try:
            wrong()
        except TypeError:
            log.append("TypeError")


PROGRAMS: dict[Callable[[Log], Any], Log] = {
    several_in_line: ["put 0", [1, True, 3], 0, 1, 2, 3, "put 1", "put 2", "put 3", 4],
    cancelled_in_line: [["a", "waiting"], ["b", "woken"], ["c", "one"], 0],
    joined: [False, False, False, True],
    subclassed: [0, 1, 2, 2],
    closed_in_line: [1, 0],
    misused: ["TypeError", "TypeError"],
}


def play(say: object) -> dict[str, Log]:
    told: dict[str, Log] = {}
    for program in PROGRAMS:
        world = World(1)
        task = world.new_loop("a").create_task(program(told.setdefault(program.__name__, [])))
        world.run(60 * SECOND)
        task.result()
        world.close()
    told["stock loop"] = []
    asyncio.run(several_in_line(told["stock loop"]))
    return told


@pytest.fixture(scope="module")
def told() -> dict[str, Log]:
    with Worker(path=(str(Path(__file__).parent),)) as worker:
        result: dict[str, Log] = worker.call("test_exchange:play")
    return result


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_queue_keeps_its_rule(program: Callable[[Log], Any], told: dict[str, Log]) -> None:
    if program is several_in_line:
        assert sorted(map(str, told[program.__name__])) == sorted(map(str, PROGRAMS[program]))
        assert [each for each in told[program.__name__] if type(each) is int] == [0, 1, 2, 3, 4]
    else:
        assert told[program.__name__] == PROGRAMS[program]


def test_a_stock_loop_finds_what_it_is_used_to(told: dict[str, Log]) -> None:
    assert [each for each in told["stock loop"] if type(each) is int] == [0, 1, 2, 3, 4]
