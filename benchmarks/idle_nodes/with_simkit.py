"""Idle nodes in a simkit world: bare loops of the kernel, and whole hosts."""

import asyncio

from benchmarks.idle_nodes import Nodes
from benchmarks.work import Outcome, Timed
from simkit.hosts.host import Host
from simkit.kernel import World


async def _wait() -> None:
    await asyncio.get_running_loop().create_future()


async def _wait_on(host: Host) -> None:
    await _wait()


def loops(given: Nodes) -> Timed:
    """Make a loop with one task for each node."""
    world = World(seed=1)
    made = [world.new_loop(f"node-{number}") for number in range(given.count)]
    for loop in made:
        loop.create_task(_wait(), context=loop.context)

    def run() -> Outcome:
        world.run(0)
        return Outcome(sum(bool(loop.tasks) for loop in made))

    return run


def hosts(given: Nodes) -> Timed:
    """Boot a host for each node."""
    world = World(seed=1)
    made = [Host(world, f"node-{number}", index=number, program=_wait_on) for number in range(given.count)]
    for host in made:
        host.boot()

    def run() -> Outcome:
        world.run(0)
        return Outcome(sum(host.running for host in made))

    return run
