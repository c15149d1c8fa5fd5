"""M/M/1 in salabim: a Resource and a component for each customer; the resource's monitors are off, as all are here."""

from typing import Any

import salabim

from benchmarks.mm1 import Customers
from benchmarks.salabim_environment import Quiet, environment
from benchmarks.work import Outcome, Timed


class _Customer(Quiet):
    def process(self) -> Any:
        yield self.request(self.server)
        yield self.hold(self.service_s)
        self.release()
        self.order.append(self.number)


class _Source(Quiet):
    def process(self) -> Any:
        for number, gap_s in enumerate(self.given.gaps_s):
            yield self.hold(gap_s)
            _Customer(
                env=self.env,
                number=number,
                service_s=self.given.services_s[number],
                server=self.server,
                order=self.order,
            )


class _YieldlessCustomer(Quiet):
    def process(self) -> None:
        self.request(self.server)
        self.hold(self.service_s)
        self.release()
        self.order.append(self.number)


class _YieldlessSource(Quiet):
    def process(self) -> None:
        for number, gap_s in enumerate(self.given.gaps_s):
            self.hold(gap_s)
            _YieldlessCustomer(
                env=self.env,
                number=number,
                service_s=self.given.services_s[number],
                server=self.server,
                order=self.order,
            )


def _prepare(given: Customers, source: type[Quiet], *, yieldless: bool) -> Timed:
    env = environment(yieldless=yieldless)
    server = salabim.Resource(env=env, capacity=1)
    for monitor in server.all_monitors():
        monitor.monitor(False)
    order: list[int] = []
    source(env=env, given=given, server=server, order=order)

    def run() -> Outcome:
        env.run()
        return Outcome(len(order), env.now(), order)

    return run


def with_yield(given: Customers) -> Timed:
    """Set up components that are generators."""
    return _prepare(given, _Source, yieldless=False)


def yieldless(given: Customers) -> Timed:
    """Set up components that are greenlets."""
    return _prepare(given, _YieldlessSource, yieldless=True)
