"""Messages in SimPy, in two ways.

`stores` follows SimPy's own example of a cable with latency (docs, "Event Latency"): a process waits out the latency
and puts the message into a Store. `callbacks` is what somebody who reads SimPy's source would write for speed: no
process and no Store, only a time-out whose callback sets off the event the receiver waits for.
"""

from collections.abc import Generator, Sequence
from typing import Any

import simpy

from benchmarks.messages import Latencies
from benchmarks.work import Outcome, Timed

Steps = Generator[simpy.Event, Any, None]


def stores(given: Latencies) -> Timed:
    """Set up a Store for each player."""
    env = simpy.Environment()
    order: list[int] = []
    ends_s: list[float] = []

    def latency(latency_s: float, target: simpy.Store, message: int) -> Steps:
        yield env.timeout(latency_s)
        target.put(message)

    def first(number: int, latencies_s: Sequence[float], inbox: simpy.Store, outbox: simpy.Store) -> Steps:
        for latency_s in latencies_s:
            env.process(latency(latency_s, outbox, number))
            order.append((yield inbox.get()))
        ends_s.append(env.now)

    def second(latencies_s: Sequence[float], inbox: simpy.Store, outbox: simpy.Store) -> Steps:
        for latency_s in latencies_s:
            message = yield inbox.get()
            order.append(message)
            env.process(latency(latency_s, outbox, message))

    for number, (there_s, back_s) in enumerate(zip(given.there_s, given.back_s, strict=True)):
        ones, others = simpy.Store(env), simpy.Store(env)
        env.process(first(number, there_s, ones, others))
        env.process(second(back_s, others, ones))

    def run() -> Outcome:
        env.run()
        return Outcome(len(order), max(ends_s), order)

    return run


class _Inbox:
    """One event that the next message sets off; ping-pong never has two messages under way to one player."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env
        self.arrival = env.event()

    def deliver(self, timeout: simpy.Event) -> None:
        arrival, self.arrival = self.arrival, self._env.event()
        arrival.succeed(timeout.value)


def callbacks(given: Latencies) -> Timed:
    """Set up an event for each player."""
    env = simpy.Environment()
    order: list[int] = []
    ends_s: list[float] = []

    def send(latency_s: float, target: _Inbox, message: int) -> None:
        timeout = env.timeout(latency_s, message)
        assert timeout.callbacks is not None
        timeout.callbacks.append(target.deliver)

    def first(number: int, latencies_s: Sequence[float], inbox: _Inbox, outbox: _Inbox) -> Steps:
        for latency_s in latencies_s:
            send(latency_s, outbox, number)
            order.append((yield inbox.arrival))
        ends_s.append(env.now)

    def second(latencies_s: Sequence[float], inbox: _Inbox, outbox: _Inbox) -> Steps:
        for latency_s in latencies_s:
            message = yield inbox.arrival
            order.append(message)
            send(latency_s, outbox, message)

    for number, (there_s, back_s) in enumerate(zip(given.there_s, given.back_s, strict=True)):
        ones, others = _Inbox(env), _Inbox(env)
        env.process(first(number, there_s, ones, others))
        env.process(second(back_s, others, ones))

    def run() -> Outcome:
        env.run()
        return Outcome(len(order), max(ends_s), order)

    return run
