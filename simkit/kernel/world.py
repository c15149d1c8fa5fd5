"""The world: an agenda with everything that belongs to one run: loops, random streams, records, limits.

The agenda calls what is due; the world says when a run may not go on, collects garbage at fixed counts of steps, and
owns what the interpreter has only once while it runs: the collector, the running loop, the hooks of generators.

It deliberately knows no host, no network and no fault: those rooms give it loops and post to them.
"""

import gc
import sys
from asyncio import events
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn
from weakref import WeakSet, ref

from simkit.kernel.agenda import Agenda
from simkit.kernel.all_tasks import all_tasks, stock_registered
from simkit.kernel.burial import bury_suspended
from simkit.kernel.fence import threads, whereabouts
from simkit.kernel.fence.refusal import RealWorldReached
from simkit.kernel.loop import HostLoop
from simkit.kernel.order import CONTROL, schedule_key
from simkit.kernel.records import Records
from simkit.kernel.stream import Stream, branched
from simkit.kernel.streams import Streams
from simkit.kernel.task import Task

EPOCH_NS = 1_767_225_600 * 10**9
"""2026-01-01T00:00:00Z, the default moment at which a run begins."""

_turn = whereabouts.turn
_COLLECT_YOUNG_STEPS = 50_000
_COLLECT_ALL_EVERY = 40


@dataclass(frozen=True)
class Limits:
    """What one run may cost.

    Attributes:
        steps_per_instant: callbacks of one host in one instant; more is a livelock.
        rounds_per_instant: rounds of one instant; more is hosts that answer each other without any delay.
        steps: callbacks in all; None for as many as the run needs.
    """

    steps_per_instant: int = 1_000_000
    rounds_per_instant: int = 1_000_000
    steps: int | None = None


class Livelock(RuntimeError):
    """A host, or several, kept busy without letting time pass."""


class StepLimitReached(RuntimeError):
    """The run took more callbacks than its limit allows."""


class World(Agenda):
    """One simulated world.

    Args:
        seed: decides every draw and the order of hosts within an instant.
        epoch_ns: Unix time in nanoseconds at virtual time 0.
        limits: what the run may cost.
    """

    def __init__(self, seed: int, *, epoch_ns: int = EPOCH_NS, limits: Limits | None = None) -> None:
        self.limits = limits = limits or Limits()
        super().__init__(schedule_key(seed), limits.steps_per_instant, limits.rounds_per_instant)
        self.seed = seed
        self.epoch_ns = epoch_ns
        self.records = Records(self)
        self.loops: dict[int, HostLoop] = {}
        self._reached: RealWorldReached | None = None
        self._begun = False
        self.closed = False
        self._draw_seed = seed
        self._streams: dict[str, Stream] = {}
        self._populations: WeakSet[Streams] = WeakSet()
        self._collect_at = _COLLECT_YOUNG_STEPS
        self._collections = 0
        self._is_running = False
        # By address: weak references are gone before a finalizer runs, and a living generator's address is its own.
        self._generators: dict[int, tuple[HostLoop, ref[AsyncGenerator[Any, Any]]]] = {}
        self.control = self.new_loop("", CONTROL)
        all_tasks.worlds.add(self)

    # -- what rooms use

    def stream(self, name: str) -> Stream:
        """Return the random stream of that name, always the same one."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = Stream(self._draw_seed, name)
        return stream

    def streams(self, name: str, count: int) -> Streams:
        """Return new random streams of that name, one for each of `count` individuals; the caller keeps them."""
        streams = Streams(self._draw_seed, name, count)
        self._populations.add(streams)
        return streams

    def branch(self, number: int) -> None:
        """Let every stream draw differently from here on, in a way of its own for each number.

        What was drawn before stays: delays already under way, faults already planned, generators that code has made
        and seeded for itself. So does the order of hosts within an instant.
        """
        self._refuse_from_inside("branched")
        self._draw_seed = branched(self._draw_seed, self.now_ns, number)
        for stream in self._streams.values():
            stream.begin_anew(self._draw_seed)
        for streams in self._populations:
            streams.begin_anew(self._draw_seed)

    def new_loop(self, name: str, index: int | None = None) -> HostLoop:
        """Return a fresh loop; `index` is the host's number, which a new incarnation keeps."""
        loop = HostLoop(self, name, len(self.loops) - 1 if index is None else index)
        self.loops[loop.index] = loop
        return loop

    def run(self, until_ns: int) -> None:
        """Run every instant up to and including `until_ns`; `now_ns` is `until_ns` afterwards, unless stopped.

        RealWorldReached if host code reached for something real, or left a real thread behind with nothing to do.
        """
        self._refuse_from_inside("run")
        with self._running():
            self.go(until_ns)
        if self._reached is not None:
            raise self._reached

    def reached(self, error: RealWorldReached) -> None:
        """End the run because of what host code reached for, even if that code goes on as if nothing had happened."""
        self._reached = self._reached or error
        self.stop()

    def close(self) -> None:
        """End the world: whatever is suspended goes without running `finally`."""
        self._refuse_from_inside("closed")
        self.closed = True
        self.records.close()
        loops = set(self.loops.values())
        self.graveyard.append([task for task in stock_registered() if task.get_loop() in loops])
        for loop in self.loops.values():
            loop.bury(stock_tasks=False)
        self.graveyard.append(self.surrender())
        bury_suspended(self.graveyard)
        self.graveyard.clear()
        self.loops.clear()
        self._generators.clear()

    def _refuse_from_inside(self, what: str) -> None:
        if self._is_running:
            raise RuntimeError(f"a world cannot be {what} by what happens in it")

    def tasks(self) -> Iterator[Task]:
        """Yield the unfinished tasks of every host's loop."""
        for loop in list(self.loops.values()):
            yield from list(loop.tasks.values())

    # -- what loops use

    def generators_of(self, loop: HostLoop) -> list[AsyncGenerator[Any, Any]]:
        """Return the asynchronous generators that have begun on a loop, in that order."""
        living = [(owner, reference()) for owner, reference in self._generators.values()]
        return [generator for owner, generator in living if owner is loop and generator is not None]

    # -- what the agenda leaves to the world

    def _run_dry(self) -> None:
        threads.refuse_dry(self.control)

    def _compact_loops(self) -> None:
        for loop in self.loops.values():
            loop.compact()

    def _livelock(self, loop: HostLoop, steps: int, first: object) -> NoReturn:
        raise Livelock(
            f"host {loop.name!r} took {steps} steps at {self.now_ns} ns without letting time pass: {first!r}"
        )

    def _endless_rounds(self, names: set[str]) -> NoReturn:
        named = ", ".join(sorted(names)[:4])
        raise Livelock(f"hosts answer each other without any delay at {self.now_ns} ns: {named}")

    def _pause(self) -> None:
        """Stop at the limit of steps, and collect at fixed counts of them."""
        limit = self.limits.steps
        if limit is not None and self.steps > limit:
            raise StepLimitReached(f"more than {limit} steps by {self.now_ns} ns")
        if self.steps >= self._collect_at:
            # A collector that runs by itself moves finalizers with the size of the heap.
            self.no_turn()
            events._set_running_loop(None)
            _turn(self.control)
            self._collections += 1
            gc.collect(2 if self._collections % _COLLECT_ALL_EVERY == 0 else 1)
            self._collect_at = self.steps + _COLLECT_YOUNG_STEPS
        self.pause_at = self._collect_at if limit is None else min(self._collect_at, limit + 1)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Own the interpreter's collector, its async generator hooks and the running loop while the world runs."""
        outer_loop = events._get_running_loop()
        collecting = gc.isenabled()
        hooks = sys.get_asyncgen_hooks()
        gc.disable()
        self._is_running = True
        if not self._begun:
            self._begun = True
            for begin in whereabouts.beginnings:
                begin(self.control)
        before = whereabouts.enter(self.control)
        sys.set_asyncgen_hooks(firstiter=self._generator_started, finalizer=self._generator_dropped)
        try:
            yield
        finally:
            whereabouts.leave(before)
            self._is_running = False
            sys.set_asyncgen_hooks(*hooks)
            self.no_turn()
            events._set_running_loop(outer_loop)
            if collecting:
                gc.enable()

    def _generator_started(self, generator: AsyncGenerator[Any, Any]) -> None:
        loop = events._get_running_loop()
        if isinstance(loop, HostLoop):
            self._generators[id(generator)] = (loop, ref(generator))

    def _generator_dropped(self, generator: AsyncGenerator[Any, Any]) -> None:
        loop, _ = self._generators.pop(id(generator), (None, None))
        if loop is None or not loop.alive:
            self.graveyard.append(generator)
        else:
            loop.call_soon(loop.create_task, generator.aclose(), context=loop.context.copy())
