"""A host's asyncio event loop in virtual time.

Every host has a loop of its own, and all of them share the world's queue. While a host's code runs, the running loop is
that host's and `loop.time()` is that host's clock, so that plain asyncio code needs to know nothing of the simulation.
A loop costs next to nothing until it is used: what is seldom needed has a default in the class and is made late.

It deliberately has no selector, no threads and no way to be run by itself; sockets are the business of `stack`, which
the network room provides.
"""

import asyncio
import contextvars
from asyncio import events
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from functools import partial
from heapq import heapify, heappop, heappush
from math import ceil, isnan
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from simkit.kernel.executor import submit
from simkit.kernel.networking import Networking
from simkit.kernel.task import Future, Task, stock_registered

if TYPE_CHECKING:
    from simkit.kernel.world import World

NEVER_NS = 2**62
_NEVER_S = NEVER_NS / 1e9
_MORE_CANCELLED_THAN = 128


class LoopClock(Protocol):
    """What a loop needs to know of its machine's clock."""

    perfect: bool

    def monotonic_ns(self) -> int:
        """Return what the clock shows now."""
        ...

    def world_ns(self, monotonic_ns: int) -> int:
        """Return the smallest world time at which the clock shows at least `monotonic_ns`."""
        ...


class Timer(events.TimerHandle):
    """What `call_at` returns; `deadline_ns` is in the host's monotonic time."""

    __slots__ = ("deadline_ns", "sequence")

    _loop: "HostLoop"

    def __init__(
        self,
        when: float,
        deadline_ns: int,
        sequence: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: "HostLoop",
        context: Context | None,
    ) -> None:
        # What the initialisers of TimerHandle and Handle do, in one call instead of three.
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when
        self.deadline_ns = deadline_ns
        self.sequence = sequence
        self._scheduled = True

    def order(self) -> tuple[int, int]:
        """Return the place among the timers that fall due together."""
        return self.deadline_ns, self.sequence


class Posted:
    """Something a host receives from outside: `world.post` returns it, `cancel` takes it back."""

    __slots__ = ("_args", "_callback", "_cancelled", "_loop", "_scheduled")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], loop: "HostLoop") -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._cancelled = False
        self._scheduled = False  # it waits in the world's queue for a later instant

    def cancel(self) -> None:
        """Let it not happen."""
        if self._scheduled and not self._cancelled:
            self._loop.world.timer_cancelled()
        self._cancelled = True

    def _run(self) -> None:
        try:
            # In the receiver's own context: tracing spans and the like must not travel from host to host by themselves.
            loop = self._loop
            context = loop._context
            if context is None:
                context = loop.context
            context.run(self._callback, *self._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._loop.call_exception_handler({"message": "exception while receiving", "exception": error})


class SignalHandle(events.Handle):
    """What `add_signal_handler` puts into the place of a handler: it lets the callback run in the next pass."""

    _loop: "HostLoop"

    def __call__(self, number: int, frame: object) -> None:
        self._loop.enqueue(self)


class HostLoop(Networking):
    """The event loop of one incarnation of one host.

    Attributes:
        world: the world the host lives in.
        name, index: the host's.
        alive: False once the loop is buried; then nothing of it ever runs again and its methods are inert.
        frozen: True while the host is stopped by SIGSTOP.
        halted: buried or frozen.
        host, stack: set by the rooms that own them.
        clock: the machine's clock; None stands for a perfect one.
        tasks: every unfinished task by its number, which is the order of creation; the loop holds them, as nothing
            else may.
        signal_handlers: the handlers of the process by the signal's number, where they are not the default.
        executor_cost_ns: what a function that runs in an executor takes, besides what it sleeps.
        inline_sleep: what `time.sleep` calls while such a function runs; None at any other time.
    """

    alive = True
    frozen = False
    host: Any = None

    # Defaults of BaseEventLoop.__init__, which allocates eleven objects and is not called.
    _timer_cancelled_count = 0
    _closed = False
    _stopping = False
    _thread_id: int | None = None
    _debug = False
    _exception_handler: Any = None
    _task_factory: Any = None
    _default_executor: Any = None
    _current_handle: Any = None
    _executor_shutdown_called = False
    _asyncgens_shutdown_called = False
    _clock_resolution = 1e-9
    slow_callback_duration = 0.1

    _context: Context | None = None
    _signals: dict[int, Any] | None = None
    executor_cost_ns = 0
    inline_sleep: Callable[[float], None] | None = None
    _timer_entry: Any = None
    _armed_ns: int | None = None  # the deadline in host time that the entry is for

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

    def __del__(self) -> None:
        """Say nothing: a loop without a selector leaves nothing unclosed."""

    def __repr__(self) -> str:
        return f"<HostLoop {self.name or 'control'}{'' if self.alive else ' buried'}>"

    # -- lazily made parts

    @property
    def signal_handlers(self) -> dict[int, Any]:
        if self._signals is None:
            self._signals = {}
        return self._signals

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

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> events.Handle:  # type: ignore[override]
        if type(callback) is Task:  # its future is done
            self.enqueue(callback)
            return callback  # type: ignore[return-value]
        handle = events.Handle(callback, args, self, context)
        self.enqueue(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Timer:
        if delay is None:
            raise TypeError("delay must not be None")
        when = self.time() + delay
        return self._set_timer(when, deadline_ns(when), callback, args, context)

    def call_at(  # type: ignore[override]
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
        timer = Timer(when, due_ns, self.world.next_sequence(), callback, args, self, context)
        if self.alive and due_ns < NEVER_NS:
            self._schedule(timer)
        return timer

    def _schedule(self, timer: Timer) -> None:
        clock = self.clock
        if clock is None or clock.perfect:
            if timer.deadline_ns <= self.world.now_ns:
                self.timer_due(timer)
            else:
                self.world.push(timer.deadline_ns, timer.sequence, self, timer)
        else:
            if self._timers is None:
                self._timers = []
            heappush(self._timers, (timer.deadline_ns, timer.sequence, timer))
            self.arm()

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        if handle._scheduled:  # type: ignore[attr-defined]
            self.world.timer_cancelled()

    def create_future(self) -> Future:
        return Future(loop=self)

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
        return Task(coro, loop=self, name=name, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Run `func` inline in the next pass, whatever the executor; see `simkit.kernel.executor`."""
        return submit(self, partial(func, *args) if args else func)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Return at once: there are no threads."""

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that have begun on this loop and have not come to their end."""
        for generator in self.world.generators_of(self):
            try:
                await generator.aclose()
            except Exception as error:
                text = f"an error occurred during closing of asynchronous generator {generator!r}"
                self.call_exception_handler({"message": text, "exception": error, "asyncgen": generator})

    def run_forever(self) -> NoReturn:
        raise RuntimeError("this loop is run by the simulation; await instead of running it")

    def run_until_complete(self, future: Any) -> NoReturn:
        if asyncio.iscoroutine(future):
            future.close()
        raise RuntimeError("this loop is run by the simulation; await instead of running it")

    def stop(self) -> None:
        raise RuntimeError("this loop is run by the simulation; it cannot be stopped")

    def close(self) -> None:
        """Do nothing: the loop ends with its host."""

    # -- signals; the functions of the module `signal` write into the same table

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]
        if asyncio.iscoroutinefunction(callback):
            raise TypeError("coroutines cannot be used with add_signal_handler()")
        self.signal_handlers[sig] = SignalHandle(callback, args, self)

    def remove_signal_handler(self, sig: int) -> bool:
        if isinstance(self.signal_handlers.get(sig), SignalHandle):
            del self.signal_handlers[sig]
            return True
        return False

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
            self.world.wake(self)

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
            self.world.wake(self)

    def as_timer(self, task: Task, due_ns: int, sequence: int) -> Timer:
        """Make of a task in the world's queue what `asyncio.sleep` would have made: a timer with a future."""
        future = task.await_future()
        return Timer(due_ns / 1e9, due_ns, sequence, _set_unless_done, (future,), self, task.get_context())

    def timer_due(self, timer: Timer) -> None:
        """Keep a timer that fell due for the next pass."""
        if not self.alive:
            self.world.graveyard.append(timer)
            return
        if self._due is None:
            self._due = []
        self._due.append(timer)
        if not self.awake:
            self.world.wake(self)

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

    def _collect_host_timers(self) -> None:
        now_ns = self._host_ns()
        timers = self._timers
        while timers and timers[0][0] <= now_ns:
            timer = heappop(timers)[2]
            if self._due is None:
                self._due = []
            self._due.append(timer)
        self.arm()

    def arm(self) -> None:
        """Keep one entry in the world's queue, for the earliest timer in host time."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        earliest_ns = timers[0][0] if timers else None
        if earliest_ns == self._armed_ns:
            return
        if self._timer_entry is not None:
            self._timer_entry.cancel()
            self._timer_entry = None
        self._armed_ns = earliest_ns
        if earliest_ns is not None and self.clock is not None:
            at_ns = max(self.clock.world_ns(earliest_ns), self.world.now_ns)
            self._timer_entry = self.world.post(at_ns, self, _nothing)

    def clock_changed(self) -> None:
        """Move every timer to where it belongs under the clock's new rate."""
        self._armed_ns = None
        moved: list[Timer] = self.world.take_timers(self)
        if self._timers:
            moved += [entry[2] for entry in self._timers]
            self._timers = None
        for timer in moved:
            if not timer._cancelled:
                self._schedule(timer)
        self.arm()

    def compact(self) -> None:
        """Forget cancelled timers in host time."""
        if self._timers:
            self._timers = [entry for entry in self._timers if not entry[2]._cancelled]
            heapify(self._timers)

    def freeze(self) -> None:
        """Stand still (SIGSTOP): what is received and what falls due is kept."""
        self.frozen = self.halted = True
        if self.awake:
            self.world.rest(self)

    def thaw(self) -> None:
        """Go on (SIGCONT): received I/O first, then overdue timers in the order of their deadlines."""
        self.frozen = False
        self.halted = not self.alive
        if self.alive and not self.awake and (self._ready or self._received or self._due or self._timers):
            self.world.wake(self)

    def bury(self, *, stock_tasks: bool = True) -> None:
        """End for good: no callback, no `finally`. What is suspended is kept until the world closes.

        Args:
            stock_tasks: False if the caller has put them into the graveyard already, for all hosts at once.
        """
        if self.alive:
            self.alive = False
            self.halted = True
            # Stock tasks too, which nothing but a timer in the world's queue may hold.
            tasks = [task for task in stock_registered() if task.get_loop() is self] if stock_tasks else None
            self.world.graveyard.append((self, tasks, self._ready, self._received, self._due, self._timers))
            self._ready = self._received = self._due = self._timers = None


def _set_unless_done(future: Future) -> None:
    if not future.done():
        future.set_result(None)


def _nothing() -> None:
    """Only wake the loop."""


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
