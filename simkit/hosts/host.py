"""A simulated machine and the process on it: how it starts, and the ways in which it ends.

The machine has a name, a clock, cores and a disk that outlive the process; the process has an event loop, and what it
keeps in memory is lost with it. A host is up when no fault holds it down, so that overlapping faults need not know of
each other.

It deliberately does not know what program it runs: `program` makes the main coroutine anew at every boot.
"""

from collections.abc import Callable, Coroutine
from signal import SIG_DFL, SIGTERM
from typing import TYPE_CHECKING, Any, Literal

from simkit.hosts.clock import Clock
from simkit.hosts.cpu import Cpu
from simkit.hosts.disk import Disk
from simkit.hosts.fault_point import FaultPoints
from simkit.hosts.memory import held_by
from simkit.hosts.page_cache import Tearing

if TYPE_CHECKING:
    import asyncio

    from simkit.kernel import HostLoop, World

Manner = Literal["stop", "kill", "power_cut", "wipe", "pause", "suspend"]
State = Literal["up", "down", "paused"]
Program = Callable[["Host"], Coroutine[Any, Any, None]]
Listener = Callable[["Host", str], None]

STILL: frozenset[Manner] = frozenset({"pause", "suspend"})
"""The manners that leave the process in memory."""

GRACE_NS = 10 * 10**9
"""How long a process may take to end after SIGTERM, as container platforms commonly grant."""


class Host:
    """One machine.

    Args:
        world: where it stands.
        name, index: unique; the index is its number among all hosts.
        group: the name under ``hosts:`` that it came from; equal to `name` for a single host.
        role: what it does, a role of the system's card.
        zone, rack, region: the failure domains it stands in.
        clock, cpu, disk: its parts; perfect ones by default.

    Attributes:
        program: makes the main coroutine of the process; called at every boot.
        loop: the event loop of the running, or last, process.
        incarnation: how often it has booted.
        exit_code: how the last process ended: 0 for a return from its program, 1 for an exception, minus its number for
            a signal of the process's own (`signal.raise_signal`), None otherwise.
        executor_cost_ns: what a function in an executor, or in `asyncio.to_thread`, takes; read at every boot.
        on_failure: called with an exception that ended the process.
        listeners: called after each transition with the host and one of boot, exit, stop, kill, power_cut, wipe, pause,
            resume.
    """

    def __init__(
        self,
        world: "World",
        name: str,
        *,
        index: int = 0,
        group: str | None = None,
        role: str = "",
        zone: str | None = None,
        rack: str | None = None,
        region: str | None = None,
        clock: Clock | None = None,
        cpu: Cpu | None = None,
        disk: Disk | None = None,
        program: Program | None = None,
    ) -> None:
        self.world = world
        self.name = name
        self.index = index
        self.group = name if group is None else group
        self.role = role
        self.zone = zone
        self.rack = rack
        self.region = region
        self.clock = clock or Clock(world)
        self.cpu = cpu or Cpu(world)
        self.disk = disk or Disk(world, name)
        self.program = program
        self.executor_cost_ns = 0
        self.loop: HostLoop = world.new_loop(name, index)
        self.incarnation = 0
        self.exit_code: int | None = None
        self.main_task: asyncio.Task[None] | None = None
        self.on_failure: Callable[[Host, BaseException], None] | None = None
        self.listeners: list[Listener] = []
        self._fault_points: FaultPoints | None = None
        self._held: dict[object, Manner] = {}
        self._running = False
        self._terminating = False
        self._boot_when_ended = False
        self.clock.on_rate_change.append(self._rate_changed)

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.state}>"

    @property
    def state(self) -> State:
        """What a strip of host states shows."""
        if not self._running:
            return "down"
        return "paused" if self.loop.frozen else "up"

    @property
    def running(self) -> bool:
        """True while a process runs, paused or not."""
        return self._running

    @property
    def fault_points(self) -> FaultPoints:
        """The places in its program where it can be crashed."""
        if self._fault_points is None:
            self._fault_points = FaultPoints()
        return self._fault_points

    def memory(self) -> int:
        """Return the bytes that the process holds, as `simkit.hosts.memory` counts them; 0 without a process."""
        return held_by(self.loop.tasks.values()) if self._running else 0

    # -- faults hold a host, and let it go

    def hold(self, cause: object, manner: Manner, *, grace_ns: int = GRACE_NS, tearing: Tearing = "some") -> None:
        """End or pause the process in this manner, and keep it so until `release` is called for the same cause."""
        self._held[cause] = manner
        if manner == "suspend":
            self.clock.stand()
        if manner in STILL:
            self.pause()
        elif manner == "stop":
            self.stop(grace_ns)
        else:
            self._end(manner, tearing)

    def release(self, cause: object) -> None:
        """Undo one `hold`; the host boots or resumes once no other cause holds it."""
        manner = self._held.pop(cause, None)
        if manner is None:
            return
        if not self._held_by("suspend"):
            self.clock.go_on()
        if not self._held_still and self._running and self.loop.frozen:
            self.resume()
        if manner in STILL or self.held_down:
            return
        if not self._running:
            self.boot()
        elif self._terminating:
            # The cause was lifted within the period of grace; the process still ends, and starts again after that.
            self._boot_when_ended = True

    def _held_by(self, manner: Manner) -> bool:
        return manner in self._held.values()

    @property
    def _held_still(self) -> bool:
        return any(manner in STILL for manner in self._held.values())

    @property
    def held_down(self) -> bool:
        """True while some cause keeps the host from booting."""
        return any(manner not in STILL for manner in self._held.values())

    # -- a process begins

    def boot(self) -> None:
        """Start the program in a fresh process; does nothing while one runs, or in a closed world."""
        if self._running or self.world.closed:
            return
        self.incarnation += 1
        self._running = True
        self._terminating = self._boot_when_ended = False
        self.exit_code = None
        # The loop made with the host serves its first process, so that nothing is made twice for an idle host.
        if self.incarnation > 1:
            self.loop = self.world.new_loop(self.name, self.index)
        loop = self.loop
        loop.host = self
        loop.clock = self.clock
        if self.executor_cost_ns:
            loop.executor_cost_ns = self.executor_cost_ns
        loop.set_exception_handler(self._failed_somewhere)
        self._told("boot", self.incarnation)
        if self.program is not None:
            self.main_task = loop.create_task(self.program(self), name=f"{self.name}/main", context=loop.context.copy())
            self.main_task.add_done_callback(self._main_done, context=loop.context)
        if self._held_still:
            self.pause()

    def _main_done(self, task: "asyncio.Task[None]") -> None:
        if not self._running or task is not self.main_task:
            return
        error = None if task.cancelled() else task.exception()
        if error is None:
            self.exit_code = 0
            self._end("exit")
        else:
            self.fail(error)

    def _failed_somewhere(self, loop: object, context: dict[str, Any]) -> None:
        """Take an exception that nobody awaits: in a callback, or in a task that was dropped."""
        error = context.get("exception") or RuntimeError(str(context.get("message")))
        if loop is self.loop:
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the process because of an exception that nothing in it handles."""
        if not self._running:
            return
        self.exit_code = 1
        self._end("exit")
        if self.on_failure is not None:
            self.on_failure(self, error)

    # -- a process ends

    def ended_by_signal(self, number: int) -> None:
        """End the process because of a signal that it sent to itself and does not handle."""
        if self._running:
            self.exit_code = -number
            self._end("exit")

    def stop(self, grace_ns: int = GRACE_NS) -> None:
        """Send SIGTERM: its handler runs, or the main task is cancelled; after `grace_ns` the process is killed."""
        if not self._running:
            return
        self._told("stop")
        self._terminating = True
        handler = self.loop.signal_handlers.get(SIGTERM, SIG_DFL)
        if callable(handler):
            self.world.post(self.world.now_ns, self.loop, handler, int(SIGTERM), None)
        elif handler == SIG_DFL and self.main_task is not None:
            self.world.post(self.world.now_ns, self.loop, self.main_task.cancel)
        elif handler == SIG_DFL:
            self._end("kill")
            return
        self.world.post(self.world.now_ns + grace_ns, self.world.control, self._grace_is_over, self.incarnation)

    def _grace_is_over(self, incarnation: int) -> None:
        if self._running and self.incarnation == incarnation:
            self._end("kill")

    def kill(self) -> None:
        """End the process at once (SIGKILL): no `finally`; the page cache survives and peers are told."""
        if self._running:
            self._end("kill")

    def power_cut(self, tearing: Tearing = "some") -> None:
        """End the machine: unsynced data is lost, and peers hear nothing."""
        self._end("power_cut", tearing)

    def wipe(self) -> None:
        """End the machine, and its disk with it."""
        self._end("wipe")

    def _end(self, manner: str, tearing: Tearing = "some") -> None:
        was_running, self._running = self._running, False
        if was_running:
            self.loop.bury()
            self.main_task = None
            self.cpu.process_ended()
            self.disk.process_ended()
        # A machine without a process can still lose its power, and with it the page cache.
        if manner == "power_cut":
            self.disk.power_cut(tearing)
        elif manner == "wipe":
            self.disk.wipe()
        if was_running or manner in ("power_cut", "wipe"):
            self._told(manner, self.incarnation)
        if self._boot_when_ended and not self.held_down:
            self.boot()

    # -- a process stands still

    def pause(self) -> None:
        """Stop the process where it stands (SIGSTOP); clocks run on and buffers fill."""
        if self._running and not self.loop.frozen:
            self.loop.freeze()
            self.cpu.pause()
            self._told("pause")

    def resume(self) -> None:
        """Let the process go on (SIGCONT): received I/O first, then overdue timers."""
        if self._running and self.loop.frozen:
            self.loop.thaw()
            self.cpu.resume()
            self._told("resume")

    def _rate_changed(self) -> None:
        if self._running:
            self.loop.clock_changed()

    def _told(self, transition: str, *detail: int) -> None:
        self.world.records.write("host", self.name, transition, *detail)
        for listener in list(self.listeners):
            listener(self, transition)
