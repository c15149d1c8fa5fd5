"""Faults of processors and memory: cores that compute too slowly, and processes that outgrow their limit.

Only work that a program declares with `cpu.work` takes time, so only that gets slower. What memory is counted is said
in `simkit.hosts.memory`.

They deliberately take nothing away by themselves: a process that stays below its limit never notices it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from pydantic import Field

from simkit.fault import Arena, Condition
from simkit.hosts.host import Host
from simkit.kernel.posted import Posted
from simkit.language.units import Duration, Size


class CpuSlow(Condition):
    """Cores take so many times as long, also for the work under way and the work that waits.

    Seen: Cloudflare, 2 July 2019, a regular expression that backtracked took all cores that served HTTP, worldwide
    ("Details of the Cloudflare outage on July 2, 2019"); processors that throttle themselves are among the cases of
    Gunawi et al., "Fail-Slow at Scale", FAST 2018.
    """

    word = "cpu_slow"
    disables = False

    factor: float = Field(ge=1, allow_inf_nan=False)
    """How many times as long a piece of work takes."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`."""
        with ExitStack() as undoing:
            for host in targets:
                undoing.callback(host.cpu.slow(self.factor))
            yield


class _Watch:
    """Looks at the memory of hosts at fixed intervals and kills those that hold too much."""

    def __init__(self, arena: Arena, hosts: tuple[Host, ...], fault: "MemoryLimit") -> None:
        self._arena = arena
        self._hosts = hosts
        self._fault = fault
        self._down: dict[object, Host] = {}
        self._look()

    def _look(self) -> None:
        for host in self._hosts:
            if host.memory() > self._fault.limit:
                cause = object()
                self._down[cause] = host
                host.hold(cause, "kill")
                self._after(self._fault.restart, self._let_go, cause)
        self._next = self._after(self._fault.look, self._look)

    def _after(self, delay: int, then: Callable[..., None], *given: object) -> Posted:
        world = self._arena.world
        return world.post(world.now_ns + int(delay), world.control, then, *given)

    def _let_go(self, cause: object) -> None:
        host = self._down.pop(cause, None)
        if host is not None:
            host.release(cause)

    def heal(self) -> None:
        self._next.cancel()
        for cause in list(self._down):
            self._let_go(cause)


class MemoryLimit(Condition):
    """A process that holds more memory than its limit is killed, and starts again a moment later, as a container does.

    Counted is the data that the program's coroutines can reach, in fixed intervals; see `simkit.hosts.memory`.

    Seen: Kubernetes kills the container with exit code 137; what comes back with an empty cache often outgrows the
    limit again. Amazon EBS, 22 October 2012, a memory leak of an agent that had no limit took storage servers down.
    """

    word = "memory_limit"
    disables = False  # a limit is there for everybody, and takes down only who outgrows it

    limit: Size = Field(gt=0)
    """More than this is too much."""
    look: Duration = Field(default=Duration(10**9), ge=10**6)
    """How often memory is looked at, 1ms or more."""
    restart: Duration = Field(default=Duration(10**9), gt=0)
    """How long after it was killed a process starts again."""

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Host, ...]) -> Iterator[None]:
        """See `Condition.hold`; at the end whoever is down because of it boots."""
        watch = _Watch(arena, targets, self)
        try:
            yield
        finally:
            watch.heal()
