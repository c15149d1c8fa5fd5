"""Producers and consumers in SimPy: `Store(capacity=...)` stands for the bounded queue."""

from collections.abc import Generator, Sequence
from typing import Any

import simpy

from benchmarks.plain_asyncio import Lines
from benchmarks.work import Outcome, Timed


def prepare(given: Lines) -> Timed:
    """Set the environment up."""
    env = simpy.Environment()
    order: list[int] = []

    def produce(making_s: Sequence[float], store: simpy.Store) -> Generator[simpy.Event, Any, None]:
        for item, make_s in enumerate(making_s):
            yield env.timeout(make_s)
            yield store.put(item)

    def consume(number: int, using_s: Sequence[float], store: simpy.Store) -> Generator[simpy.Event, Any, None]:
        for use_s in using_s:
            yield store.get()
            yield env.timeout(use_s)
            order.append(number)

    for number, (making_s, using_s) in enumerate(zip(given.making_s, given.using_s, strict=True)):
        store = simpy.Store(env, capacity=given.room)
        env.process(produce(making_s, store))
        env.process(consume(number, using_s, store))

    def run() -> Outcome:
        env.run()
        return Outcome(len(order), env.now, order)

    return run
