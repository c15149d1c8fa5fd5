"""Devices as a fleet on one host of a simkit world, with ticks of a second."""

from typing import Any

import numpy as np

from benchmarks.fleet import MEAN_S, Population
from benchmarks.simkit_hosts import HORIZON_NS, booted, failing, start
from benchmarks.work import Outcome, Timed
from simkit.fleet import Column, Devices, Fleet, FleetConfig, Times
from simkit.kernel import World
from simkit.language.units import Duration
from simkit.network.endpoint import Endpoint
from simkit.network.network import Network
from simkit.node import Directory, Equipment
from simkit.observe.history import History
from simkit.observe.metrics import Metrics

TICK = Duration(1_000_000_000)


class Sleepers(Fleet):
    """Wake, count, and draw when to wake again."""

    seen = Column("u4")
    each = 1
    last_ns = 0

    def begin(self, devices: Devices) -> None:
        self._sleep(devices, 0)

    def woke(self, devices: Devices, due_ns: Times) -> None:
        seen = self.seen[devices] + np.uint32(1)
        self.seen[devices] = seen
        more = seen < self.each
        if not more.all():
            self.last_ns = max(self.last_ns, int(due_ns.max()))
            devices, due_ns = devices[more], due_ns[more]
        self._sleep(devices, due_ns)

    def _sleep(self, devices: Devices, from_ns: Any) -> None:
        self.wake(devices, from_ns + np.rint(self.draws("sleep").exponential(devices, MEAN_S * 1e9)).astype(np.int64))


def _prepare(given: Population, order: Any) -> Timed:
    world = World(seed=1)
    network = Network(world)
    [host] = booted(world, 1)
    network.attach(host)
    host.on_failure = failing
    equipment = Equipment(
        host=host,
        config=FleetConfig(devices=given.devices, tick=TICK, order=order),
        endpoint=Endpoint(network, host),
        metrics=Metrics(world, HORIZON_NS).host(host.name),
        history=History(world),
        directory=Directory([host]),
    )
    fleet = Sleepers.on(equipment)
    fleet.each = given.each
    start(host, fleet.run())

    def run() -> Outcome:
        world.run(HORIZON_NS)
        return Outcome(int(fleet.seen.sum()), fleet.last_ns / 1e9)

    return run


def by_device(given: Population) -> Timed:
    """Set a fleet up whose devices wake by number within a tick."""
    return _prepare(given, "device")


def by_due(given: Population) -> Timed:
    """Set a fleet up whose devices wake in the order of their moments."""
    return _prepare(given, "due")
