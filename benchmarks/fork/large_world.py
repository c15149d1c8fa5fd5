"""A world whose hosts keep many small things in memory, and what a branch of it does."""

import asyncio
import resource
from typing import Any

from benchmarks.simkit_hosts import booted, start
from simkit.kernel import World

HOSTS = 100
AT_NS = 10 * 10**9
END_NS = AT_NS + 10**9


def walked(items: int) -> World:
    """Return a world that has run up to the instant, with that many items in its hosts' memory."""
    world = World(1)
    for host in booted(world, HOSTS):
        stream = world.stream(host.name)

        async def fill_and_tick(name: str = host.name, draw: Any = stream.exponential) -> None:
            kept = {number: f"{name} {number}" for number in range(items // HOSTS)}
            while True:
                await asyncio.sleep(draw(1.0))
                world.records.write("event", name, len(kept))

        start(host, fill_and_tick())
    world.run(AT_NS)
    return world


def digest_of_branch(world: World, number: int, goes_on: bool) -> int:
    """Go on as that branch, or not at all, and return the digest as an integer."""
    if goes_on:
        world.branch(number)
        world.run(END_NS)
    return int(world.records.digest()[:15], 16)


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
