"""Tasks that spawn, cancel and wait for each other behave on a host as they do on the stock loop.

Hypothesis writes the programs; each tells how every step of every task ends, and both tellings must be the same.
"""

import asyncio
from asyncio import CancelledError
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

Log = list[Any]
Program = Callable[[Log], Coroutine[Any, Any, Any]]
Play = Callable[[Program], str]
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
def test_every_program_of_tasks_behaves_as_on_the_stock_loop(text: bytes, on_host: Play, on_stock: Play) -> None:
    def program(log: Log) -> Coroutine[Any, Any, Any]:
        async def play() -> Any:
            return await Company(log, text).play()

        return play()

    assert on_host(program) == on_stock(program)
