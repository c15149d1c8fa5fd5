"""Plain asyncio code: producers and consumers that sleep, with a bounded `asyncio.Queue` between each two.

It is code that knows of no simulator. The yardsticks at the end do not simulate at all: they run as many
``asyncio.sleep(0)`` in real time as there are items, and say how quickly asyncio itself can switch tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.delays import exponential_ns, seconds
from benchmarks.work import Case, Contender, Outcome, Work, WrongOutcome, for_python_3_12, ours, require_items

YARDSTICKS = ("asyncio-sleep-0", "uvloop-sleep-0")


@dataclass(frozen=True)
class Lines:
    """How long each item takes its producer and its consumer, in seconds, one row for each pair of them."""

    making_s: list[Sequence[float]]
    using_s: list[Sequence[float]]
    room: int

    @property
    def items(self) -> int:
        """All items."""
        return sum(map(len, self.making_s))


def inputs(share: float, lines: int, items: int) -> Lines:
    """Return lines that make an item a second, use it in 0.9 s, and have room for ten in between."""
    each = max(1, int(items * share) // lines)
    making = seconds(exponential_ns("plain_asyncio/making", lines * each, 1.0))
    using = seconds(exponential_ns("plain_asyncio/using", lines * each, 0.9))
    rows = [slice(i * each, (i + 1) * each) for i in range(lines)]
    return Lines([making[row] for row in rows], [using[row] for row in rows], 10)


def check(given: Lines, outcome: Outcome, contender: Contender) -> None:
    """Every item was used, and the last one when a bounded queue lets it be."""
    require_items(outcome, given.items)
    if contender.name in YARDSTICKS:
        return
    end_s = max(_end_s(m, u, given.room) for m, u in zip(given.making_s, given.using_s, strict=True))
    tolerance_s = 2 * (len(given.making_s[0]) + given.room) * contender.step_s
    if outcome.end_s is None or abs(outcome.end_s - end_s) > tolerance_s:
        raise WrongOutcome(f"ended at {outcome.end_s} s of virtual time, not at {end_s} s")


def _end_s(making_s: Sequence[float], using_s: Sequence[float], room: int) -> float:
    """Return when the last item has been used: blocking after service with a buffer of `room`."""
    taken: list[float] = []
    free_s = put_s = 0.0
    for number, (make_s, use_s) in enumerate(zip(making_s, using_s, strict=True)):
        made_s = put_s + make_s
        put_s = made_s if number < room else max(made_s, taken[number - room])
        taken.append(max(put_s, free_s))
        free_s = taken[-1] + use_s
    return free_s


WORK = Work(
    name="plain_asyncio",
    title="asyncio.sleep and asyncio.Queue, 200 producers and consumers",
    unit="items",
    baseline="simpy",
    cases=(
        Case(
            "200 lines",
            {
                "small": {"lines": 4, "items": 80},
                "medium": {"lines": 200, "items": 30_000},
                "full": {"lines": 200, "items": 1_000_000},
            },
        ),
    ),
    contenders=(
        *ours("benchmarks.plain_asyncio.with_simkit:prepare", "100 hosts, two lines each"),
        Contender("simpy", "benchmarks.plain_asyncio.with_simpy:prepare", "timeout, Store with a capacity"),
        Contender("asyncio-jumping", "benchmarks.plain_asyncio.with_asyncio:jumping", "a selector that jumps"),
        Contender(
            "looptime",
            "benchmarks.plain_asyncio.with_asyncio:on_looptime",
            "its defaults",
            share=0.05,
            step_s=2e-6,
            needs="looptime",
        ),
        *for_python_3_12("benchmarks.plain_asyncio.with_asyncio", "seed 1"),
        Contender("asyncio-sleep-0", "benchmarks.plain_asyncio.yardstick:on_asyncio", "yardstick: real time"),
        Contender(
            "uvloop-sleep-0", "benchmarks.plain_asyncio.yardstick:on_uvloop", "yardstick: real time", needs="uvloop"
        ),
    ),
    inputs=inputs,
    check=check,
)
