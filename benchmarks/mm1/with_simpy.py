"""M/M/1 in SimPy: a Resource and a process for each customer, as SimPy's "Bank Renege" example writes it."""

from collections.abc import Generator

import simpy

from benchmarks.mm1 import Customers
from benchmarks.work import Outcome, Timed


def prepare(given: Customers) -> Timed:
    """Set the environment up."""
    env = simpy.Environment()
    server = simpy.Resource(env, capacity=1)
    order: list[int] = []

    def customer(number: int, service_s: float) -> Generator[simpy.Event, object, None]:
        with server.request() as request:
            yield request
            yield env.timeout(service_s)
        order.append(number)

    def source() -> Generator[simpy.Event, object, None]:
        for number, gap_s in enumerate(given.gaps_s):
            yield env.timeout(gap_s)
            env.process(customer(number, given.services_s[number]))

    env.process(source())

    def run() -> Outcome:
        env.run()
        return Outcome(len(order), env.now, order)

    return run
