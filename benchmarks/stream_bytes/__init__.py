"""Bytes over one TCP connection with asyncio's streams: simulated, and over the machine's own loopback.

One end writes pieces of 64 KiB and drains, the other reads until the end and counts. The same two coroutines run in
both. The simulated bytes are recorded in the digest as they are delivered; loopback's cross the kernel.
"""

from dataclasses import dataclass

from benchmarks.work import Case, Contender, Outcome, Work, ours, require_items


@dataclass(frozen=True)
class Transfer:
    """How many bytes, and in which pieces."""

    size: int
    piece: bytes


def inputs(share: float, mebibytes: int) -> Transfer:
    """Return that many mebibytes in pieces of 64 KiB."""
    return Transfer(int(mebibytes * share) << 20, bytes(range(256)) * 256)


def check(given: Transfer, outcome: Outcome, contender: Contender) -> None:
    """Every byte arrived."""
    require_items(outcome, given.size)


WORK = Work(
    name="stream_bytes",
    title="bytes through asyncio streams over TCP",
    unit="bytes",
    baseline="asyncio-loopback",
    cases=(
        Case(
            "one connection",
            {"small": {"mebibytes": 1}, "medium": {"mebibytes": 256}, "full": {"mebibytes": 1024}},
        ),
    ),
    contenders=(
        *ours("benchmarks.stream_bytes.with_simkit:prepare", "simulated TCP, 0.25 ms, digest"),
        Contender("asyncio-loopback", "benchmarks.stream_bytes.with_asyncio:prepare", "both ends in one loop"),
    ),
    inputs=inputs,
    check=check,
)
