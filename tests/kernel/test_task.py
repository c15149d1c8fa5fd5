"""What only a simulation has: tasks of many hosts, their contexts, and sets of them in one order everywhere."""

import asyncio
import contextvars
import os
import subprocess
import sys
import traceback
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from simkit.kernel import Future, HostLoop, Task, World

SECOND = 10**9
Log = list[Any]


async def steps(log: Log, name: str, count: int = 3) -> str:
    """Take some steps, telling each; tell of a cancellation too."""
    try:
        for number in range(count):
            log.append((name, number))
            await asyncio.sleep(0)
    except CancelledError as error:
        log.append((name, "cancelled", error.args))
        raise
    log.append((name, "done"))
    return name


async def executor(log: Log) -> None:
    def double(number: int) -> int:
        if number < 0:
            raise ValueError(number)
        return number * 2

    log.append(await asyncio.get_running_loop().run_in_executor(None, double, 21))
    log.append(await asyncio.to_thread(double, 4))
    with suppress(ValueError):
        await asyncio.to_thread(double, -1)


def run_on(world: World, coroutine: Coroutine[Any, Any, Any], host: HostLoop | None = None) -> Any:
    """Run `coroutine` on a host until nothing is left; return its result."""
    task = (host or world.new_loop("a")).create_task(coroutine)
    world.run(world.now_ns + 1000 * SECOND)
    return task.result()


def test_tasks_and_futures_are_asyncios_own(world: World) -> None:
    async def main() -> None:
        task, future = asyncio.current_task(), asyncio.get_running_loop().create_future()
        assert type(task) is Task
        assert type(future) is Future
        assert isinstance(task, asyncio.Task)
        assert isinstance(task, asyncio.Future)
        assert asyncio.isfuture(future)
        assert "main" in repr(task)
        assert repr(future) == "<Future pending>"

    run_on(world, main())


def test_every_step_sees_its_own_loop_and_task(world: World) -> None:
    async def main(host: HostLoop) -> int:
        task = asyncio.current_task()
        for number in range(20):
            assert asyncio.get_running_loop() is host
            assert asyncio.current_task() is task
            assert asyncio.all_tasks() == {task}
            await asyncio.sleep(number % 3)
        return 1

    hosts = [world.new_loop(str(number)) for number in range(5)]
    tasks = [host.create_task(main(host)) for host in hosts]
    world.run(100 * SECOND)
    assert [task.result() for task in tasks] == [1] * 5
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_default_names_count_from_one_in_every_world() -> None:
    for _ in range(2):
        world = World(1)
        hosts = [world.new_loop(name) for name in "ab"]
        tasks = [host.create_task(asyncio.sleep(0)) for host in hosts]
        assert [task.get_name() for task in tasks] == ["Task-1", "Task-2"]
        world.run(1)
        world.close()


def test_what_a_host_receives_runs_in_its_own_context_not_the_senders(world: World) -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    seen: Log = []

    async def receiver() -> None:
        seen.append(("receiver's task", variable.get()))

    def receive() -> None:
        seen.append(("received", variable.get()))
        variable.set("receiver")
        receiving.create_task(receiver())

    async def sender() -> None:
        variable.set("sender")
        world.post(world.now_ns + 5, receiving, receive)
        world.post(world.now_ns + 6, receiving, receive)

    receiving = world.new_loop("receiver")
    run_on(world, sender())
    assert seen == [
        ("received", "unset"),
        ("receiver's task", "receiver"),
        ("received", "receiver"),
        ("receiver's task", "receiver"),
    ]
    assert variable.get() == "unset"


def test_an_exception_while_receiving_goes_to_the_receivers_handler(world: World) -> None:
    seen: Log = []
    host = world.new_loop("a")
    host.set_exception_handler(lambda loop, context: seen.append((context["message"], repr(context["exception"]))))
    world.post(1, host, int, "no number")
    world.post(1, host, seen.append, "next")
    world.run(1)
    assert seen[0][0] == "exception while receiving"
    assert "ValueError" in seen[0][1]
    assert seen[1] == "next"


def test_a_future_of_another_loop_is_refused(world: World, stock_loop: asyncio.AbstractEventLoop) -> None:
    other = world.new_loop("b")
    ours: list[Awaitable[Any]] = [other.create_future(), other.create_task(asyncio.sleep(0))]
    foreign = [*ours, stock_loop.create_future()]

    async def main() -> Log:
        seen = []
        for awaitable in foreign:
            with pytest.raises(RuntimeError, match="attached to a different loop"):
                await awaitable
            seen.append(type(awaitable))
        return seen

    assert run_on(world, main()) == [Future, Task, asyncio.Future]


def test_stock_tasks_work_beside_ours(world: World) -> None:
    log: Log = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stock = asyncio.Task(steps(log, "stock"), loop=loop, name="stock")
        ours = loop.create_task(steps(log, "ours"))
        assert {stock, ours} < asyncio.all_tasks()
        log.append(await asyncio.gather(stock, ours))
        async with asyncio.timeout(1):
            cancelled = asyncio.Task(asyncio.sleep(9), loop=loop)
            with suppress(TimeoutError):
                await asyncio.wait_for(cancelled, 0.5)
        log.append((cancelled.cancelled(), loop.time()))

        async def of_stock() -> None:
            log.append(await loop.create_task(asyncio.sleep(0, "ours within stock")))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(steps(log, "group within stock", 1))

        await asyncio.Task(of_stock(), loop=loop)

    run_on(world, main())
    assert log == [
        *(entry for number in range(3) for entry in (("stock", number), ("ours", number))),
        ("stock", "done"),
        ("ours", "done"),
        ["stock", "ours"],
        (True, 0.5),
        "ours within stock",
        ("group within stock", 0),
        ("group within stock", "done"),
    ]


def test_a_task_factory_is_obeyed(world: World) -> None:
    host = world.new_loop("a")
    host.set_task_factory(lambda loop, coroutine, **options: asyncio.Task(coroutine, loop=loop, **options))

    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(0), name="made to order")
        assert type(task) is asyncio.Task
        assert task.get_name() == "made to order"
        await task

    run_on(world, main(), host)


def test_a_traceback_names_the_lines_that_failed_and_not_much_of_the_kernel(world: World) -> None:
    async def deep() -> None:
        await asyncio.sleep(1)
        raise ValueError("deep")

    async def main() -> None:
        await asyncio.create_task(deep())

    host = world.new_loop("a")
    task = host.create_task(main())
    world.run(2 * SECOND)
    error = task.exception()
    assert isinstance(error, ValueError)
    functions = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert [name for name in functions if name in {"main", "deep"}] == ["main", "deep"]
    assert len(functions) <= 5


def test_a_suspended_task_shows_its_stack(world: World) -> None:
    async def waiting() -> None:
        await asyncio.get_running_loop().create_future()

    task = world.new_loop("a").create_task(waiting())
    world.run(SECOND)
    assert [frame.f_code.co_name for frame in task.get_stack()] == ["waiting"]
    assert "wait_for=<Future pending" in repr(task)


def test_work_for_a_thread_is_done_inline(world: World) -> None:
    log: Log = []
    run_on(world, executor(log))
    assert log == [42, 8]
    assert world.new_loop("b").time() == 1000


def test_a_host_loop_cannot_be_run_or_stopped_from_outside(world: World) -> None:
    host = world.new_loop("a")
    for call in (host.run_forever, host.stop, lambda: host.run_until_complete(asyncio.sleep(0))):
        with pytest.raises(RuntimeError, match="run by the simulation"):
            call()


def test_networking_without_a_network_is_an_os_error(world: World) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        attempts: tuple[Callable[[], Coroutine[Any, Any, Any]], ...] = (
            lambda: asyncio.open_connection("b", 1),
            lambda: asyncio.start_server(lambda reader, writer: None, "a", 1),
            lambda: loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("a", 1)),
            lambda: loop.getaddrinfo("b", 1),
            lambda: loop.getnameinfo(("b", 1)),
        )
        for attempt in attempts:
            with pytest.raises(OSError, match="has no network"):
                await attempt()

    run_on(world, main())


SETS = """
import asyncio
from simkit.kernel import World

noise = [bytearray(n % 997) for n in range({noise})]
del noise[::3]
world = World(1)
log = []


async def wait(number):
    await asyncio.sleep(number % 3)
    return number


async def main():
    loop = asyncio.get_running_loop()
    keep = []
    tasks = set()
    for number in range(40):
        keep.append(bytearray({noise} % 89 + number))
        tasks.add(loop.create_task(wait(number), name=str(number)))
    log.append([task.get_name() for task in tasks])
    log.append([task.get_name() for task in asyncio.all_tasks()])
    futures = {{loop.create_future() for _ in range(40)}}
    for place, future in enumerate(futures):
        future.set_result(place)
    log.append([hash(future) - min(map(hash, futures)) for future in futures])
    while tasks:
        done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        log.append([task.result() for task in done])
    several = [loop.create_task(wait(number)) for number in range(20)]
    log.append([await task for task in asyncio.as_completed(several)])


world.new_loop("a").create_task(main())
world.run(10**10)
print(log)
"""


def test_sets_of_tasks_are_iterated_in_the_same_order_in_every_process() -> None:
    environment = dict(os.environ, PYTHONHASHSEED="0")
    outputs = set()
    for noise in (0, 1_000, 77_777):
        command = [sys.executable, "-c", SETS.format(noise=noise)]
        outputs.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(outputs) == 1
    assert len(outputs.pop()) > 500


def test_the_set_of_all_tasks_does_not_depend_on_other_worlds() -> None:
    orders = []
    for tasks_elsewhere in (0, 1, 7):
        elsewhere, world = World(1), World(1)
        kept = [elsewhere.control.create_task(asyncio.sleep(9)) for _ in range(tasks_elsewhere)]
        host = world.new_loop("a")
        for number in range(20):
            host.create_task(asyncio.sleep(9), name=str(number))
        world.run(SECOND)
        orders.append([task.get_name() for task in asyncio.all_tasks(host)])
        for each in (world, elsewhere):
            each.run(10 * SECOND)
            each.close()
        assert all(task.done() for task in kept)
    assert orders[0] == orders[1] == orders[2]


def test_a_callback_that_fails_on_a_bare_loop_is_logged_and_ends_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    loop, ran = world.new_loop("a"), []
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(ran.append, 1)
    world.run(SECOND)
    assert ran == [1]
    assert "ZeroDivisionError" in caplog.text
