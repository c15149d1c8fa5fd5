"""Host loops that can be told to run, for tests that make a loop and drive it from outside.

The tests of CPython call `run_until_complete`, `run_forever`, `stop` and `close`, which a host's loop refuses: here
each of them moves a world that holds a single host, by the world's own `run`. A loop that is stopped keeps what it has
left for the next time, as the stock loop does; that is what freezing a host means.

`PacedLoop` stands in for `TestLoop` of CPython's tests: a generator is asked, for each timer that is set, how far time
moves on. It deliberately changes nothing of how a host's loop orders or calls things.
"""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

from simkit.hosts.host import Host
from simkit.kernel import Constant, World
from simkit.kernel.loop import HostLoop
from simkit.kernel.order import CONTROL
from simkit.kernel.task import Task
from simkit.kernel.turns import NEVER_NS
from simkit.network import Link, Network

_MOST_PASSES = 10_000


class _Runnable:
    """Something for the ready queue that is neither a handle nor a task."""

    _cancelled = False

    def __init__(self, run: Callable[[], None]) -> None:
        self._run = run


class DrivenLoop(HostLoop):
    """A host's loop that runs when it is told to."""

    _halting = False

    def is_running(self) -> bool:
        return super().is_running() and not self.frozen

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        self._check_closed()
        return super().call_soon(callback, *args, context=context)

    call_soon_threadsafe = call_soon

    def call_at(self, when: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        self._check_closed()
        return super().call_at(when, callback, *args, context=context)

    def call_later(self, delay: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        self._check_closed()
        return super().call_later(delay, callback, *args, context=context)

    def create_task(self, coro: Any, **options: Any) -> Any:
        self._check_closed()
        return super().create_task(coro, **options)

    def run_until_complete(self, future: Any) -> Any:
        return asyncio.BaseEventLoop.run_until_complete(self, future)

    def run_forever(self) -> Any:
        self._check_closed()
        self._check_running()
        if self._stopping:
            self.enqueue(_Runnable(self._halt_before_next_pass))
        try:
            self._drive()
        finally:
            self._stopping = False

    def _drive(self) -> None:
        self._go(NEVER_NS)
        if not self._stopping:
            raise RuntimeError("nothing is left to do, and nothing has stopped the loop")

    def _go(self, until_ns: int) -> None:
        self.world.stopping = False
        self.thaw()
        try:
            self.world.run(until_ns)
        finally:
            self.awake = False  # where an exception left the world in the middle of a turn
            if self.alive:
                self.freeze()

    def stop(self) -> None:
        self._stopping = True
        if not self.frozen:
            self._halt_before_next_pass()

    def _halt_before_next_pass(self) -> None:
        if not self._halting:
            self._halting = True
            self._ready = [_Runnable(self._halt), *(self._ready or [])]

    def _halt(self) -> None:
        self._halting = False
        self.freeze()
        self.world.stop()

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if not self._closed:
            self._closed = True
            self.world.close()


class PacedLoop(DrivenLoop):
    """A driven loop whose time is moved by a generator, which is asked once for each timer that is set."""

    def __init__(self, world: World, name: str, index: int) -> None:
        super().__init__(world, name, index)
        self._timers_set: list[tuple[int, float]] = []
        self._seen = 0
        self._advance_after_pass = 0.0
        self._pace: Generator[float, float, None] = _no_timers()
        self._must_be_finished = False

    def follow(self, pace: Generator[float, float, None]) -> None:
        """Ask this generator from now on; it must have come to its end when the loop is closed."""
        self._pace = pace
        self._must_be_finished = True
        next(pace)

    def call_at(self, when: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        return self._seen_timer(super().call_at(when, callback, *args, context=context))

    def call_later(self, delay: Any, callback: Any, *args: Any, context: Any = None) -> Any:
        return self._seen_timer(super().call_later(delay, callback, *args, context=context))

    def _seen_timer(self, timer: Any) -> Any:
        self._timers_set.append((timer.sequence, timer.when()))
        return timer

    def _drive(self) -> None:
        for _ in range(_MOST_PASSES):
            self.enqueue(_Runnable(self._halt_before_next_pass))
            self._go(self.world.now_ns)
            for when in self._newly_set():
                self.advance_time(self._pace.send(when))
            advance, self._advance_after_pass = self._advance_after_pass, 0.0
            self.advance_time(advance)
            if self._stopping:
                return
        raise RuntimeError("the loop is not stopped, and time does not move on")

    def _newly_set(self) -> list[float]:
        # Tasks that sleep, or have been woken before their time, stand in the world's queue without a timer.
        for due_ns, sequence, _, item in self.world.queue:
            if type(item) is Task and sequence > self._seen:
                self._timers_set.append((sequence, due_ns / 1e9))
        self._seen = self.world.sequence
        timers, self._timers_set = sorted(self._timers_set), []
        return [when for _, when in timers]

    def advance_time(self, advance: float) -> None:
        """Let time pass; what falls due meanwhile waits, for the loop stands still."""
        if self.is_running():
            self._advance_after_pass += advance
        elif advance:
            self.world.stopping = False
            self.world.run(self.world.now_ns + round(advance * 1e9))

    def close(self) -> None:
        super().close()
        if self._must_be_finished:
            self._must_be_finished = False
            try:
                self._pace.send(0)
            except StopIteration:
                pass
            else:
                raise AssertionError("Time generator is not finished")


def _no_timers() -> Generator[float, float, None]:
    when = yield 0
    raise AssertionError(f"a timer was set for {when}, and nobody said how time passes")


class _DrivenWorld(World):
    def __init__(self, kind: type[DrivenLoop]) -> None:
        self._kind = kind
        super().__init__(1)

    def new_loop(self, name: str, index: int | None = None) -> HostLoop:
        if index == CONTROL:
            return super().new_loop(name, index)
        loop = self.loops[0] = self._kind(self, name, 0)
        return loop


made: list[DrivenLoop] = []
"""The loop that was made last, for what a test makes without naming a loop."""


def new_loop(kind: type[DrivenLoop] = DrivenLoop) -> Any:
    """Return the loop of the only host of a new world, ready to be driven."""
    world = _DrivenWorld(kind)
    host = Host(world, "host")
    Network(world, Link(one_way=Constant(10**6))).attach(host)
    host.boot()
    host.loop.set_exception_handler(None)
    host.loop.freeze()
    made[:] = [host.loop]  # type: ignore[list-item]
    return host.loop


def paced_loop(pace: Callable[[], Generator[float, float, None]] | None = None) -> Any:
    """Return what CPython's tests call a `TestLoop`."""
    loop = new_loop(PacedLoop)
    if pace is None:
        next(loop._pace)
    else:
        loop.follow(pace())
    return loop
