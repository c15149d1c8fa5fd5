"""A SimPy environment on the clock of one host, or of the world's own loop.

SimPy's schedule of floats stays the truth about what comes when and in which order; the world only learns the first
moment at which the next event is due, through one timer of the host. So events that fall on the same nanosecond are
neither merged nor reordered, and `now` gives SimPy's own numbers.

It is deliberately no event loop: the world runs it. Nor does it model a host; what kill, pause and drift do to its
processes follows from what they do to the host's timers.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Coroutine
from heapq import heappush
from math import ceil, isclose, isfinite
from typing import TYPE_CHECKING, Any, NoReturn

import simpy
from simpy.core import BoundClass, SimTime
from simpy.events import NORMAL, EventPriority, Initialize

from simkit.kernel import HostLoop, Livelock
from simkit.kernel.handles import Timer
from simkit.kernel.turns import NEVER_NS
from simkit.simulation.waiting import EventFuture, event_of

_BILLION = 10**9


class HostEnvironment(simpy.Environment):
    """What a SimPy model is given in place of `simpy.Environment()`.

    Everything of SimPy works on it, except what would run the simulation: `run` and `step`.

    Args:
        loop: of the host whose process this belongs to, or `world.control`; by default that of the running coroutine.
        unit_seconds: how long one unit of SimPy's time is; a whole number of nanoseconds, at least one.
        initial_time: what `now` shows at this moment. By default `now` is the host's monotonic time in units, so that
            it agrees with `loop.time()`; with 0 a model gets the numbers that it gets from `simpy.Environment()`,
            whenever the host booted.

    ValueError for a unit or a beginning that is no such number; TypeError without `loop` outside of a host.

    Attributes:
        loop: the host's event loop.
        unit_seconds: as given.
    """

    def __init__(
        self, loop: HostLoop | None = None, *, unit_seconds: float = 1.0, initial_time: SimTime | None = None
    ) -> None:
        self.loop = _running_loop() if loop is None else loop
        self.unit_seconds = unit_seconds
        self._unit_ns = _whole_nanoseconds(unit_seconds)
        self._world = self.loop.world
        if initial_time is not None and not isfinite(initial_time):
            raise ValueError(f"an environment cannot begin at {initial_time}")
        host_ns = self._host_ns()
        self._origin_ns, self._origin = (0, 0) if initial_time is None else (host_ns, initial_time)
        super().__init__(self._shown(host_ns) if initial_time is None else initial_time)
        self._now_ns = self._world.now_ns
        self._stepping = False
        self._steps = 0
        self._timer = Timer(0.0, 0, 0, self._process_due, (), self.loop, self.loop.context)
        self._armed = False
        # SimPy's own step is the quickest; subclasses may have another.
        self._plain_step = super().step if type(self).step is HostEnvironment.step else self.step
        # Held for the same reason as a loop holds its tasks: a process that waits for something nobody else knows
        # would be collected, and run its `finally`. The graveyard keeps all of them from that once the host is dead.
        self._unfinished: dict[simpy.Process, None] = {}
        self._world.graveyard.append(self)

    if not TYPE_CHECKING:
        # SimPy binds these early only for the class whose own they are.
        process = BoundClass(simpy.Process)
        timeout = BoundClass(simpy.Timeout)
        event = BoundClass(simpy.Event)
        all_of = BoundClass(simpy.AllOf)
        any_of = BoundClass(simpy.AnyOf)

    def __repr__(self) -> str:
        return f"<HostEnvironment of {self.loop.name or 'control'} at {self.now}>"

    # -- time

    @property
    def now(self) -> SimTime:
        """The time in units: exactly SimPy's within its events, the host's clock in between."""
        if self._stepping or self._now_ns == self._world.now_ns:
            return self._now
        return self._shown(self._host_ns())

    def _host_ns(self) -> int:
        clock = self.loop.clock
        return self._world.now_ns if clock is None or clock.perfect else clock.monotonic_ns()

    def _shown(self, host_ns: int) -> float:
        """Return a time of the host's clock in units; never decreases with `host_ns`."""
        return self._origin + (host_ns - self._origin_ns) / self._unit_ns

    def _due_ns(self, time: SimTime) -> int:
        """Return the smallest time of the host's clock, in nanoseconds, that is shown as at least `time`.

        NEVER_NS stands for everything beyond.
        """
        estimate = (time - self._origin) * self._unit_ns + self._origin_ns
        if not estimate < NEVER_NS:
            return NEVER_NS
        shown = self._shown
        due_ns = ceil(estimate)
        if shown(due_ns) >= time > shown(due_ns - 1):
            return due_ns
        # Floats far from zero are coarser than a nanosecond, so the estimate may be wrong by many of them.
        stride = 1
        while shown(due_ns) < time:
            due_ns += stride
            stride *= 2
        below_ns = due_ns - 1
        stride = 1
        while shown(below_ns) >= time:
            below_ns -= stride
            stride *= 2
        return below_ns + 1 + bisect_left(range(below_ns + 1, due_ns), time, key=shown)

    # -- SimPy's schedule

    def schedule(self, event: simpy.Event, priority: EventPriority = NORMAL, delay: SimTime = 0) -> None:
        """Schedule an event as SimPy does; from outside SimPy's events, relative to the host's time.

        ValueError for a delay that is not a number, which would stand nowhere in the order.
        """
        if delay != delay:
            raise ValueError("an event cannot be scheduled at a time that is not a number")
        if self._stepping:
            heappush(self._queue, (self._now + delay, priority, next(self._eid), event))
        else:
            heappush(self._queue, (self.now + delay, priority, next(self._eid), event))
            if self._queue[0][3] is event:
                self._arm()
        if not priority and type(event) is Initialize:
            self._hold(event)

    def _hold(self, beginning: Initialize) -> None:
        """Keep a process that begins until it has ended, in whichever way it was made."""
        process: simpy.Process = beginning.callbacks[0].__self__  # type: ignore[attr-defined]
        self._unfinished[process] = None
        process.callbacks.append(self._unfinished.pop)

    def step(self) -> None:
        """Process one event; only for the world. RuntimeError for everybody else."""
        if not self._stepping:
            self._refuse("step")
        super().step()

    def run(self, until: SimTime | simpy.Event | None = None) -> NoReturn:
        """Refuse: the world runs this environment. RuntimeError, always."""
        self._refuse("run")

    def _refuse(self, method: str) -> NoReturn:
        raise RuntimeError(
            f"env.{method}() has no place in a world, which runs this environment by itself: "
            "start processes, and `await env.wait(event)` where the program depends on one"
        )

    def _arm(self) -> None:
        """Keep one timer in the host's loop, for the earliest event."""
        loop = self.loop
        if self._armed:
            self._armed = False
            self._timer.cancel()
            self._timer = Timer(0.0, 0, 0, self._process_due, (), loop, loop.context)
        if not self._queue or not loop.alive:
            return
        due_ns = self._due_ns(self._queue[0][0])
        if due_ns < NEVER_NS:
            # A timer that ran is in nobody's hands any more and serves again.
            self._armed = True
            timer = self._timer
            timer.deadline_ns = due_ns
            timer.sequence = self._world.next_sequence()
            timer._scheduled = True
            loop._schedule(timer)

    def _process_due(self) -> None:
        """Process every event that is due, in SimPy's order."""
        now_ns = host_ns = self._world.now_ns
        due_ns = self._timer.deadline_ns
        clock = self.loop.clock
        if clock is not None and not clock.perfect:
            host_ns, due_ns = clock.monotonic_ns(), clock.world_ns(due_ns)
        if self._now_ns != now_ns:
            self._now_ns = now_ns
            self._steps = 0
        self._armed = False
        self._stepping = True
        try:
            self._process_until(self._shown(host_ns), due_ns < now_ns)
        finally:
            self._stepping = False
            self._active_proc = None  # SimPy leaves it when a process yields what is no event
            self._arm()

    def _process_until(self, limit: SimTime, late: bool) -> None:
        """Process the events up to `limit`, which is what the clock shows; `late` if the first was due earlier."""
        loop, queue = self.loop, self._queue
        # SimPy's way to trace an environment is to put another step in the place of this one.
        step = self.__dict__.get("step") or self._plain_step
        room = self._world.limits.steps_per_instant - self._steps
        taken = 0
        try:
            while queue and queue[0][0] <= limit and not loop.halted:
                if taken >= room:
                    self._despair()
                if late:
                    # The process stood still when this was due, so that it happens now, as with any overdue timer.
                    # The entry leaves the heap next, hence it may change in place without losing its turn.
                    queue[0] = (limit, *queue[0][1:])
                taken += 1
                step()
        finally:
            self._steps += taken
            self._world.steps += taken

    def _despair(self) -> NoReturn:
        raise Livelock(
            f"SimPy on host {self.loop.name!r} took {self._world.limits.steps_per_instant} events at "
            f"{self._world.now_ns} ns without letting time pass: {self._queue[0][3]!r}"
        )

    # -- waiting for each other

    def wait(self, event: simpy.Event) -> "asyncio.Future[Any]":
        """Return a future for what a SimPy event brings: ``value = await env.wait(env.timeout(3, "value"))``.

        Awaiting it raises the exception of an event that fails, which counts as handled then. Giving up, by
        cancellation or a time limit, does not take back a request to a resource; SimPy's ``with`` does.

        ValueError for an event of another environment.
        """
        if event.env is not self:
            raise ValueError(f"{event} belongs to another environment")
        return EventFuture(self.loop, event)

    def from_future(self, future: "asyncio.Future[Any]") -> simpy.Event:
        """Return an event that happens when a future of the same host is done, for a process to yield.

        A failure is thrown into the process that waits; with none it ends the host, as any failed event does.
        ValueError for a future of another host.
        """
        if future.get_loop() is not self.loop:
            raise ValueError(f"{future!r} belongs to another event loop than {self!r}")
        return event_of(self, future)

    def from_coroutine(self, coroutine: Coroutine[Any, Any, Any]) -> simpy.Event:
        """Start a coroutine as a task of the host and return an event for its end; see `from_future`."""
        return event_of(self, self.loop.create_task(coroutine, context=self.loop.context.copy()))


def _running_loop() -> HostLoop:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, HostLoop):
        raise TypeError(f"SimPy joins the event loop of a simulated host, not {loop!r}")
    return loop


def _whole_nanoseconds(seconds: float) -> int:
    nanoseconds = round(seconds * _BILLION) if isfinite(seconds) else 0
    if nanoseconds < 1 or not isclose(nanoseconds, seconds * _BILLION, rel_tol=1e-12):
        raise ValueError(f"a unit of time must be a whole number of nanoseconds, at least one; not {seconds} s")
    return nanoseconds
