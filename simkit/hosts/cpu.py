"""The processor of one machine: cores that take work first come, first served, as arithmetic.

Code takes no virtual time of its own; a program says what its computing costs with ``await self.cpu.work(seconds)``,
and the answer comes later when the cores are busy or slowed down.

It is deliberately not a scheduler: no time slices, no priorities, no memory.
"""

from asyncio import Future, get_running_loop
from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING

from simkit.kernel.station import Station

if TYPE_CHECKING:
    from simkit.kernel import HostLoop, World
    from simkit.kernel.posted import Posted

_BILLION = 10**9


class SlowDown:
    """The factors that slow one machine part down at the moment; `factor` is their product.

    Each is undone alone, in any order; with none left the factor is exactly 1.
    """

    __slots__ = ("_factors", "factor")

    def __init__(self) -> None:
        self._factors: dict[object, float] = {}
        self.factor = 1.0

    def add(self, factor: float) -> Callable[[], None]:
        """Slow down by `factor`, above 0; below 1 it is a speed-up. Return what undoes it."""
        if not (isfinite(factor) and factor > 0):
            raise ValueError(f"cannot slow down by a factor of {factor}")
        cause = object()
        self._factors[cause] = factor
        self._multiply()

        def undo() -> None:
            self._factors.pop(cause, None)
            self._multiply()

        return undo

    def _multiply(self) -> None:
        # Always anew from the start, never by dividing: the product of what is left must not depend on what is gone.
        self.factor = 1.0
        for factor in self._factors.values():
            self.factor *= factor


class Job:
    """One piece of work under way; `work_ns` of it are left, counted on a core that is not slowed down."""

    __slots__ = ("done_ns", "future", "loop", "posted", "service_ns", "work_ns")

    def __init__(self, loop: "HostLoop", future: "Future[None]", work_ns: float) -> None:
        self.loop = loop
        self.future = future
        self.work_ns = work_ns
        self.service_ns = self.done_ns = 0
        self.posted: Posted | None = None


class Cpu:
    """The cores of one host.

    Args:
        world: virtual time.
        cores: how many jobs run at once; the rest wait in the order of their arrival.
        speed: how fast a core is against the reference machine of the scenario; at 2.0 a second of work takes 0.5 s.
    """

    __slots__ = ("_jobs", "_paused", "_slow_down", "_station", "_world", "cores", "speed")

    def __init__(self, world: "World", *, cores: int = 1, speed: float = 1.0) -> None:
        if not (isfinite(speed) and speed > 0):
            raise ValueError(f"a core needs a speed above 0, not {speed}")
        self._world = world
        self._station = Station(cores)
        self._slow_down = SlowDown()
        self._jobs: dict[Job, None] = {}
        self._paused = False
        self.cores = cores
        self.speed = speed

    async def work(self, seconds: float) -> None:
        """Compute for `seconds` of one core of the reference machine; return when done, at this machine's pace.

        Cancelling the caller does not take the job from its core. A ValueError means a negative or infinite time.
        """
        if not (isfinite(seconds) and seconds >= 0):
            raise ValueError(f"cannot work for {seconds} s")
        loop: HostLoop = get_running_loop()  # type: ignore[assignment]
        future: Future[None] = loop.create_future()
        if loop.alive:
            job = Job(loop, future, seconds * _BILLION / self.speed)
            self._jobs[job] = None
            if not self._paused:
                self._admit(job)
        await future  # for ever when this host has just ended

    def backlog_ns(self) -> int:
        """Return how long work that arrives now would wait for a core, in nanoseconds."""
        return self._station.backlog_ns(self._world.now_ns)

    def slow(self, factor: float) -> Callable[[], None]:
        """Let cores take `factor` times as long from now on, for jobs under way too; return what undoes it.

        Factors multiply.
        """
        self._stop()
        undo = self._slow_down.add(factor)
        self._go_on()

        def speed_up() -> None:
            self._stop()
            undo()
            self._go_on()

        return speed_up

    def _admit(self, job: Job) -> None:
        job.service_ns = round(job.work_ns * self._slow_down.factor)
        job.done_ns = self._station.admit(self._world.now_ns, job.service_ns)
        job.posted = self._world.post(job.done_ns, job.loop, self._finish, job)

    def _finish(self, job: Job) -> None:
        self._jobs.pop(job, None)
        if not job.future.done():
            job.future.set_result(None)

    def _stop(self) -> None:
        """Take every job off its core, with what is left of it; one that is done at this instant is done."""
        if self._paused:
            return
        now_ns = self._world.now_ns
        for job in self._jobs:
            left_ns = job.done_ns - now_ns
            if job.posted is None or left_ns <= 0:
                continue
            if left_ns < job.service_ns:  # it has begun
                job.work_ns = left_ns / self._slow_down.factor
            job.posted.cancel()
            job.posted = None
        self._station.clear(now_ns)

    def _go_on(self) -> None:
        """Put every job that has no core onto one, or behind the others that wait, in the order of their arrival."""
        if self._paused:
            return
        for job in self._jobs:
            if job.posted is None:
                self._admit(job)

    def process_ended(self) -> None:
        """Drop every job: the process or its machine is gone."""
        for job in self._jobs:
            if job.posted is not None:
                job.posted.cancel()
        self._jobs.clear()
        self._paused = False
        self._station.clear(self._world.now_ns)

    def pause(self) -> None:
        """Stop computing: the process was stopped (SIGSTOP) in the middle of its jobs."""
        self._stop()
        self._paused = True

    def resume(self) -> None:
        """Go on with what was left of every job when the process was paused."""
        if self._paused:
            self._paused = False
            self._go_on()
