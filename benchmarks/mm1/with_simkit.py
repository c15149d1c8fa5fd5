"""M/M/1 on one host of a simkit world, in two ways.

`semaphore` is the same code as on asyncio. `cpu` says ``await host.cpu.work(seconds)``, which is how a node queues for
a server that is first come, first served: the queue is arithmetic, so a customer waits once instead of twice.
"""

import asyncio

from benchmarks.mm1 import Customers
from benchmarks.mm1.customers import source
from benchmarks.simkit_hosts import HORIZON_NS, booted, start
from benchmarks.work import Outcome, Timed
from simkit.hosts.host import Host
from simkit.kernel import World


def _run(world: World, order: list[int], ends_s: list[float]) -> Timed:
    def run() -> Outcome:
        world.run(HORIZON_NS)
        return Outcome(len(order), max(ends_s), order)

    return run


def semaphore(given: Customers) -> Timed:
    """Set up the code of `customers.py`."""
    world = World(seed=1)
    order: list[int] = []
    ends_s: list[float] = []
    start(booted(world, 1)[0], source(given, order, ends_s))
    return _run(world, order, ends_s)


def cpu(given: Customers) -> Timed:
    """Set up customers of the host's processor."""
    world = World(seed=1)
    order: list[int] = []
    ends_s: list[float] = []

    async def customer(host: Host, number: int, service_s: float) -> None:
        await host.cpu.work(service_s)
        order.append(number)

    async def arrivals(host: Host) -> None:
        last = None
        for number, gap_s in enumerate(given.gaps_s):
            await asyncio.sleep(gap_s)
            last = host.loop.create_task(customer(host, number, given.services_s[number]))
        assert last is not None
        await last
        ends_s.append(host.loop.time())

    host = booted(world, 1)[0]
    start(host, arrivals(host))
    return _run(world, order, ends_s)
