"""Messages: pairs that play ping-pong, every message under way for a random time.

A player sends, waits for the answer, and sends again; what is counted is messages received. Latencies are drawn
beforehand, mean 1 s, so that all pairs are under way at once and time jumps with every message.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.delays import exponential_ns, nanoseconds, seconds
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
class Latencies:
    """For each pair, how long its messages take: those of the first player, and the answers of the second.

    Attributes:
        there_ns, back_ns: in nanoseconds, one row for each pair.
        there_s, back_s: the same in seconds.
        messages: in all.
        end_s: when the last of them arrives.
    """

    there_ns: list[Sequence[int]]
    back_ns: list[Sequence[int]]
    there_s: list[Sequence[float]]
    back_s: list[Sequence[float]]
    messages: int
    end_s: float


def inputs(share: float, pairs: int, messages: int) -> Latencies:
    """Return the latencies of about `messages` messages."""
    rounds = max(1, int(messages * share) // (2 * pairs))
    drawn = exponential_ns(f"messages/{pairs}", 2 * pairs * rounds, 1.0)
    rows = [drawn[i * 2 * rounds : (i + 1) * 2 * rounds] for i in range(pairs)]
    there, back = [nanoseconds(row[::2]) for row in rows], [nanoseconds(row[1::2]) for row in rows]
    end_s = max(map(sum, rows)) / 1e9
    in_s = [[seconds(row) for row in rows] for rows in (there, back)]
    return Latencies(there, back, *in_s, 2 * pairs * rounds, end_s)


def check(given: Latencies, outcome: Outcome, contender: Contender) -> None:
    """Every message arrived, the last one when its pair's latencies add up to."""
    require_items(outcome, given.messages)
    require_end(outcome, given.end_s, given.messages / len(given.there_s) * contender.step_s)


CASE = Case(
    "1,000 pairs",
    {
        "small": {"pairs": 5, "messages": 100},
        "medium": {"pairs": 1000, "messages": 80_000},
        "full": {"pairs": 1000, "messages": 1_000_000},
    },
)

ON_SIMPY = (
    Contender("simpy", "benchmarks.messages.with_simpy:stores", "a Store each, a process for each message under way"),
    Contender("simpy-tuned", "benchmarks.messages.with_simpy:callbacks", "time-outs with a callback, an event each"),
)

WORK = Work(
    name="messages",
    title="pairs that play ping-pong over a random latency",
    unit="messages",
    baseline="simpy",
    cases=(CASE,),
    contenders=(
        *ours("benchmarks.messages.with_simkit:prepare", "world.post to a mailbox, a host each"),
        *of_compiled("messages"),
        *ON_SIMPY,
        Contender("salabim-yield", "benchmarks.messages.with_salabim:with_yield", "passivate, activate with a delay"),
        Contender(
            "salabim-yieldless", "benchmarks.messages.with_salabim:yieldless", "the same in greenlets", needs="greenlet"
        ),
        Contender("asyncio-jumping", "benchmarks.messages.with_asyncio:jumping", "loop.call_later to a mailbox"),
        Contender(
            "looptime",
            "benchmarks.messages.with_asyncio:on_looptime",
            "the same",
            share=0.03,
            step_s=2e-6,
            needs="looptime",
        ),
        *for_python_3_12("benchmarks.messages.with_asyncio", "the same"),
    ),
    inputs=inputs,
    check=check,
)
