"""One run of about 50 ms: hosts that tick, and write what they do into the digest."""

import asyncio
from typing import Any

from benchmarks.simkit_hosts import HORIZON_NS, booted, start
from simkit.kernel import World

HOSTS = 20
TICKS = 100


def digest(seed: int) -> int:
    """Run one world and return its digest as an integer."""
    world = World(seed)
    for host in booted(world, HOSTS):
        stream = world.stream(host.name)

        async def tick(name: str = host.name, draw: Any = stream.exponential) -> None:
            for number in range(TICKS):
                await asyncio.sleep(draw(1.0))
                world.records.write("event", name, number)

        start(host, tick())
    world.run(HORIZON_NS)
    world.close()
    return int(world.records.digest()[:15], 16)


def call(say: Any, seed: int) -> int:
    """The same, for a simkit worker."""
    return digest(seed)
