"""Messages in salabim: the receiver is passive, and the sender activates it after the latency.

It is the cheapest way salabim has; a component for each message under way and a Store for each player would be
several times slower, and ping-pong does not need them.
"""

from typing import Any

from benchmarks.messages import Latencies
from benchmarks.salabim_environment import Quiet, environment
from benchmarks.work import Outcome, Timed


class _First(Quiet):
    def process(self) -> Any:
        for latency_s in self.latencies_s:
            self.other.activate(delay=latency_s)
            yield self.passivate()
            self.order.append(self.number)
        self.ends_s.append(self.env.now())


class _Second(Quiet):
    def process(self) -> Any:
        yield self.passivate()
        for latency_s in self.latencies_s:
            self.order.append(self.number)
            self.other.activate(delay=latency_s)
            yield self.passivate()


class _YieldlessFirst(Quiet):
    def process(self) -> None:
        for latency_s in self.latencies_s:
            self.other.activate(delay=latency_s)
            self.passivate()
            self.order.append(self.number)
        self.ends_s.append(self.env.now())


class _YieldlessSecond(Quiet):
    def process(self) -> None:
        self.passivate()
        for latency_s in self.latencies_s:
            self.order.append(self.number)
            self.other.activate(delay=latency_s)
            self.passivate()


def _prepare(given: Latencies, first: type[Quiet], second: type[Quiet], *, yieldless: bool) -> Timed:
    env = environment(yieldless=yieldless)
    order: list[int] = []
    ends_s: list[float] = []
    for number, (there_s, back_s) in enumerate(zip(given.there_s, given.back_s, strict=True)):
        # The second one first, so that it is passive when the first message is sent.
        other = second(env=env, number=number, latencies_s=back_s, order=order)
        other.other = first(env=env, number=number, latencies_s=there_s, order=order, ends_s=ends_s, other=other)

    def run() -> Outcome:
        env.run()
        return Outcome(len(order), max(ends_s), order)

    return run


def with_yield(given: Latencies) -> Timed:
    """Set up components that are generators."""
    return _prepare(given, _First, _Second, yieldless=False)


def yieldless(given: Latencies) -> Timed:
    """Set up components that are greenlets."""
    return _prepare(given, _YieldlessFirst, _YieldlessSecond, yieldless=True)
