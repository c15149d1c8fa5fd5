"""Timers in SimPy: a process for each, as the first page of SimPy's documentation writes it."""

from collections.abc import Generator, Sequence

import simpy

from benchmarks.timers import Sleeps
from benchmarks.work import Outcome, Timed


def prepare(given: Sleeps) -> Timed:
    """Set the environment up."""
    env = simpy.Environment()
    order: list[int] = []
    ends_s: list[float] = []

    def sleeper(number: int, delays_s: Sequence[float]) -> Generator[simpy.Event, object, None]:
        for delay_s in delays_s:
            yield env.timeout(delay_s)
            order.append(number)
        ends_s.append(env.now)

    for number, delays_s in enumerate(given.delays_s):
        env.process(sleeper(number, delays_s))

    def run() -> Outcome:
        env.run()
        return Outcome(len(order), max(ends_s), order)

    return run
