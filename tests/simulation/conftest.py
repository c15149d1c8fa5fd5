"""What the tests of SimPy in the world share: a world, a host in it, and a full trace of an environment's events.

The trace is SimPy's own recipe: another `step` in the place of the environment's. Order numbers are in it, so that two
equal traces are the same schedule.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import simpy

from simkit.hosts import Host
from simkit.kernel import World

Trace = list[tuple[Any, ...]]


def trace_of(env: simpy.Environment) -> Trace:
    """Return a list that grows by (time, priority, order number, kind of event) with every event."""
    trace: Trace = []
    step = env.step

    def traced() -> None:
        time, priority, number, event = env._queue[0]
        trace.append((time, priority, number, type(event).__name__))
        step()

    env.step = traced  # type: ignore[method-assign]
    return trace


@pytest.fixture(scope="session")
def traced() -> Callable[[simpy.Environment], Trace]:
    return trace_of


@pytest.fixture
def world() -> Iterator[World]:
    world = World(1)
    yield world
    world.close()


@pytest.fixture
def host(world: World) -> Host:
    """A host that is up and has nothing to do; its failures are kept in `host.failures`."""

    async def idle(host: Host) -> None:
        await host.loop.create_future()

    host = Host(world, "a", program=idle)
    host.failures = []  # type: ignore[attr-defined]
    host.on_failure = lambda _, error: host.failures.append(error)  # type: ignore[attr-defined]
    host.boot()
    return host
