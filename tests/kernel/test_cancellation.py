"""Groups, timeouts, waiting and cancellation behave on a host as they do on the stock loop.

Whole programs are compared by what they tell, step by step.
"""

import asyncio
from asyncio import CancelledError
from collections.abc import Callable, Coroutine
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


async def group_of_tasks(log: Log) -> Any:
    async with asyncio.TaskGroup() as tasks:
        made = [tasks.create_task(steps(log, name), name=name) for name in "abc"]
        log.append([task.get_name() for task in made])
    return [task.result() for task in made]


async def group_with_a_failure(log: Log) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(failing(log, "a", 2))
            tasks.create_task(steps(log, "b", 9))
            tasks.create_task(failing(log, "c", 2))
            await steps(log, "body", 9)
    except* ValueError as errors:
        log.append([error.args for error in errors.exceptions])


async def group_that_is_cancelled(log: Log) -> None:
    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(steps(log, "a", 9))
            await steps(log, "body", 9)

    task = asyncio.create_task(group())
    await steps(log, "outside", 2)
    task.cancel()
    log.append(await asyncio.gather(task, return_exceptions=True))


async def group_in_a_group(log: Log) -> None:
    with suppress(BaseExceptionGroup):
        async with asyncio.TaskGroup() as outer:
            outer.create_task(failing(log, "outer", 4))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(steps(log, "inner", 9))


async def timeout_that_expires(log: Log) -> None:
    for seconds in (0, -1, 0.5, 2):
        try:
            async with asyncio.timeout(seconds) as scope:
                await asyncio.get_running_loop().create_future()
        except TimeoutError as error:
            log.append((seconds, scope.expired(), repr(scope), type(error.__cause__)))
        task = asyncio.current_task()
        assert task is not None
        log.append(task.cancelling())


async def timeout_that_does_not(log: Log) -> None:
    async with asyncio.timeout(5) as scope:
        await asyncio.sleep(1)
        scope.reschedule(asyncio.get_running_loop().time() + 0.25)
        await asyncio.sleep(0.125)
    log.append((scope.expired(), asyncio.get_running_loop().time()))
    async with asyncio.timeout(None):
        await asyncio.sleep(100)


async def timeouts_in_timeouts(log: Log) -> None:
    try:
        async with asyncio.timeout(1):
            try:
                async with asyncio.timeout(2):
                    await asyncio.sleep(9)
            except TimeoutError:
                log.append("inner")
    except TimeoutError:
        log.append(("outer", asyncio.get_running_loop().time()))


async def timeout_and_cancel_at_once(log: Log) -> None:
    async def guarded() -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(9)

    task = asyncio.create_task(guarded())
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_at(1.0000001, task.cancel, "late")
    log.append(await asyncio.gather(task, return_exceptions=True))


async def waiting_for(log: Log) -> None:
    log.append(await asyncio.wait_for(steps(log, "a"), 5))
    for seconds in (0, 1):
        try:
            await asyncio.wait_for(asyncio.sleep(9), seconds)
        except TimeoutError:
            log.append(asyncio.get_running_loop().time())
    task = asyncio.create_task(asyncio.wait_for(steps(log, "b", 9), 7))
    await steps(log, "c", 2)
    task.cancel()
    log.append(await asyncio.gather(task, return_exceptions=True))


def tasks_of_seconds(*seconds: float) -> list[asyncio.Task[float]]:
    return [asyncio.create_task(asyncio.sleep(duration, duration)) for duration in seconds]


async def waiting_for_several(log: Log) -> None:
    tasks = tasks_of_seconds(3, 1, 2)
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    log.append(([task.result() for task in done], len(pending)))
    done, pending = await asyncio.wait(tasks, timeout=1.5)
    log.append((sorted(task.result() for task in done), len(pending)))
    # As tasks: `as_completed` puts what it is given into a set, and a bare coroutine hashes by its address.
    several = [asyncio.create_task(steps(log, name, count)) for name, count in (("a", 4), ("b", 1))]
    log.append([await task for task in asyncio.as_completed(several)])
    with suppress(TimeoutError):
        for task in asyncio.as_completed(tasks_of_seconds(1, 5), timeout=2):
            log.append(await task)


async def gathering(log: Log) -> None:
    log.append(await asyncio.gather(steps(log, "a"), steps(log, "b", 1), asyncio.sleep(1, "c")))
    log.append(await asyncio.gather(failing(log, "d"), steps(log, "e"), return_exceptions=True))
    try:
        await asyncio.gather(failing(log, "f"), steps(log, "g", 4))
    except ValueError as error:
        log.append(error.args)
    gathered = asyncio.gather(steps(log, "h", 9), steps(log, "i", 9))
    await asyncio.sleep(0)
    gathered.cancel("gathered")
    log.append(await asyncio.gather(gathered, return_exceptions=True))
    log.append(await asyncio.gather())


async def shielding(log: Log) -> None:
    inner = asyncio.create_task(steps(log, "inner", 5))

    async def protected() -> str:
        return await asyncio.shield(inner)

    outer = asyncio.create_task(protected())
    await steps(log, "main", 2)
    outer.cancel()
    log.append(await asyncio.gather(outer, return_exceptions=True))
    log.append(await inner)
    shielded = asyncio.shield(failing(log, "nobody asks"))
    await asyncio.sleep(0)
    shielded.cancel()
    await steps(log, "main", 4)


async def cancelled_before_the_start(log: Log) -> None:
    task = asyncio.create_task(steps(log, "never"))
    log.append((task.cancel(), task.cancelling(), task.cancelled(), task.done()))
    log.append(await asyncio.gather(task, return_exceptions=True))
    log.append((task.cancelled(), task.cancel(), task.cancelling()))


async def cancelled_with_a_message(log: Log) -> None:
    async def wait() -> None:
        try:
            await asyncio.sleep(9)
        except CancelledError as error:
            log.append(error.args)
            raise

    for message in ("why", None, 5):
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel(message) if message is not None else task.cancel()
        try:
            await task
        except CancelledError as error:
            log.append(error.args)


async def cancellation_that_is_refused(log: Log) -> None:
    async def stubborn() -> str:
        task = asyncio.current_task()
        assert task is not None
        for _ in range(3):
            try:
                await asyncio.sleep(9)
            except CancelledError as error:
                log.append((error.args, task.cancelling(), task.uncancel()))
        return "finished"

    task = asyncio.create_task(stubborn())
    for number in range(3):
        await asyncio.sleep(0)
        log.append(task.cancel(number))
        log.append(task.cancel("again"))
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    log.append((await task, task.cancelled(), task.cancelling()))


async def cancellation_in_the_same_step_as_the_end(log: Log) -> None:
    async def suicidal(raising: bool) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("myself")
        if raising:
            raise ValueError
        return "returned"

    tasks = [asyncio.create_task(suicidal(raising)) for raising in (False, True)]
    log.append(await asyncio.gather(*tasks, return_exceptions=True))


async def cancellation_of_a_task_that_waits_for_one_that_is_done(log: Log) -> None:
    future = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        try:
            log.append(await future)
        except CancelledError:
            log.append("cancelled")
            raise

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    future.set_result("the result")
    task.cancel()
    log.append(await asyncio.gather(task, return_exceptions=True))


async def cancellation_withdrawn_before_it_arrives(log: Log) -> None:
    async def wait() -> None:
        try:
            log.append(await asyncio.sleep(0, "slept"))
        except CancelledError:
            log.append("cancelled")

    task = asyncio.create_task(wait())
    task.cancel()
    log.append(task.uncancel())
    log.append(await asyncio.gather(task, return_exceptions=True))


async def cancelled_error_raised_by_hand(log: Log) -> None:
    async def give_up() -> None:
        raise CancelledError("by hand")

    task = asyncio.create_task(give_up())
    try:
        await task
    except CancelledError as error:
        log.append(error.args)
    log.append((task.cancelled(), task.cancelling()))


PROGRAMS: tuple[Program, ...] = (
    group_of_tasks,
    group_with_a_failure,
    group_that_is_cancelled,
    group_in_a_group,
    timeout_that_expires,
    timeout_that_does_not,
    timeouts_in_timeouts,
    timeout_and_cancel_at_once,
    waiting_for,
    waiting_for_several,
    gathering,
    shielding,
    cancelled_before_the_start,
    cancelled_with_a_message,
    cancellation_that_is_refused,
    cancellation_in_the_same_step_as_the_end,
    cancellation_of_a_task_that_waits_for_one_that_is_done,
    cancellation_withdrawn_before_it_arrives,
    cancelled_error_raised_by_hand,
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_behaves_as_on_the_stock_loop(program: Program, on_host: Play, on_stock: Play) -> None:
    assert on_host(program) == on_stock(program)
