"""HTTP requests with aiohttp at both ends: over the simulated network, and over the machine's own loopback.

One client asks one server for a small JSON document, one request after another on a connection that stays open. The
same two programs run in both; loopback's bytes cross the kernel, simulated ones are recorded in the digest.
"""

from dataclasses import dataclass

from benchmarks.work import Case, Contender, Outcome, Work, ours, require_items


@dataclass(frozen=True)
class Requests:
    """How many requests, one after another."""

    count: int


def inputs(share: float, requests: int) -> Requests:
    """Return that many requests."""
    return Requests(int(requests * share))


def check(given: Requests, outcome: Outcome, contender: Contender) -> None:
    """Every request was answered."""
    require_items(outcome, given.count)


WORK = Work(
    name="http",
    title="HTTP requests through aiohttp, client and server",
    unit="requests",
    baseline="asyncio-loopback",
    cases=(
        Case(
            "one connection, kept open",
            {"small": {"requests": 20}, "medium": {"requests": 3000}, "full": {"requests": 30_000}},
        ),
    ),
    contenders=(
        *ours("benchmarks.http.with_simkit:prepare", "simulated TCP, 0.25 ms, digest"),
        Contender("asyncio-loopback", "benchmarks.http.with_asyncio:prepare", "both ends in one loop"),
    ),
    inputs=inputs,
    check=check,
)
