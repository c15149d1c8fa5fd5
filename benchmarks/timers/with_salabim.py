"""Timers in salabim: a component for each, in both of its modes; the second one needs greenlet."""

from typing import Any

from benchmarks.salabim_environment import Quiet, environment
from benchmarks.timers import Sleeps
from benchmarks.work import Outcome, Timed


class _Yielding(Quiet):
    def process(self) -> Any:
        for delay_s in self.delays_s:
            yield self.hold(delay_s)
            self.order.append(self.number)
        self.ends_s.append(self.env.now())


class _Yieldless(Quiet):
    def process(self) -> None:
        for delay_s in self.delays_s:
            self.hold(delay_s)
            self.order.append(self.number)
        self.ends_s.append(self.env.now())


def _prepare(given: Sleeps, kind: type[Quiet]) -> Timed:
    env = environment(yieldless=kind is _Yieldless)
    order: list[int] = []
    ends_s: list[float] = []
    for number, delays_s in enumerate(given.delays_s):
        kind(env=env, number=number, delays_s=delays_s, order=order, ends_s=ends_s)

    def run() -> Outcome:
        env.run()
        return Outcome(len(order), max(ends_s), order)

    return run


def with_yield(given: Sleeps) -> Timed:
    """Set up components that are generators."""
    return _prepare(given, _Yielding)


def yieldless(given: Sleeps) -> Timed:
    """Set up components that are greenlets."""
    return _prepare(given, _Yieldless)
