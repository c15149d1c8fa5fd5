"""Transaction records: committing, aborting, staging, heartbeats, and the decision about a transaction that is pushed.

A record is written at most a few times, always under a latch of its own, so that a commit and a push that aborts it
cannot both happen. With writes still in flight it becomes STAGING: the transaction is committed from the moment at
which the last of them is there at or below the staged timestamp, whether anybody knows it or not.

It deliberately finds nothing out about other ranges: whether in-flight writes are there is what recovery asks.

Source: R. Taft et al., "CockroachDB: The Resilient Geo-Distributed SQL Database" (SIGMOD 2020), section 3.1 and
algorithms 1 and 2; D. Peng, F. Dabek, "Large-scale Incremental Processing ..." (OSDI 2010) for the record as the one
place of the decision.
"""

from __future__ import annotations

from msgspec.structs import replace

from simkit_nodes.database.messages import (
    EndTransaction,
    HeartbeatTransaction,
    PushTransaction,
    Reason,
    RecoverTransaction,
    Response,
    TransactionState,
)
from simkit_nodes.database.mvcc.keys import record_key
from simkit_nodes.database.mvcc.record import InFlight, Record, Status, encode_record
from simkit_nodes.database.range import RangeDescriptor
from simkit_nodes.database.transactions.evaluation import Evaluation, Refused


def state_of(record: Record, *, expired: bool = False) -> TransactionState:
    """Return what is told of a record."""
    return TransactionState(
        record.status, record.commit_timestamp, record.in_flight, True, expired, request=record.request
    )


def _write(evaluation: Evaluation, anchor: bytes, transaction_id: int, record: Record) -> TransactionState:
    evaluation.puts.append((record_key(anchor, transaction_id), encode_record(record)))
    evaluation.ended = (transaction_id, record)
    return state_of(record)


def _check_age(evaluation: Evaluation, begin_timestamp: int) -> None:
    """Refuse to begin a record so late that the one of its abortion may have been collected already."""
    if begin_timestamp < evaluation.now - evaluation.periods.keep_records // 2:
        raise Refused(Reason.ABORTED, "the transaction is too old to commit")


async def end_transaction(evaluation: Evaluation, request: EndTransaction, descriptor: RangeDescriptor) -> Response:
    """Commit, stage or abort the transaction of the batch."""
    header = evaluation.batch.header
    assert header is not None
    record = await evaluation.read_record(header.anchor, header.transaction_id)
    if record is not None and record.status.final:
        if request.commit and record.status is Status.ABORTED:
            raise Refused(Reason.ABORTED, "aborted by somebody who waited for it, or after its coordinator fell silent")
        if request.commit:  # it is sent again, for its answer was lost, and what it writes is there
            evaluation.written.clear()
            evaluation.write_timestamp = record.commit_timestamp
        return state_of(record)
    if not request.commit:
        return await _abort(evaluation, request, descriptor)
    if record is None:
        _check_age(evaluation, header.begin_timestamp)
    if evaluation.write_timestamp > evaluation.read_timestamp and not header.may_forward and not header.snapshot:
        raise Refused(Reason.RETRY, "its writes had to move above others' reads", evaluation.write_timestamp)
    if request.one_phase:
        evaluation.one_phase = True
        # Nobody waits for a transaction without intents: the record is for itself, should it come a second time.
        return _write(
            evaluation,
            header.anchor,
            header.transaction_id,
            Record(Status.COMMITTED, evaluation.write_timestamp, evaluation.now),
        )
    here = {each.key for each in evaluation.written}
    in_flight = tuple(each for each in request.in_flight if each.key not in here)
    if in_flight:
        asked = {each.key for each in request.in_flight}
        # Whoever recovers it resolves all its locks, so the record names them all; number 0 needs no asking.
        confirmed = tuple(InFlight(key, 0) for key in request.locks if key not in asked)
        staged = Record(
            Status.STAGING, evaluation.write_timestamp, evaluation.now, request.in_flight + confirmed, request.request
        )
        return _write(evaluation, header.anchor, header.transaction_id, staged)
    return await _commit(evaluation, request, descriptor)


async def _commit(evaluation: Evaluation, request: EndTransaction, descriptor: RangeDescriptor) -> Response:
    """Commit for good, and resolve the intents of this range in the same command."""
    header = evaluation.batch.header
    assert header is not None
    timestamp = evaluation.write_timestamp
    here = {each.key for each in evaluation.written}
    evaluation.one_phase = True
    elsewhere = []
    for key in request.locks:
        if not descriptor.contains(key):
            elsewhere.append(key)
        elif key not in here:
            await evaluation.resolve_one(key, header.transaction_id, Status.COMMITTED, timestamp)
    for each in evaluation.written:  # an intent of an earlier batch gives way to the version
        await _clear_intent(evaluation, each.key, header.transaction_id)
    left = tuple(InFlight(key, 0) for key in elsewhere)
    return _write(
        evaluation, header.anchor, header.transaction_id, Record(Status.COMMITTED, timestamp, evaluation.now, left)
    )


async def _clear_intent(evaluation: Evaluation, key: bytes, transaction_id: int) -> None:
    await evaluation.resolve_one(key, transaction_id, Status.ABORTED, 0)


async def _abort(evaluation: Evaluation, request: EndTransaction, descriptor: RangeDescriptor) -> Response:
    header = evaluation.batch.header
    assert header is not None
    for key in request.locks:
        if descriptor.contains(key):
            await evaluation.resolve_one(key, header.transaction_id, Status.ABORTED, 0)
    record = Record(Status.ABORTED, 0, evaluation.now)
    return _write(evaluation, header.anchor, header.transaction_id, record)


async def heartbeat(evaluation: Evaluation, request: HeartbeatTransaction) -> Response:
    """Note that the coordinator is alive."""
    record = await evaluation.read_record(request.anchor, request.transaction_id)
    if record is None:
        _check_age(evaluation, request.begin_timestamp)
        record = Record(Status.PENDING, 0, evaluation.now)
    elif record.status.final:
        return state_of(record)
    beaten = replace(record, last_active=evaluation.now)
    evaluation.puts.append((record_key(request.anchor, request.transaction_id), encode_record(beaten)))
    return state_of(beaten)


async def recover(evaluation: Evaluation, request: RecoverTransaction) -> Response:
    """Decide about a STAGING transaction whose in-flight writes were asked for."""
    record = await evaluation.read_record(request.anchor, request.transaction_id)
    if record is None:
        return TransactionState(Status.PENDING, 0, known=False)
    if record.status is not Status.STAGING or record.commit_timestamp != request.commit_timestamp:
        return state_of(record)  # its coordinator was faster, or has staged it anew
    if request.commit:
        decided = replace(record, status=Status.COMMITTED, last_active=evaluation.now)
    else:
        decided = Record(Status.ABORTED, 0, evaluation.now, request=record.request)
    return _write(evaluation, request.anchor, request.transaction_id, decided)


async def push(evaluation: Evaluation, request: PushTransaction, *, deadlock: bool) -> TransactionState:
    """Abort a pending transaction whose coordinator is silent, or to break a deadlock; else say how it stands."""
    record = await evaluation.read_record(request.anchor, request.transaction_id)
    last_active = max(request.begin_timestamp, record.last_active if record else 0)
    expired = evaluation.now - last_active > evaluation.periods.expiry
    if record is not None and record.status is not Status.PENDING:
        return state_of(record, expired=expired or deadlock)  # then its recovery decides
    if not expired and not deadlock:
        return TransactionState(Status.PENDING, 0, known=record is not None)
    return _write(evaluation, request.anchor, request.transaction_id, Record(Status.ABORTED, 0, evaluation.now))
