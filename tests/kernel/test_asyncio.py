"""Plain asyncio code behaves on a host as it does on the stock loop.

Whole programs are compared by what they tell, step by step; cancellation has a page of its own.
"""

import asyncio
import contextvars
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import pytest

Log = list[Any]
Program = Callable[[Log], Coroutine[Any, Any, Any]]
Play = Callable[[Program], str]


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


async def failing(log: Log, name: str, count: int = 1) -> None:
    await steps(log, name, count)
    raise ValueError(name)


async def who_am_i(log: Log) -> None:
    async def tell() -> None:
        task = asyncio.current_task()
        assert task is not None
        log.append((task.get_name(), task in asyncio.all_tasks(), len(asyncio.all_tasks())))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        asked = asyncio.current_task(), asyncio.current_task(None), asyncio.current_task(loop)
        log.append(
            [each is task for each in (*asked, asyncio.current_task(loop=loop), asyncio.current_task(loop=None))]
        )

    task = asyncio.create_task(tell(), name="first")
    other = asyncio.create_task(tell(), name="second")
    asyncio.get_running_loop().call_soon(lambda: log.append(asyncio.current_task()))
    await task
    await other
    log.append(len(asyncio.all_tasks()))


async def names(log: Log) -> None:
    task = asyncio.create_task(asyncio.sleep(0), name="one")
    log.append(task.get_name())
    task.set_name(2)
    log.append(task.get_name())
    log.append(asyncio.create_task(asyncio.sleep(0), name=None).get_name().startswith("Task-"))
    await task


async def context_variables(log: Log) -> None:
    variable = contextvars.ContextVar("variable", default="default")

    async def change(value: str) -> None:
        log.append(variable.get())
        variable.set(value)
        await asyncio.sleep(0)
        log.append(variable.get())

    variable.set("outer")
    await asyncio.gather(change("a"), change("b"))
    log.append(variable.get())
    own = contextvars.copy_context()
    await asyncio.create_task(change("c"), context=own)
    log.append((variable.get(), own[variable]))
    asyncio.get_running_loop().call_soon(lambda: log.append(own[variable]), context=own)
    asyncio.get_running_loop().call_later(1, lambda: log.append(variable.get()), context=own)
    await asyncio.sleep(2)


async def bad_yields(log: Log) -> None:
    class Bad:
        def __init__(self, value: object) -> None:
            self.value = value

        def __await__(self) -> Iterator[Any]:
            try:
                yield self.value
            except Exception as error:
                log.append((type(error), str(error).split("<")[0], asyncio.current_task() is not None))
                raise

    async def wait(value: object) -> None:
        await Bad(value)

    future = asyncio.get_running_loop().create_future()
    for value in (5, "text", future):
        task = asyncio.create_task(wait(value))
        with suppress(RuntimeError):
            await task
    await Bad(None)
    with pytest.raises(TypeError):
        asyncio.get_running_loop().create_task(5)  # type: ignore[arg-type]


async def waits_for_itself(log: Log) -> None:
    async def narcissist() -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            await task
        except RuntimeError as error:
            log.append(str(error).split(":")[0])

    await asyncio.create_task(narcissist())


async def failures_nobody_asks_for(log: Log) -> None:
    task = asyncio.create_task(failing(log, "a"))
    await steps(log, "main")
    del task
    log.append("dropped")
    task = asyncio.create_task(failing(log, "b"))
    await steps(log, "main")
    task.cancel()  # whoever cancels has taken notice
    del task
    future = asyncio.get_running_loop().create_future()
    future.set_exception(ValueError("c"))
    del future
    log.append("end")


async def failing_callbacks(log: Log) -> None:
    def fail() -> None:
        raise ValueError("callback")

    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.add_done_callback(lambda _: fail())
    future.add_done_callback(lambda done: log.append(done.result()))
    future.set_result("result")
    loop.call_soon(fail)
    loop.call_later(1, fail)
    await asyncio.sleep(2)


async def done_callbacks(log: Log) -> None:
    task = asyncio.create_task(steps(log, "a", 1))
    task.add_done_callback(lambda done: log.append(("callback", done.result())))
    gone = log.append
    task.add_done_callback(gone)
    log.append(task.remove_done_callback(gone))
    await task
    task.add_done_callback(lambda done: log.append("late callback"))
    log.append("before the late callback")
    await asyncio.sleep(0)


async def forbidden_results(log: Log) -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    for call in (lambda: task.set_result(1), lambda: task.set_exception(ValueError()), task.result, task.exception):
        try:
            call()
        except (RuntimeError, asyncio.InvalidStateError) as error:
            log.append((type(error), str(error)))
    await task
    log.append((task.result(), task.exception()))


async def stop_iteration(log: Log) -> None:
    async def stop() -> None:
        raise StopIteration("no")

    with suppress(RuntimeError):
        await asyncio.create_task(stop())
    future = asyncio.get_running_loop().create_future()
    with suppress(TypeError):
        future.set_exception(StopIteration())
    log.append(repr(future.exception()) if future.done() else "refused")  # later Pythons turn it into a RuntimeError


async def async_generators(log: Log) -> None:
    async def numbers(name: str) -> AsyncIterator[int]:
        try:
            for number in range(5):
                yield number
                await asyncio.sleep(0)
        except GeneratorExit:
            log.append((name, "exit"))
            raise
        finally:
            log.append((name, "finally"))

    log.append([number async for number in numbers("whole")])
    async for _ in numbers("dropped"):
        break
    await steps(log, "main")
    generator = numbers("closed")
    log.append(await anext(generator))
    await generator.aclose()  # type: ignore[attr-defined]
    generator = numbers("thrown into")
    await anext(generator)
    with suppress(ValueError):
        await generator.athrow(ValueError)  # type: ignore[attr-defined]


async def queues(log: Log) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce() -> None:
        for number in range(5):
            await queue.put(number)
            log.append(("put", number))

    async def consume(name: str) -> None:
        while True:
            log.append((name, await queue.get()))
            queue.task_done()

    consumers = [asyncio.create_task(consume(name)) for name in "ab"]
    await produce()
    await queue.join()
    for consumer in consumers:
        consumer.cancel()
    ordered: asyncio.PriorityQueue[int] = asyncio.PriorityQueue()
    for number in (3, 1, 2):
        ordered.put_nowait(number)
    log.append([await ordered.get() for _ in range(3)])


async def locks_and_events(log: Log) -> None:
    lock, event, semaphore = asyncio.Lock(), asyncio.Event(), asyncio.BoundedSemaphore(2)

    async def contend(name: str) -> None:
        async with lock:
            await steps(log, f"locked {name}", 1)
        async with semaphore:
            await steps(log, f"counted {name}", 2)
        await event.wait()
        log.append(f"free {name}")

    tasks = [asyncio.create_task(contend(name)) for name in "abcd"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await steps(log, "main", 12)
    event.set()
    log.append(await asyncio.gather(*tasks, return_exceptions=True))


async def conditions_and_barriers(log: Log) -> None:
    condition, barrier = asyncio.Condition(), asyncio.Barrier(3)
    open_ = False

    async def wait(name: str) -> None:
        async with condition:
            await condition.wait_for(lambda: open_)
            log.append(("through", name))
        log.append((name, await barrier.wait()))

    tasks = [asyncio.create_task(wait(name)) for name in "abc"]
    await asyncio.sleep(0)
    async with condition:
        condition.notify_all()
    await asyncio.sleep(0)
    async with condition:
        open_ = True
        condition.notify(2)
    await asyncio.sleep(1)
    async with condition:
        condition.notify()
    await asyncio.gather(*tasks)


async def sleeping(log: Log) -> None:
    async def sleep(seconds: float) -> None:
        log.append(await asyncio.sleep(seconds, seconds))

    await asyncio.gather(*(sleep(seconds) for seconds in (0.3, 0.1, 0, 2.5, -1, 0.2)))
    log.append(asyncio.get_running_loop().time())


async def running_a_coroutine_from_elsewhere(log: Log) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon_threadsafe(log.append, "called")
    await asyncio.sleep(0)
    log.append((loop.is_running(), loop.is_closed(), asyncio.isfuture(loop.create_future())))
    await loop.shutdown_asyncgens()


PROGRAMS: tuple[Program, ...] = (
    who_am_i,
    names,
    context_variables,
    bad_yields,
    waits_for_itself,
    failures_nobody_asks_for,
    failing_callbacks,
    done_callbacks,
    forbidden_results,
    stop_iteration,
    async_generators,
    queues,
    locks_and_events,
    conditions_and_barriers,
    sleeping,
    running_a_coroutine_from_elsewhere,
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_behaves_as_on_the_stock_loop(program: Program, on_host: Play, on_stock: Play) -> None:
    assert on_host(program) == on_stock(program)
