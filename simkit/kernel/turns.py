"""What a loop has to do in its turns, and what code on a host asks most: call soon, call later, make a task.

Twin of `core/turns.c`, which takes the place of `Turns` where the compiled core runs. `HostLoop` is built on either.

It deliberately knows neither signals nor executors nor clocks that are not the world's: those are `loop`'s.
"""

import asyncio
import contextvars
from asyncio import events
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from math import ceil, isnan
from typing import TYPE_CHECKING, Any, Protocol

from simkit.kernel.core import compiled
from simkit.kernel.handles import Timer, set_unless_done
from simkit.kernel.posted import Posted
from simkit.kernel.task import Future, Task

if TYPE_CHECKING:
    from simkit.kernel.world import World

NEVER_NS = 2**62
_NEVER_S = NEVER_NS / 1e9


class LoopClock(Protocol):
    """What a loop needs to know of its machine's clock."""

    perfect: bool

    def monotonic_ns(self) -> int:
        """Return what the clock shows now."""
        ...

    def world_ns(self, monotonic_ns: int) -> int:
        """Return the smallest world time at which the clock shows at least `monotonic_ns`."""
        ...


class Turns:
    """The ready queue, received I/O and due timers of a loop, and its tasks; the attributes stand at `HostLoop`."""

    alive = True
    frozen = False
    host: Any = None
    stack: Any = None
    _task_factory: Any = None
    _exception_handler: Any = None
    _context: Context | None = None

    def __init__(self, world: "World", name: str, index: int) -> None:
        self.world = world
        self.name = name
        self.index = index
        # What every step looks at stands in the object: a default of the class takes ten times as long to find.
        self.halted = False
        self.awake = False  # queued for a round, or taking its turn
        self.clock: LoopClock | None = None
        self.tasks: dict[int, Task] = {}
        self._ready: list[Any] | None = None
        self._received: list[Posted] | None = None
        self._due: list[Timer] | None = None
        self._timers: list[tuple[int, int, Timer]] | None = None  # a heap in host time, while the clock is imperfect

    @property
    def context(self) -> Context:
        if self._context is None:
            self._context = contextvars.Context()
        return self._context

    # -- time

    def time(self) -> float:
        """Return the host's monotonic time in seconds."""
        return self._host_ns() / 1e9

    def _host_ns(self) -> int:
        clock = self.clock
        return self.world.now_ns if clock is None or clock.perfect else clock.monotonic_ns()

    # -- what asyncio asks for

    get_debug = bool  # False, and at once: every future asks

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> events.Handle:
        if type(callback) is Task:  # its future is done
            self.enqueue(callback)
            return callback  # type: ignore[return-value]
        handle = events.Handle(callback, args, self, context)  # type: ignore[arg-type]
        self.enqueue(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Timer:
        if delay is None:
            raise TypeError("delay must not be None")
        when = self.time() + delay
        return self._set_timer(when, deadline_ns(when), callback, args, context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Timer:
        if when is None:
            raise TypeError("when must not be None")
        return self._set_timer(when, deadline_ns(when), callback, args, context)

    def call_at_ns(self, deadline_ns: int, callback: Callable[..., object], *args: Any) -> Timer:
        """Like `call_at`, with the host's monotonic time in integer nanoseconds, which floats lose after some weeks."""
        return self._set_timer(deadline_ns / 1e9, deadline_ns, callback, args, None)

    def _set_timer(
        self, when: float, due_ns: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> Timer:
        timer = Timer(when, due_ns, self.world.next_sequence(), callback, args, self, context)  # type: ignore[arg-type]
        if self.alive and due_ns < NEVER_NS:
            self._schedule(timer)
        return timer

    def _schedule(self, timer: Timer) -> None:
        clock = self.clock
        if clock is not None and not clock.perfect:
            self._schedule_in_host_time(timer)
        elif timer.deadline_ns <= self.world.now_ns:
            self.timer_due(timer)
        else:
            self.world.push(timer.deadline_ns, timer.sequence, self, timer)  # type: ignore[arg-type]

    def _schedule_in_host_time(self, timer: Timer) -> None:
        raise NotImplementedError  # the loop's business, as with the next one

    def _collect_host_timers(self) -> None:
        raise NotImplementedError

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        if handle._scheduled:  # type: ignore[attr-defined]
            self.world.timer_cancelled()

    def create_future(self) -> Future:
        return Future(loop=self)  # type: ignore[arg-type]

    def create_task(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, Any, Any],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        if self._task_factory is not None:
            task: asyncio.Task[Any] = (
                self._task_factory(self, coro) if context is None else self._task_factory(self, coro, context=context)
            )
            if name is not None:
                task.set_name(name)
            return task
        return Task(coro, loop=self, name=name, context=context)  # type: ignore[arg-type]

    # -- what the world calls

    def enqueue(self, runnable: Any) -> None:
        """Append a handle or a task to the ready queue."""
        if not self.alive:
            self.world.graveyard.append(runnable)
            return
        if self._ready is None:
            self._ready = [runnable]
        else:
            self._ready.append(runnable)
        if not self.awake:
            self.world.wake(self)  # type: ignore[arg-type]

    def take_back(self, runnables: list[Any]) -> None:
        """Keep what a pass has left because the host was stopped in the middle of it."""
        if self.alive:
            self._ready = runnables + (self._ready or [])
        else:
            self.world.graveyard.append(runnables)

    def receive(self, posted: Posted) -> None:
        """Keep received I/O for the next pass."""
        if not self.alive:
            self.world.graveyard.append(posted)
            return
        if self._received is None:
            self._received = []
        self._received.append(posted)
        if not self.awake:
            self.world.wake(self)  # type: ignore[arg-type]

    def as_timer(self, task: Task, due_ns: int, sequence: int) -> Timer:
        """Make of a task in the world's queue what `asyncio.sleep` would have made: a timer with a future."""
        future = task.await_future()
        return Timer(due_ns / 1e9, due_ns, sequence, set_unless_done, (future,), self, task.get_context())  # type: ignore[arg-type]

    def timer_due(self, timer: Timer) -> None:
        """Keep a timer that fell due for the next pass."""
        if not self.alive:
            self.world.graveyard.append(timer)
            return
        if self._due is None:
            self._due = []
        self._due.append(timer)
        if not self.awake:
            self.world.wake(self)  # type: ignore[arg-type]

    def gather(self) -> None:
        """Begin a pass: append received I/O, then due timers, to the ready queue."""
        if self._received:
            if self._ready:
                self._ready += self._received
            else:
                self._ready = self._received
            self._received = None
        if self._timers:
            self._collect_host_timers()
        due = self._due
        if due:
            if len(due) > 1:
                due.sort(key=Timer.order)
            for timer in due:
                timer._scheduled = False
            if self._ready:
                self._ready += due
            else:
                self._ready = due
            self._due = None

    def has_work(self) -> bool:
        """Return whether there is something to do now."""
        return bool(self._ready or self._received or self._due or self._timers)

    def surrender(self) -> tuple[Any, ...]:
        """Return what there was to do, and forget it: the host is dead."""
        had = self._ready, self._received, self._due, self._timers
        self._ready = self._received = self._due = self._timers = None
        return had


def deadline_ns(when: float) -> int:
    """Return the smallest integer of nanoseconds that `loop.time()` shows as at least `when` seconds."""
    if 0.0 < when < _NEVER_S:
        ns = ceil(when * 1e9)
        while ns / 1e9 < when:
            ns += 1
        while (ns - 1) / 1e9 >= when:
            ns -= 1
        return ns
    if isnan(when):
        raise ValueError("a deadline cannot be NaN")
    return NEVER_NS if when > 0.0 else 0


if compiled is not None:
    Turns = compiled.Turns  # type: ignore[misc]
