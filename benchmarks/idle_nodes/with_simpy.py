"""Idle nodes in SimPy: a process that waits for its Store."""

from collections.abc import Generator

import simpy

from benchmarks.idle_nodes import Nodes
from benchmarks.work import Outcome, Timed


def prepare(given: Nodes) -> Timed:
    """Make a process and a Store for each node."""
    env = simpy.Environment()

    def wait(store: simpy.Store) -> Generator[simpy.Event, object, None]:
        yield store.get()

    nodes = [env.process(wait(simpy.Store(env))) for _ in range(given.count)]

    def run() -> Outcome:
        env.run()
        return Outcome(sum(node.is_alive for node in nodes))

    return run
