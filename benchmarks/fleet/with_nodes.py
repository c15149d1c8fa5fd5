"""Devices as nodes of their own: a host each, with a task that sleeps. It is what a fleet is there to spare."""

import asyncio

from benchmarks.fleet import MEAN_S, Population
from benchmarks.simkit_hosts import HORIZON_NS, booted, start
from benchmarks.work import Outcome, Timed
from simkit.kernel import Stream, World


class Sleeper:
    """What a device knows."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.seen = 0
        self.last_s = 0.0

    async def run(self, each: int) -> None:
        """Wake, count, and draw when to wake again."""
        for _ in range(each):
            await asyncio.sleep(self._stream.exponential(MEAN_S))
            self.seen += 1
        self.last_s = asyncio.get_running_loop().time()


def prepare(given: Population) -> Timed:
    """Set the world up."""
    world = World(seed=1)
    sleepers = []
    for host in booted(world, given.devices):
        sleepers.append(Sleeper(world.stream(f"node/{host.name}")))
        start(host, sleepers[-1].run(given.each))

    def run() -> Outcome:
        world.run(HORIZON_NS)
        return Outcome(sum(each.seen for each in sleepers), max(each.last_s for each in sleepers))

    return run
