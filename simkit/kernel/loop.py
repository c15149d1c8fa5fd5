"""A host's asyncio event loop in virtual time.

Every host has a loop of its own, and all of them share the world's queue. While a host's code runs, the running loop is
that host's and `loop.time()` is that host's clock, so that plain asyncio code needs to know nothing of the simulation.
A loop costs next to nothing until it is used: what is seldom needed has a default in the class and is made late.

It deliberately has no selector, no threads and no way to be run by itself; sockets are the business of `stack`, which
the network room provides.
"""

import asyncio
from asyncio import events
from collections.abc import Callable
from functools import partial
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, NoReturn

from simkit.kernel.all_tasks import stock_registered
from simkit.kernel.executor import submit
from simkit.kernel.handles import Timer
from simkit.kernel.networking import Networking
from simkit.kernel.turns import Turns

if TYPE_CHECKING:
    pass


class SignalHandle(events.Handle):
    """What `add_signal_handler` puts into the place of a handler: it lets the callback run in the next pass."""

    _loop: "HostLoop"

    def __call__(self, number: int, frame: object) -> None:
        self._loop.enqueue(self)


class HostLoop(Turns, Networking):  # type: ignore[misc]  # its time and call_soon are the kernel's
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

    # Defaults of BaseEventLoop.__init__, which allocates eleven objects and is not called.
    _timer_cancelled_count = 0
    _closed = False
    _stopping = False
    _thread_id: int | None = None
    _debug = False
    _default_executor: Any = None
    _current_handle: Any = None
    _executor_shutdown_called = False
    _asyncgens_shutdown_called = False
    _clock_resolution = 1e-9
    slow_callback_duration = 0.1

    _signals: dict[int, Any] | None = None
    executor_cost_ns = 0
    inline_sleep: Callable[[float], None] | None = None
    _timer_entry: Any = None
    _armed_ns: int | None = None  # the deadline in host time that the entry is for

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

    # -- what asyncio asks for

    def is_running(self) -> bool:
        return events._get_running_loop() is self

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

    # -- timers in host time, while the clock is not the world's

    def _schedule_in_host_time(self, timer: Timer) -> None:
        if self._timers is None:
            self._timers = []
        heappush(self._timers, (timer.deadline_ns, timer.sequence, timer))
        self.arm()

    def _collect_host_timers(self) -> None:
        now_ns = self._host_ns()
        timers = self._timers
        while timers and timers[0][0] <= now_ns:
            self.timer_due(heappop(timers)[2])
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
        moved.sort(key=Timer.order)  # a queue may hold them in any order
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
        if self.alive and not self.awake and self.has_work():
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
            self.world.graveyard.append((self, tasks, self.surrender()))


def _nothing() -> None:
    """Only wake the loop."""
