"""Small worlds that Hypothesis writes: guests on several hosts who sleep, wake, call, fail and cancel each other.

What a run tells must not depend on which sleep the guests use (`test_sleep`), nor on which core runs (`test_twins`).
"""

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from simkit.hosts.clock import Clock
from simkit.kernel import HostLoop, Mailbox, World, semaphore
from simkit.kernel import sleep as kernel_sleep

Log = list[Any]
MEMORY: ContextVar[int] = ContextVar("memory", default=0)
Sleep = Callable[..., Awaitable[Any]]
HOSTS, TASKS, END_NS = 3, 6, 40
VERBS = (
    "sleep", "sleep", "sleep", "sleep", "sleep", "stock sleep", "bare", "post", "call", "timer", "spawn", "cancel",
    "cancel", "uncancel", "time out", "shield", "freeze", "thaw", "thaw", "drift", "bury", "raise", "await", "gather",
    "give", "take", "fail", "write", "remember", "recall", "write to", "read", "read", "hold", "hold", "hold", "ask",
    "hand in", "shelve", "shelve", "fetch", "fetch",
)  # fmt: skip


class Places(asyncio.Semaphore):
    """Rooms of a host, with the kernel's methods whether or not asyncio's own class has them."""


semaphore.install(Places)


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
        self.parcels: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in self.loops]
        self.places = [Places(number) for number in range(HOSTS)]
        self.shelves: list[asyncio.Queue[int]] = [asyncio.Queue(1) for _ in self.loops]
        self.letters = [Mailbox() for _ in range(TASKS)]
        for number, loop in enumerate(self.loops):
            loop.set_exception_handler(partial(self.complain, number))
        self.tasks = {number: self.spawn(number) for number in range(TASKS)}

    def loop(self, number: int) -> HostLoop:
        return self.loops[number % HOSTS]

    def spawn(self, number: int) -> asyncio.Task[Any]:
        return self.loop(number).create_task(self.guest(number))

    def complain(self, number: int, loop: object, context: dict[str, Any]) -> None:
        """Take an exception that nobody awaits; if it came from outside, it may be the end of the host."""
        error = context.get("exception")
        self.tell(number, "complaint", "in a task" if "future" in context else "outside", type(error).__name__)
        if "future" not in context and isinstance(error, ValueError) and error.args[0] < 20:
            self.loops[number].bury()

    def tell(self, *what: object) -> None:
        self.log.append((self.world.now_ns, *what))

    def give(self, number: int, parcel: int) -> None:
        self.tell(number, "gives", MEMORY.get())
        self.parcels[parcel % HOSTS].put_nowait(parcel)

    def fail(self, other: int) -> None:
        raise ValueError(other)

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
            except (ValueError, RuntimeError) as error:
                self.tell(number, verb, "failed", *error.args)
                if other < 100:
                    raise

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
            case "raise":
                raise ValueError(other)
            case "await" if number < HOSTS:  # one of the same host, and never in a circle
                return await self.tasks[number + HOSTS]
            case "gather" if number < HOSTS:
                several = (self.tasks[number + HOSTS], self.sleep(delay_s, "gathered"))
                return len(await asyncio.gather(*several, return_exceptions=other < 128))
            case "give":
                self.world.post(self.world.now_ns + other % 5, self.loop(other), self.give, number, other)
            case "take":
                return await self.parcels[number % HOSTS].get()
            case "hold":
                async with self.places[number % HOSTS]:
                    return await self.sleep(delay_s, "held")
            case "ask":
                return f"{self.places[number % HOSTS].locked()} {await self.places[number % HOSTS].acquire()}"
            case "hand in":
                self.places[number % HOSTS].release()
            case "shelve":
                return await self.shelves[number % HOSTS].put(other)
            case "fetch":
                return await self.shelves[number % HOSTS].get()
            case "write to":
                self.world.post(self.world.now_ns + other % 5, self.loop(other), self.letters[other % TASKS].put, other)
            case "read":
                return await self.letters[number].get()
            case "fail":
                self.world.post(self.world.now_ns + other % 5, self.loop(other), self.fail, other)
            case "write":
                self.world.records.write("history", str(number), other, delay_s, payload=bytes([other]))
            case "remember":
                MEMORY.set(other)
            case "recall":
                return MEMORY.get()
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
