"""Networks that come and go: flapping links, swizzle-clogging.

Both move between cut and whole many times within one fault, so that what depends on a connection is made and broken
again before it has settled.

They deliberately draw their times from the fault's own stream: a second one of the same kind keeps other times.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import Field, field_validator

from simkit.fault import Arena, Condition, Link, Plan
from simkit.hosts.host import Host
from simkit.language.problem import Refusal
from simkit.language.units import Distribution, Duration, read_distribution
from simkit_faults.links import Around, selected

SECOND = 10**9
MILLISECOND = 10**6


class _Flapping:
    """A cut that comes and goes."""

    def __init__(self, arena: Arena, links: tuple[Link, ...], down: Any, up: Any) -> None:
        self._arena = arena
        self._selector = selected(links)
        self._down = down
        self._up = up
        self._undo = self._go_down()

    def _next(self, distribution: Any, then: Any) -> None:
        world = self._arena.world
        delay_ns = max(1, round(distribution.draw(self._arena.stream)))
        self._posted = world.post(world.now_ns + delay_ns, world.control, then)

    def _go_down(self) -> Any:
        self._undo = self._arena.network.cut(selector=self._selector)
        self._next(self._down, self._come_up)
        return self._undo

    def _come_up(self) -> None:
        self._undo()
        self._next(self._up, self._go_down)

    def heal(self) -> None:
        self._posted.cancel()
        self._undo()


class Flap(Condition):
    """The links, or the links between the groups, go down and come up again and again.

    Seen: link flaps are among the events of Gill et al., "Understanding Network Failures in Data Centers: Measurement,
    Analysis, and Implications", SIGCOMM 2011; each breaks every connection that crosses it.
    """

    word = "flap"
    target = "groups"

    down: Distribution = read_distribution("1s")
    """How long they are down each time."""
    up: Distribution = read_distribution("5s")
    """How long they are up in between."""

    @field_validator("down", "up")
    @classmethod
    def _slow_enough(cls, value: Any) -> Any:
        if value.mean < MILLISECOND:
            raise Refusal("a link that flaps more often than every 1ms is a link that loses packets; use `loss`")
        return value

    @contextmanager
    def hold(self, arena: Arena, targets: tuple[Link, ...]) -> Iterator[None]:
        """See `Condition.hold`; the links begin by going down."""
        flapping = _Flapping(arena, targets, self.down, self.up)
        try:
            yield
        finally:
            flapping.heal()


class Swizzle(Plan):
    """The hosts are cut off one after the other, in an order and at times drawn at random, and come back in another.

    Seen: FoundationDB's simulator does it and calls it swizzle-clogging; it found bugs that simpler partitions did not
    (Wilson, "Testing Distributed Systems with Deterministic Simulation", Strange Loop 2014).
    """

    word = "swizzle"

    over: Duration = Field(default=Duration(10 * SECOND), gt=0)
    """Within which time all of them are cut off, and within which they come back."""
    keep: Duration = Duration(5 * SECOND)
    """How long all of them are cut off together in between."""

    async def carry_out(self, arena: Arena, targets: tuple[Host, ...]) -> None:
        """See `Plan.carry_out`."""
        undo = {}
        async for host in self._one_by_one(arena, targets):
            arena.cuts.append(((host.name,), (), True))
            undo[host.name] = arena.network.cut(selector=Around(frozenset([host.name])))
        await asyncio.sleep(int(self.keep) / SECOND)
        async for host in self._one_by_one(arena, targets):
            undo[host.name]()

    async def _one_by_one(self, arena: Arena, targets: tuple[Host, ...]) -> AsyncIterator[Host]:
        """Yield every host once, in an order and at times drawn at random."""
        moments = sorted(arena.stream.below(int(self.over)) for _ in targets)
        passed_ns = 0
        for host, moment_ns in zip(arena.stream.sample(targets, len(targets)), moments, strict=True):
            await asyncio.sleep((moment_ns - passed_ns) / SECOND)
            passed_ns = moment_ns
            yield host
