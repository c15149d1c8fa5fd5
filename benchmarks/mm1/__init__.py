"""M/M/1: customers arrive at random, wait for the one server first come, first served, and are served; load 0.8.

Every customer is a process of its own. The check is Lindley's recursion, which tells when each of them leaves
(D. V. Lindley, "The theory of queues with a single server", 1952).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.delays import exponential_ns, seconds
from benchmarks.work import (
    Case,
    Contender,
    Outcome,
    Work,
    WrongOutcome,
    for_python_3_12,
    of_compiled,
    ours,
    require_end,
    require_items,
)


@dataclass(frozen=True)
class Customers:
    """Times between arrivals and times of service, in seconds; when the last one leaves."""

    gaps_s: Sequence[float]
    services_s: Sequence[float]
    end_s: float


def inputs(share: float, customers: int) -> Customers:
    """Return customers who come every second on average and are served in 0.8 s."""
    count = max(2, int(customers * share))
    gaps_ns = exponential_ns("mm1/gaps", count, 1.0)
    services_ns = exponential_ns("mm1/services", count, 0.8)
    arrival_ns = left_ns = 0
    for gap_ns, service_ns in zip(gaps_ns, services_ns, strict=True):
        arrival_ns += gap_ns
        left_ns = max(left_ns, arrival_ns) + service_ns
    return Customers(seconds(gaps_ns), seconds(services_ns), left_ns / 1e9)


def check(given: Customers, outcome: Outcome, contender: Contender) -> None:
    """Everybody was served, in order, and the last one left when Lindley says."""
    count = len(given.gaps_s)
    require_items(outcome, count)
    if list(outcome.order) != list(range(count)):
        raise WrongOutcome("customers did not leave in the order in which they came")
    require_end(outcome, given.end_s, 2 * count * contender.step_s)


WORK = Work(
    name="mm1",
    title="M/M/1 with a process for each customer, load 0.8",
    unit="customers",
    baseline="simpy",
    cases=(
        Case(
            "one server",
            {"small": {"customers": 60}, "medium": {"customers": 40_000}, "full": {"customers": 1_000_000}},
        ),
    ),
    contenders=(
        *ours("benchmarks.mm1.with_simkit:semaphore", "asyncio.Semaphore, asyncio.sleep"),
        *ours("benchmarks.mm1.with_simkit:cpu", "await cpu.work: an arithmetic queue", suffix="-cpu"),
        *of_compiled("mm1"),
        Contender("simpy", "benchmarks.mm1.with_simpy:prepare", "Resource, timeout"),
        Contender("salabim-yield", "benchmarks.mm1.with_salabim:with_yield", "Resource, hold", share=0.03),
        Contender(
            "salabim-yieldless", "benchmarks.mm1.with_salabim:yieldless", "the same", share=0.03, needs="greenlet"
        ),
        Contender("ciw", "benchmarks.mm1.with_ciw:prepare", "its own queueing network, no processes", share=0.2),
        Contender("asyncio-jumping", "benchmarks.mm1.with_asyncio:jumping", "asyncio.Semaphore, asyncio.sleep"),
        Contender(
            "looptime", "benchmarks.mm1.with_asyncio:on_looptime", "the same", share=0.03, step_s=2e-6, needs="looptime"
        ),
        *for_python_3_12("benchmarks.mm1.with_asyncio", "the same"),
    ),
    inputs=inputs,
    check=check,
)
