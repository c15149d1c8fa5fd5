"""Reads at timestamps that are closed: any replica answers them from what it has applied, whoever leads.

Such a read needs no lease, no latch and no mark in a timestamp cache, because nobody writes at or below its timestamp
any more. Only an intent is in its way: what became of it the leaseholder finds out, so the reader is sent there.
A replica also says how fresh a read of some keys it could answer, which is how bounded staleness is negotiated.

It deliberately serves nobody who has written: the intents of a transaction may not have come here yet.

Source: the design of CockroachDB's follower reads and bounded staleness reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from simkit_nodes.blocks.lsm import Reader
from simkit_nodes.database.messages import (
    Batch,
    Get,
    QueryResolvedTimestamp,
    Request,
    ResolvedTimestamp,
    Response,
    Rows,
    Scan,
    Value,
    span_of,
)
from simkit_nodes.database.mvcc import read
from simkit_nodes.database.mvcc.read import IntentsInTheWay, Viewpoint
from simkit_nodes.database.range import Range


async def read_closed(range_: Range, batch: Batch, oldest: int) -> tuple[Response, ...] | None:
    """Return the answers to a batch of reads, None if this replica cannot give them.

    Args:
        oldest: versions below may be gone.
    """
    header = batch.header
    if header is None or header.anchor or not oldest <= header.read_timestamp:
        return None
    if max(header.read_timestamp, header.uncertainty_limit) > range_.closed_timestamp:
        return None
    if not _all_reads(batch.requests) or not _contains(range_, batch.requests):
        return None
    viewpoint = Viewpoint(header.read_timestamp, header.read_timestamp, 0)
    view = range_.engine.snapshot()
    try:
        return tuple([await _read(view, request, viewpoint) for request in batch.requests])
    except IntentsInTheWay:
        return None
    finally:
        view.close()


def _all_reads(requests: Sequence[Request]) -> bool:
    return all(isinstance(each, Get) or (isinstance(each, Scan) and each.versions_after is None) for each in requests)


def _contains(range_: Range, requests: Sequence[Request]) -> bool:
    descriptor = range_.descriptor
    for request in requests:
        begin, end = span_of(request, None)
        if not descriptor.contains(begin) or (end is not None and end > descriptor.end):
            return False
    return True


async def _read(view: Reader, request: Request, viewpoint: Viewpoint) -> Response:
    if isinstance(request, Get):
        return Value(await read.get(view, request.key, viewpoint))
    assert isinstance(request, Scan)
    rows = await read.scan(view, request.begin, request.end, viewpoint, limit=request.limit, reverse=request.reverse)
    return Rows(tuple(rows))


async def resolved(range_: Range, requests: Sequence[QueryResolvedTimestamp]) -> tuple[ResolvedTimestamp, ...]:
    """Return for each request at which timestamp this replica could answer a read of its keys; 0 for at none."""
    closed = range_.closed_timestamp
    if not closed or not _contains(range_, requests):
        return (ResolvedTimestamp(0),) * len(requests)
    view = range_.engine.snapshot()
    try:
        found = []
        for request in requests:
            lowest = await read.lowest_intent(view, request.begin, request.end)
            found.append(ResolvedTimestamp(closed if lowest is None else min(closed, lowest - 1)))
        return tuple(found)
    finally:
        view.close()
