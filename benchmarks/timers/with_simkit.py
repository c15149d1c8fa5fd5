"""Timers in a simkit world: the processes are tasks of 100 hosts, each host with its own loop and clock.

It runs the coroutine of `sleeper.py` as any node would: running loop, current task, context and cancellation are
right at every step.
"""

from benchmarks.simkit_hosts import HORIZON_NS, booted, start
from benchmarks.timers import Sleeps
from benchmarks.timers.sleeper import sleeper
from benchmarks.work import Outcome, Timed
from simkit.kernel import World

HOSTS = 100


def prepare(given: Sleeps) -> Timed:
    """Set the world up."""
    world = World(seed=1)
    hosts = booted(world, HOSTS)
    order: list[int] = []
    ends_s: list[float] = []
    for number, delays_s in enumerate(given.delays_s):
        start(hosts[number % HOSTS], sleeper(number, delays_s, order, ends_s))

    def run() -> Outcome:
        world.run(HORIZON_NS)
        return Outcome(len(order), max(ends_s), order)

    return run
