"""Plain asyncio code in a simkit world, spread over 100 hosts."""

from benchmarks.plain_asyncio import Lines
from benchmarks.plain_asyncio.line import line
from benchmarks.simkit_hosts import HORIZON_NS, booted, start
from benchmarks.work import Outcome, Timed
from simkit.kernel import World

HOSTS = 100


def prepare(given: Lines) -> Timed:
    """Set the world up."""
    world = World(seed=1)
    hosts = booted(world, HOSTS)
    order: list[int] = []
    ends_s: list[float] = []
    for number, (making_s, using_s) in enumerate(zip(given.making_s, given.using_s, strict=True)):
        start(hosts[number % HOSTS], line(number, making_s, using_s, given.room, order, ends_s))

    def run() -> Outcome:
        world.run(HORIZON_NS)
        return Outcome(len(order), max(ends_s), order)

    return run
