"""Plain asyncio code behaves on a host as it does on the stock loop.

Where time matters, the stock loop is given a clock that jumps, so that nothing here waits for real time. Whole
programs are compared by what they tell; Hypothesis writes some more of them.
"""

import asyncio
import contextvars
import os
import subprocess
import sys
import traceback
from asyncio import CancelledError
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.kernel import Future, HostLoop, Task, World

SECOND = 10**9
Log = list[Any]
Program = Callable[[Log], Coroutine[Any, Any, Any]]


class StockLoop(asyncio.BaseEventLoop):
    """The stock loop with stock tasks, but time jumps to the next timer instead of passing."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-9
        self._selector = self

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing left to do")
        self._now += timeout
        return []

    def _process_events(self, event_list: object) -> None: ...

    def _write_to_self(self) -> None: ...


def complaints_into(log: Log) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    return lambda loop, context: log.append((context["message"], repr(context.get("exception"))))


def on_stock(program: Program) -> Log:
    """Run `program` on the stock loop; return what it told and what the loop complained about."""
    log: Log = []
    loop = StockLoop()
    loop.set_exception_handler(complaints_into(log))
    try:
        log.append(("returns", loop.run_until_complete(program(log))))
    finally:
        loop.close()
    return log


def on_host(program: Program) -> Log:
    """Run `program` as the only task of a host; return what it told and what the loop complained about."""
    log: Log = []
    world = World(1)
    host = world.new_loop("a")
    host.set_exception_handler(complaints_into(log))
    task = host.create_task(program(log))
    try:
        world.run(1000 * SECOND)
        log.append(("returns", task.result()))
    finally:
        world.close()
    return log


# -- programs that tell what happens to them


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


async def who_am_i(log: Log) -> None:
    async def tell() -> None:
        task = asyncio.current_task()
        assert task is not None
        log.append((task.get_name(), task in asyncio.all_tasks(), len(asyncio.all_tasks())))
        await asyncio.sleep(0)
        log.append(asyncio.current_task() is task)

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


async def executor(log: Log) -> None:
    def double(number: int) -> int:
        if number < 0:
            raise ValueError(number)
        return number * 2

    log.append(await asyncio.get_running_loop().run_in_executor(None, double, 21))
    log.append(await asyncio.to_thread(double, 4))
    with suppress(ValueError):
        await asyncio.to_thread(double, -1)


async def running_a_coroutine_from_elsewhere(log: Log) -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon_threadsafe(log.append, "called")
    await asyncio.sleep(0)
    log.append((loop.is_running(), loop.is_closed(), asyncio.isfuture(loop.create_future())))
    await loop.shutdown_asyncgens()


SHARED = (
    group_of_tasks, group_with_a_failure, group_that_is_cancelled, group_in_a_group,
    timeout_that_expires, timeout_that_does_not, timeouts_in_timeouts, timeout_and_cancel_at_once,
    waiting_for, waiting_for_several, gathering, shielding,
    cancelled_before_the_start, cancelled_with_a_message, cancellation_that_is_refused,
    cancellation_in_the_same_step_as_the_end, cancellation_of_a_task_that_waits_for_one_that_is_done,
    cancellation_withdrawn_before_it_arrives, cancelled_error_raised_by_hand,
    who_am_i, names, context_variables, bad_yields, waits_for_itself,
    failures_nobody_asks_for, failing_callbacks, done_callbacks, forbidden_results, stop_iteration,
    async_generators, queues, locks_and_events, conditions_and_barriers, sleeping,
    running_a_coroutine_from_elsewhere,
)  # fmt: skip


def plain(log: Log) -> str:
    """Return a log as text: exceptions are not equal to their likes, but they read alike."""
    return "\n".join(map(repr, log))


@pytest.mark.parametrize("program", SHARED, ids=lambda program: program.__name__)
def test_a_program_behaves_as_on_the_stock_loop(program: Program) -> None:
    assert plain(on_host(program)) == plain(on_stock(program))


# -- programs that Hypothesis writes

TASKS = 5
VERBS = (
    "sleep", "nap", "spawn", "spawn", "spawn", "cancel", "cancel", "await", "shield", "gather", "wait", "set",
    "await event", "clear", "put", "get", "lock", "count", "raise", "timeout", "wait for", "refuse", "uncancel",
    "group", "finish",
)  # fmt: skip


class Company:
    """Some tasks that spawn, cancel and wait for each other, as a string of bytes tells them to: two for each step."""

    def __init__(self, log: Log, text: bytes) -> None:
        self.log = log
        self.texts = [text[number::TASKS] for number in range(TASKS)]
        self.tasks: dict[int, asyncio.Task[Any]] = {}
        self.event, self.lock, self.semaphore = asyncio.Event(), asyncio.Lock(), asyncio.Semaphore(2)
        self.queue: asyncio.Queue[int] = asyncio.Queue(1)
        self.delays = 0

    def delay(self) -> float:
        """Return a delay that is not the sum of any others: the stock loop has no order for equal deadlines."""
        self.delays += 1
        return 0.001 * (3 + self.delays) ** 0.5

    def spawn(self, number: int) -> asyncio.Task[Any]:
        if number not in self.tasks:
            self.tasks[number] = asyncio.create_task(self.member(number))
        return self.tasks[number]

    async def member(self, number: int) -> int:
        """Take the steps of one task, telling how each of them ends."""
        text = self.texts[number]
        for place in range(0, len(text) - 1, 2):
            verb, other = VERBS[text[place] % len(VERBS)], text[place + 1] % TASKS
            refuses = text[place + 1] >= 90
            if verb in {"await", "shield", "gather", "wait", "wait for"} and other <= number:
                continue  # tasks that wait for each other in a circle cannot be cancelled, here or there
            try:
                result = await self.step(verb, number, other)
                self.log.append((number, verb, result))
            except CancelledError:
                self.log.append((number, verb, "cancelled", self.tasks[number].cancelling()))
                if not refuses:
                    raise
                if text[place + 1] % 2:
                    self.tasks[number].uncancel()
            except TimeoutError:
                self.log.append((number, verb, "too late"))
            except (ValueError, ExceptionGroup) as error:
                self.log.append((number, verb, repr(error)))
                if not refuses:
                    raise
        return number

    async def step(self, verb: str, number: int, other: int) -> Any:
        match verb:
            case "sleep":
                return await asyncio.sleep(0)
            case "nap":
                return await asyncio.sleep(self.delay())
            case "spawn":
                return self.spawn(other).done()
            case "cancel":
                return self.spawn(other).cancel()
            case "await":
                return await self.spawn(other)
            case "shield":
                return await asyncio.shield(self.spawn(other))
            case "gather":
                return await asyncio.gather(self.spawn(other), asyncio.sleep(0), return_exceptions=other % 2 == 0)
            case "wait":
                done, pending = await asyncio.wait({self.spawn(other)}, timeout=self.delay())
                return len(done), len(pending)
            case "set":
                return self.event.set()
            case "await event":
                return await self.event.wait()
            case "clear":
                return self.event.clear()
            case "put":
                return await self.queue.put(number)
            case "get":
                return await self.queue.get()
            case "lock":
                async with self.lock:
                    return await asyncio.sleep(0, "locked")
            case "count":
                async with self.semaphore:
                    return await asyncio.sleep(self.delay(), "counted")
            case "raise":
                raise ValueError(number)
            case "timeout":
                async with asyncio.timeout(self.delay()):
                    return await self.event.wait()
            case "wait for":
                return await asyncio.wait_for(asyncio.shield(self.spawn(other)), self.delay())
            case "refuse":
                return self.tasks[number].cancel()
            case "uncancel":
                return self.tasks[number].uncancel()
            case "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(asyncio.sleep(self.delay()))
                    return await self.event.wait()
            case _:
                return None

    async def play(self) -> list[Any]:
        """Let the tasks have their time, then cancel them until they end; return how each ended."""
        for number in range(3):
            self.spawn(number)
        for _ in range(len(self.texts[0]) + 2):
            await asyncio.sleep(self.delay())
            for task in self.tasks.values():
                if self.delays > 100:
                    task.cancel()
        while not all(task.done() for task in list(self.tasks.values())):
            for task in list(self.tasks.values()):
                task.cancel()
            await asyncio.sleep(self.delay())
        # Asking for the exceptions keeps the collector's moods out of the log.
        return [task.cancelled() or repr(task.exception()) for task in self.tasks.values()]


@settings(max_examples=200, deadline=None)
@given(text=st.binary(min_size=40, max_size=240))
def test_every_program_of_tasks_behaves_as_on_the_stock_loop(text: bytes) -> None:
    def program(log: Log) -> Coroutine[Any, Any, Any]:
        async def play() -> Any:
            return await Company(log, text).play()

        return play()

    assert plain(on_host(program)) == plain(on_stock(program))


# -- what only a simulation has


@pytest.fixture
def world() -> Iterator[World]:
    world = World(1)
    yield world
    world.close()


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
    host.set_exception_handler(complaints_into(seen))
    world.post(1, host, int, "no number")
    world.post(1, host, seen.append, "next")
    world.run(1)
    assert seen[0][0] == "exception while receiving"
    assert "ValueError" in seen[0][1]
    assert seen[1] == "next"


def test_a_future_of_another_loop_is_refused(world: World) -> None:
    other, stock = world.new_loop("b"), StockLoop()
    foreign: list[Awaitable[Any]] = [other.create_future(), other.create_task(asyncio.sleep(0)), stock.create_future()]

    async def main() -> Log:
        seen = []
        for awaitable in foreign:
            with pytest.raises(RuntimeError, match="attached to a different loop"):
                await awaitable
            seen.append(type(awaitable))
        return seen

    assert run_on(world, main()) == [Future, Task, asyncio.Future]
    stock.close()


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
        await asyncio.sleep(9)

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
