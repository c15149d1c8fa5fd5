"""The agenda of a world: virtual time, the queue of what is to come, and the one place where callbacks are called.

Time is an integer of nanoseconds. The order within an instant is the rule of `order.py`; this module is that rule made
quick, and is tested against it. Twin of `core/agenda.c`, which takes its place where the compiled core runs; `World` is
built on either.

It deliberately knows nothing but loops: what a world has besides, and when a run may not go on, is `world`'s.
"""

from asyncio import events
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, NoReturn

from simkit.kernel.core import compiled
from simkit.kernel.fence import whereabouts
from simkit.kernel.handles import Timer
from simkit.kernel.loop import HostLoop
from simkit.kernel.order import turn_hash
from simkit.kernel.posted import Posted
from simkit.kernel.task import Task

_turn = whereabouts.turn


class Agenda:
    """What is to come, and in which order.

    Args:
        schedule_key: decides the order of hosts within an instant.
        steps_per_instant, rounds_per_instant: as in `Limits`.

    Attributes:
        now_ns: virtual time.
        steps: how many callbacks have run.
        pause_at: the number of steps at which to look at limits, or to collect.
        graveyard: what dead hosts have left, kept until the world closes.
        stopping: whether `go` shall return after the current instant.
        queue: what is to come, as (ns, sequence, loop, item).
    """

    def __init__(self, schedule_key: int, steps_per_instant: int, rounds_per_instant: int) -> None:
        self._schedule_key = schedule_key
        self._steps_per_instant = steps_per_instant
        self._rounds_per_instant = rounds_per_instant
        self.now_ns = 0
        self.steps = 0
        self.pause_at = 0
        self.graveyard: list[object] = []
        self.stopping = False
        self.queue: list[tuple[int, int, HostLoop, Any]] = []
        self.sequence = 0
        self.task_number = 0
        self._turning: HostLoop | None = None  # whose turn it is, or was last: the interpreter's running loop
        self._waiting: list[HostLoop] = []
        self._cancelled = 0
        self._serial = 0

    # -- what is rare, and the world's business

    def _pause(self) -> None:
        raise NotImplementedError

    def _run_dry(self) -> None:
        raise NotImplementedError

    def _compact_loops(self) -> None:
        raise NotImplementedError

    def _livelock(self, loop: HostLoop, steps: int, first: object) -> NoReturn:
        raise NotImplementedError

    def _endless_rounds(self, names: set[str]) -> NoReturn:
        raise NotImplementedError

    # -- what rooms use

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

    def timer_cancelled(self) -> None:
        """Count a cancelled timer, and sweep the queue when half of it is cancelled."""
        self._cancelled += 1
        if self._cancelled > 256 and self._cancelled * 2 > len(self.queue):
            self.queue[:] = [entry for entry in self.queue if not _is_stale(entry)]
            heapify(self.queue)
            self._cancelled = 0
            self._compact_loops()

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

    def no_turn(self) -> None:
        """Forget whose turn it is: somebody else runs, or the collector."""
        self._turning = None

    def surrender(self) -> list[Any]:
        """Return what is still to come, and forget it."""
        queue, self.queue = self.queue, []
        self._waiting.clear()
        return queue

    # -- one instant

    def go(self, until_ns: int) -> None:
        """Run every instant up to and including `until_ns`."""
        self._turning = None
        queue = self.queue
        while not self.stopping:
            if not self._waiting:
                if not queue:
                    self._run_dry()
                if not queue or queue[0][0] > until_ns:
                    self.now_ns = max(self.now_ns, until_ns)
                    break
                self._advance()
            if self._waiting:
                self._drain_instant({})

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
                if self.steps >= self.pause_at:
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
            if rounds > self._rounds_per_instant:
                self._endless_rounds({loop.name for loop in batch})

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
            if steps > self._steps_per_instant:
                self._livelock(loop, steps, ready[0])
            self._pass(loop, ready)
        counts[loop] = steps
        self.steps += steps - before
        loop.awake = False
        if self.steps >= self.pause_at:
            self._pause()

    def _pass(self, loop: HostLoop, ready: list[Any]) -> None:
        """Call callbacks: this, and where a single thing runs, are the only places that do."""
        ready.reverse()
        try:
            while ready:
                runnable = ready.pop()
                if not runnable._cancelled:
                    runnable._run()
                    runnable = None  # the last reference to a failed task tells of it, which may end the host
                    if loop.halted:  # by what it just did
                        break
        finally:
            runnable = None  # an exception may keep this frame, and the frame must not keep a task
            if ready:
                ready.reverse()
                loop.take_back(ready[:])
                ready.clear()  # nor the rest of them


def _is_stale(entry: tuple[int, int, HostLoop, Any]) -> bool:
    _, sequence, _, item = entry
    return item.sleep_sequence != sequence if type(item) is Task else item._cancelled


if compiled is not None:
    Agenda = compiled.Agenda  # type: ignore[misc]
    compiled.follow_turns(whereabouts.turn, getattr(whereabouts.compiled, "turning", None))
