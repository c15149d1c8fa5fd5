"""The world: virtual time, the queue of what is to come, and the one place where callbacks are called.

Time is an integer of nanoseconds. The order within an instant is the rule of `order.py`; this module is that rule made
quick, and is tested against it.

It deliberately knows no host, no network and no fault: those rooms give it loops and post to them.
"""

import gc
import sys
from asyncio import events
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any
from weakref import ref

from simkit.kernel.burial import bury_suspended
from simkit.kernel.fence import threads, whereabouts
from simkit.kernel.fence.refusal import RealWorldReached
from simkit.kernel.loop import HostLoop, Posted, Timer
from simkit.kernel.order import CONTROL, schedule_key, turn_hash
from simkit.kernel.records import Records
from simkit.kernel.stream import Stream
from simkit.kernel.task import Task, all_tasks, stock_registered

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


class World:
    """One simulated world.

    Args:
        seed: decides every draw and the order of hosts within an instant.
        epoch_ns: Unix time in nanoseconds at virtual time 0.
        limits: what the run may cost.
    """

    def __init__(self, seed: int, *, epoch_ns: int = EPOCH_NS, limits: Limits | None = None) -> None:
        self.seed = seed
        self.epoch_ns = epoch_ns
        self.limits = limits or Limits()
        self.now_ns = 0
        self.steps = 0
        self.records = Records(self)
        self.graveyard: list[object] = []
        self.loops: dict[int, HostLoop] = {}
        self.stopping = False
        self._reached: RealWorldReached | None = None
        self._begun = False
        self._turning: HostLoop | None = None  # whose turn it is, or was last: the interpreter's running loop
        self.closed = False
        self._streams: dict[str, Stream] = {}
        self.queue: list[tuple[int, int, HostLoop, Any]] = []
        self._waiting: list[HostLoop] = []
        self._cancelled = 0
        self.sequence = 0
        self._serial = 0
        self.task_number = 0
        self._schedule_key = schedule_key(seed)
        self._collect_at = _COLLECT_YOUNG_STEPS
        self._pause_at = 0  # the number of steps at which to look at the limit, or to collect
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
            stream = self._streams[name] = Stream(self.seed, name)
        return stream

    def new_loop(self, name: str, index: int | None = None) -> HostLoop:
        """Return a fresh loop; `index` is the host's number, which a new incarnation keeps."""
        loop = HostLoop(self, name, len(self.loops) - 1 if index is None else index)
        self.loops[loop.index] = loop
        return loop

    def post(self, time_ns: int, loop: HostLoop, callback: Callable[..., object], *args: Any) -> Posted:
        """Let the host of `loop` receive something at `time_ns`; ValueError if that is in the past."""
        posted = Posted(callback, args, loop)
        if not loop.alive:
            return posted  # what is sent to the dead vanishes; only what was under way at the kill must be kept
        if time_ns <= self.now_ns:
            if time_ns < self.now_ns:
                raise ValueError(f"{time_ns} ns is in the past: it is {self.now_ns} ns")
            loop.receive(posted)
        else:
            self.sequence += 1
            posted._scheduled = True
            heappush(self.queue, (time_ns, self.sequence, loop, posted))
        return posted

    def stop(self) -> None:
        """Let `run` return after the current instant."""
        self.stopping = True

    def run(self, until_ns: int) -> None:
        """Run every instant up to and including `until_ns`; `now_ns` is `until_ns` afterwards, unless stopped.

        RealWorldReached if host code reached for something real, or left a real thread behind with nothing to do.
        """
        self._refuse_from_inside("run")
        with self._running():
            queue = self.queue
            while not self.stopping:
                if not self._waiting:
                    if not queue:
                        threads.refuse_dry(self.control)
                    if not queue or queue[0][0] > until_ns:
                        self.now_ns = max(self.now_ns, until_ns)
                        break
                    self._advance()
                if self._waiting:
                    self._drain_instant({})
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
        self.graveyard.append(self.queue)
        bury_suspended(self.graveyard)
        self.queue.clear()
        self._waiting.clear()
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

    def push(self, time_ns: int, sequence: int, loop: HostLoop, timer: Timer) -> None:
        """Queue a timer of a host whose clock is perfect."""
        heappush(self.queue, (time_ns, sequence, loop, timer))

    def wake(self, loop: HostLoop) -> None:
        """Let `loop` take a turn in the next round of this instant."""
        if not loop.halted:
            loop.awake = True
            self._waiting.append(loop)

    def rest(self, loop: HostLoop) -> None:
        """Take `loop` out of the next round; the round under way keeps it."""
        if loop in self._waiting:
            self._waiting.remove(loop)
            loop.awake = False

    def next_sequence(self) -> int:
        """Return the next number in the order in which timers and posts are made."""
        self.sequence += 1
        return self.sequence

    def next_serial(self) -> int:
        """Return the next hash of a task or future."""
        self._serial += 1
        return self._serial

    def generators_of(self, loop: HostLoop) -> list[AsyncGenerator[Any, Any]]:
        """Return the asynchronous generators that have begun on a loop, in that order."""
        living = [(owner, reference()) for owner, reference in self._generators.values()]
        return [generator for owner, generator in living if owner is loop and generator is not None]

    def timer_cancelled(self) -> None:
        """Count a cancelled timer, and sweep the queue when half of it is cancelled."""
        self._cancelled += 1
        if self._cancelled > 256 and self._cancelled * 2 > len(self.queue):
            self.queue[:] = [entry for entry in self.queue if not _is_stale(entry)]
            heapify(self.queue)
            for loop in self.loops.values():
                loop.compact()
            self._cancelled = 0

    def take_timers(self, loop: HostLoop) -> list[Timer]:
        """Remove and return the queued timers of one loop."""
        others, timers = [], []
        for entry in self.queue:
            due_ns, sequence, owner, item = entry
            if owner is not loop or type(item) is Posted:
                others.append(entry)
            elif type(item) is Timer:
                timers.append(item)
            elif not _is_stale(entry):
                timers.append(loop.as_timer(item, due_ns, sequence))
        self.queue[:] = others
        heapify(self.queue)
        return timers

    # -- one instant

    def _advance(self) -> None:
        """Move to the next instant, and hand out what is queued for it, or run it if it is a single thing."""
        queue = self.queue
        self.now_ns, sequence, loop, item = heappop(queue)
        if loop.halted or loop._timers or (queue and queue[0][0] == self.now_ns):
            self._hand_out(sequence, loop, item)
            while queue and queue[0][0] == self.now_ns:
                _, sequence, loop, item = heappop(queue)
                self._hand_out(sequence, loop, item)
            return
        # One thing for one host, as nearly always: the first pass of its turn would find nothing else.
        if type(item) is Task:
            wanted = item.sleep_sequence == sequence
            if wanted:
                item.sleep_sequence = 0
        else:
            wanted = not item._cancelled
            item._scheduled = False
        if wanted:
            if loop is not self._turning:
                self._turning = loop
                events._set_running_loop(loop)
                _turn(loop)
            loop.awake = True
            item._run()
            item = None
            if loop._ready or loop._received or loop._due:
                counts: dict[HostLoop, int] = {}
                self._turn(loop, 1, counts)
                if self._waiting:
                    self._drain_instant(counts)
            else:
                loop.awake = False
                self.steps += 1
                if self.steps >= self._pause_at:
                    self._pause()

    def _hand_out(self, sequence: int, loop: HostLoop, item: Any) -> None:
        if type(item) is Task:
            if item.sleep_sequence == sequence and loop.alive:
                loop.timer_due(loop.as_timer(item, self.now_ns, sequence))
        elif item._cancelled:
            return
        elif type(item) is Posted:
            item._scheduled = False
            loop.receive(item)
        else:
            loop.timer_due(item)

    def _drain_instant(self, counts: dict[HostLoop, int]) -> None:
        """Let hosts take turns until nobody has anything left to do; `counts` holds their steps in this instant."""
        rounds = 0
        while self._waiting:
            batch, self._waiting = self._waiting, []
            if len(batch) > 1:
                key, now_ns = self._schedule_key, self.now_ns
                batch.sort(key=lambda loop: turn_hash(key, now_ns, loop.index))
            for loop in batch:
                self._turn(loop, 0, counts)
            rounds += 1
            if rounds > self.limits.rounds_per_instant:
                names = ", ".join(sorted({loop.name for loop in batch})[:4])
                raise Livelock(f"hosts answer each other without any delay at {self.now_ns} ns: {names}")

    def _turn(self, loop: HostLoop, taken: int, counts: dict[HostLoop, int]) -> None:
        """Run passes of one loop until it has nothing left to do in this instant; `taken` steps are behind it."""
        if loop is not self._turning:
            self._turning = loop
            events._set_running_loop(loop)
            _turn(loop)
        before = counts.get(loop, 0) if counts else 0
        steps = before + taken
        while not loop.halted:
            if loop._received or loop._due or loop._timers:
                loop.gather()
            ready = loop._ready
            if not ready:
                break
            loop._ready = None
            steps += len(ready)
            if steps > self.limits.steps_per_instant:
                raise Livelock(
                    f"host {loop.name!r} took {steps} steps at {self.now_ns} ns without letting time pass: {ready[0]!r}"
                )
            self._pass(loop, ready)
        counts[loop] = steps
        self.steps += steps - before
        loop.awake = False
        if self.steps >= self._pause_at:
            self._pause()

    def _pass(self, loop: HostLoop, ready: list[Any]) -> None:
        """Call callbacks: this, and where a single thing runs, are the only places that do."""
        ready.reverse()
        try:
            while ready:
                runnable = ready.pop()
                if not runnable._cancelled:
                    runnable._run()
                    if loop.halted:  # by what it just did
                        break
        finally:
            runnable = None  # an exception may keep this frame, and the frame must not keep a task
            if ready:
                ready.reverse()
                loop.take_back(ready)

    def _pause(self) -> None:
        """Stop at the limit of steps, and collect at fixed counts of them."""
        limit = self.limits.steps
        if limit is not None and self.steps > limit:
            raise StepLimitReached(f"more than {limit} steps by {self.now_ns} ns")
        if self.steps >= self._collect_at:
            # A collector that runs by itself moves finalizers with the size of the heap.
            self._turning = None
            events._set_running_loop(None)
            _turn(self.control)
            self._collections += 1
            gc.collect(2 if self._collections % _COLLECT_ALL_EVERY == 0 else 1)
            self._collect_at = self.steps + _COLLECT_YOUNG_STEPS
        self._pause_at = self._collect_at if limit is None else min(self._collect_at, limit + 1)

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
            self._turning = None
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


def _is_stale(entry: tuple[int, int, HostLoop, Any]) -> bool:
    _, sequence, _, item = entry
    return item.sleep_sequence != sequence if type(item) is Task else item._cancelled
