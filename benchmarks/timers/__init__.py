"""Timers: N processes that sleep one exponential time after the other.

Every process sleeps its own pre-drawn times and notes each wake-up; what is counted is wake-ups. It is the least a
simulator can be asked for: a queue of times, and a coroutine to go on with.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.delays import exponential_ns, seconds
from benchmarks.work import (
    Case,
    Contender,
    Outcome,
    Work,
    for_python_3_12,
    of_compiled,
    ours,
    require_end,
    require_items,
)


@dataclass(frozen=True)
class Sleeps:
    """What each process sleeps, in seconds."""

    delays_s: list[Sequence[float]]
    end_s: float


def inputs(share: float, processes: int, wakeups: int) -> Sleeps:
    """Return `wakeups` sleeps in all, mean 1 s."""
    each = max(1, int(wakeups * share) // processes)
    drawn = exponential_ns(f"timers/{processes}", processes * each, 1.0)
    delays_ns = [drawn[i * each : (i + 1) * each] for i in range(processes)]
    return Sleeps([seconds(row) for row in delays_ns], max(map(sum, delays_ns)) / 1e9)


def check(given: Sleeps, outcome: Outcome, contender: Contender) -> None:
    """Every sleep ended, the last one when its process's sleeps add up to."""
    each = len(given.delays_s[0])
    require_items(outcome, len(given.delays_s) * each)
    require_end(outcome, given.end_s, each * contender.step_s)


FEW = ("simkit-c", "simkit-python", "simpy")

WORK = Work(
    name="timers",
    title="N processes that sleep exponential times",
    unit="wake-ups",
    baseline="simpy",
    cases=(
        Case(
            "10,000 processes",
            {
                "small": {"processes": 20, "wakeups": 200},
                "medium": {"processes": 10_000, "wakeups": 80_000},
                "full": {"processes": 10_000, "wakeups": 1_000_000},
            },
        ),
        Case(
            "1,000 processes",
            {
                "small": {"processes": 5, "wakeups": 50},
                "medium": {"processes": 1_000, "wakeups": 60_000},
                "full": {"processes": 1_000, "wakeups": 1_000_000},
            },
            FEW,
        ),
        Case(
            "100,000 processes",
            {
                "small": {"processes": 40, "wakeups": 80},
                "medium": {"processes": 100_000, "wakeups": 200_000},
                "full": {"processes": 100_000, "wakeups": 1_000_000},
            },
            FEW,
        ),
    ),
    contenders=(
        *ours("benchmarks.timers.with_simkit:prepare", "asyncio.sleep on 100 hosts"),
        *of_compiled("timers"),
        Contender("simpy", "benchmarks.timers.with_simpy:prepare", "yield env.timeout"),
        Contender("salabim-yield", "benchmarks.timers.with_salabim:with_yield", "yield self.hold"),
        Contender(
            "salabim-yieldless", "benchmarks.timers.with_salabim:yieldless", "self.hold in a greenlet", needs="greenlet"
        ),
        Contender("asyncio-jumping", "benchmarks.timers.with_asyncio:jumping", "asyncio.sleep, a selector that jumps"),
        Contender(
            "looptime",
            "benchmarks.timers.with_asyncio:on_looptime",
            "asyncio.sleep",
            share=0.13,
            step_s=2e-6,
            needs="looptime",
        ),
        *for_python_3_12("benchmarks.timers.with_asyncio", "asyncio.sleep"),
    ),
    inputs=inputs,
    check=check,
)
