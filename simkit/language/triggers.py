"""Waiting for moments: a time, the edge of another fault, the n-th event, the n-th time a program reaches a point.

Everything is counted from when the waiting begins, over all hosts that are meant together.

It deliberately strikes nobody: who waits here is a fault's life in `injector`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from simkit.hosts.host import Host
from simkit.kernel import Record, World
from simkit.language.moment import FaultEdge, Moment, Occurrence, PointReached
from simkit.language.roster import Roster
from simkit.language.target import Target


class Triggers:
    """The moments of one run.

    Args:
        world, hosts, roster: whose events and points are meant.
        faults: the names of all faults, whose edges others may wait for.
    """

    def __init__(self, world: World, hosts: Mapping[str, Host], roster: Roster, faults: Iterable[str]) -> None:
        self._world = world
        self._hosts = hosts
        self._roster = roster
        self._edges: dict[tuple[str, str], asyncio.Event] = {}
        for name in faults:
            self.add(name)

    def add(self, fault: str) -> None:
        """Know a further fault, whose edges are still to come."""
        for edge in ("begins", "ends"):
            self._edges[fault, edge] = asyncio.Event()

    def knows(self, fault: str) -> bool:
        """Return whether there is a fault of that name."""
        return (fault, "begins") in self._edges

    def passed(self, fault: str, edge: str) -> None:
        """Say that a fault has begun or ended."""
        self._edges[fault, edge].set()

    async def reached(self, moment: Moment) -> str | None:
        """Wait for a moment, one that has passed is reached at once; return the host where it was, if it was at one."""
        there = None
        match moment.anchor:
            case FaultEdge(fault, edge):
                await self._edges[fault, edge].wait()
            case Occurrence():
                there = await self._seen(moment.anchor)
            case PointReached():
                future = self._world.control.create_future()
                self.at_point(moment.anchor, lambda host: self._later(future, host))
                there = await future
            case _:
                await self.sleep(moment.delay_ns - self._world.now_ns)
                return None
        await self.sleep(moment.delay_ns)
        return there

    def future_of(self, moment: Moment) -> asyncio.Task[str | None]:
        """Return a task that ends at a moment."""
        return self._world.control.create_task(self.reached(moment))

    async def sleep(self, delay_ns: int) -> None:
        """Wait in integer nanoseconds, where `asyncio.sleep` would go through floats."""
        if delay_ns > 0:
            future = self._world.control.create_future()
            self._world.post(self._world.now_ns + delay_ns, self._world.control, future.set_result, None)
            await future

    def at_point(self, point: PointReached, act: Callable[[str], None]) -> None:
        """Act once, within the step of the program that reaches a point for the n-th time; it is given the host."""
        remaining = point.ordinal
        undoing: list[Callable[[], None]] = []

        def reached(host: str, name: str) -> None:
            nonlocal remaining
            if point.point in (None, name):
                remaining -= 1
                if remaining == 0:
                    for undo in undoing:
                        undo()
                    act(host)

        for host in self._meant(point.target) or self._hosts:
            listener: Callable[[str], None] = lambda name, host=host: reached(host, name)  # type: ignore[misc]  # noqa: E731
            undoing.append(self._hosts[host].fault_points.watch(listener))

    def _meant(self, target: Target | None) -> list[str]:
        return [] if target is None else [entry.name for entry in target.candidates(self._roster)]

    async def _seen(self, occurrence: Occurrence) -> str:
        """Wait until an event has been emitted for the n-th time, from now on; return the host that did."""
        future: asyncio.Future[str] = self._world.control.create_future()
        allowed = frozenset(self._meant(occurrence.target))
        remaining = occurrence.ordinal

        def heard(record: Record) -> None:
            nonlocal remaining
            if record.detail[0] == occurrence.event and (not allowed or record.host in allowed):
                remaining -= 1
                if remaining == 0:
                    self._later(future, record.host)

        self._world.records.subscribe(("event",), heard)
        return await future

    def _later(self, future: asyncio.Future[str], host: str) -> None:
        # Through the queue: an observer runs inside the node's own step and must not act there.
        self._world.post(self._world.now_ns, self._world.control, future.set_result, host)
