"""The evaluator of one replica: serves batches while the replica holds the range's lease.

A batch waits for latches, is evaluated, waits for intents in its way and is evaluated again, and is proposed. Reads
leave their mark in the timestamp cache before they look, so that no write can slip below them while they do.

All of its memory is of one tenure: it begins anew whenever the replica becomes leaseholder. It deliberately knows
nothing of other ranges; whom it has to ask about a transaction in the way is `Conflicts`' business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from simkit_nodes.blocks.hybrid_logical_clock import HybridLogicalClock
from simkit_nodes.database import errors
from simkit_nodes.database.messages import (
    Batch,
    ConditionalPut,
    EndTransaction,
    Get,
    Header,
    HeartbeatTransaction,
    PushTransaction,
    Put,
    QueryIntent,
    QueryResolvedTimestamp,
    QueryTransaction,
    RecoverTransaction,
    Refresh,
    Reply,
    Request,
    ResolveIntents,
    Response,
    Scan,
    TransactionState,
    span_of,
)
from simkit_nodes.database.mvcc.read import IntentsInTheWay, Uncertain
from simkit_nodes.database.mvcc.record import Intent, Status
from simkit_nodes.database.range import Command, Range
from simkit_nodes.database.range import Put as EnginePut
from simkit_nodes.database.ranges.load import Load
from simkit_nodes.database.transactions import closed_reads, ending
from simkit_nodes.database.transactions.evaluation import Evaluation, Periods
from simkit_nodes.database.transactions.latches import Latch, Latches
from simkit_nodes.database.transactions.lock_table import LockTable
from simkit_nodes.database.transactions.timestamp_cache import TimestampCache
from simkit_nodes.database.transactions.troubles import TROUBLES, trouble_of
from simkit_nodes.database.transactions.wait_for_graph import WaitForGraph
from simkit_nodes.database.transactions.write_tracker import WriteTracker

FORWARDS_MAX = 8
"""How often a read may be moved above an uncertain version by the leaseholder; then its coordinator has to."""


class Conflicts(Protocol):
    """Who finds out about transactions in the way."""

    async def decided(self, evaluator: Evaluator, key: bytes, intent: Intent, header: Header | None) -> None:
        """Return when an intent is resolved, or worth another look.

        Raises: Refused, when the waiting transaction was aborted or has waited long enough for one request.
        """
        ...


class Evaluator:
    """Serves one replica.

    Args:
        range_: the replica.
        clock: of the store.
        periods: how long things last.
        conflicts: who finds out about transactions in the way.
        on_deadlock: told whom a push aborts to break a deadlock, and the cycle.
        on_abandoned: told whom a push aborts because its coordinator is silent.
        track_writes: whether closed timestamps stay below writes under evaluation.

    Attributes:
        proposed: how many commands this has proposed.
        load: what it was asked lately.
        locks: who waits for intents.
        on_closed_read: called for each batch that was answered without a lease.
        graph: who waits for transactions whose records are here.
    """

    def __init__(
        self,
        range_: Range,
        clock: HybridLogicalClock,
        periods: Periods,
        conflicts: Conflicts,
        on_deadlock: Callable[[int, tuple[int, ...]], None] = lambda victim, cycle: None,
        on_abandoned: Callable[[int], None] = lambda transaction: None,
        *,
        track_writes: bool = True,
    ) -> None:
        self.range = range_
        self._clock = clock
        self._periods = periods
        self._conflicts = conflicts
        self._on_deadlock = on_deadlock
        self._on_abandoned = on_abandoned
        self._track_writes = track_writes
        self.proposed = 0
        self.load = Load()
        self.on_closed_read: Callable[[], None] = lambda: None
        self._tenure = 0
        self._latches = Latches()
        self._background: set[asyncio.Task[None]] = set()
        self._forget(0)

    def _forget(self, tenure: int) -> None:
        """Begin a tenure with an empty memory."""
        self._tenure = tenure
        self._latches.abandon()
        self._latches = Latches()
        self._cache = TimestampCache(self.range.low_water if tenure else 0)
        self._writes = WriteTracker(self._latches, waits=self._track_writes)
        self.locks = LockTable()
        self.graph = WaitForGraph()

    async def serve(self, batch: Batch) -> Reply:
        """Carry out a batch, or say what is in the way of that."""
        try:
            self._clock.update(batch.now)
            answered = await self._answer_closed(batch)
            if answered is not None:
                return answered
            self._check(batch)
            return await self._serve(batch)
        except TROUBLES as error:
            return Reply(self._clock.now(), trouble=trouble_of(error))

    @property
    def read_until(self) -> int:
        """A timestamp above which nothing was read here in this tenure."""
        return self._cache.highest

    def close(self, timestamp: int) -> int:
        """Promise that nobody writes at or below a timestamp, as far as that can be promised; return what is."""
        self._check_tenure()
        return self._writes.close(timestamp)

    def _check_tenure(self) -> None:
        tenure = self.range.tenure
        if not tenure:
            raise errors.NotLeaseholder(self.range.leaseholder())
        if tenure != self._tenure:
            self._forget(tenure)

    def _check(self, batch: Batch) -> None:
        """Refuse what is not this replica's, now."""
        self._check_tenure()
        descriptor = self.range.descriptor
        self.load.note(span_of(batch.requests[0], batch.header)[0])
        for request in batch.requests:
            begin, end = span_of(request, batch.header)
            if not descriptor.contains(begin) or (end is not None and end > descriptor.end):
                raise errors.RangeMismatch(descriptor)

    async def _answer_closed(self, batch: Batch) -> Reply | None:
        """Answer what any replica can answer, None for what is the leaseholder's."""
        requests = batch.requests
        if isinstance(requests[0], QueryResolvedTimestamp):
            found = await closed_reads.resolved(self.range, requests)  # type: ignore[arg-type]
            return self._reply(*found)
        header = batch.header
        if header is None or header.read_timestamp > self.range.closed_timestamp:
            return None
        oldest = self._clock.now() - self._periods.keep_versions
        responses = await closed_reads.read_closed(self.range, batch, oldest)
        if responses is None:
            return None
        self.on_closed_read()
        return Reply(self._clock.now(), responses, header.read_timestamp, header.write_timestamp)

    async def _serve(self, batch: Batch) -> Reply:
        single = batch.requests[0]
        if isinstance(single, PushTransaction):
            return self._reply(await self._push(batch, single))
        if isinstance(single, QueryTransaction):
            evaluation = self._evaluation(batch, 0)
            record = await evaluation.read_record(single.anchor, single.transaction_id)
            state = TransactionState(Status.PENDING, 0, known=False) if record is None else ending.state_of(record)
            edges = self.graph.waiting_for(single.transaction_id)
            return self._reply(TransactionState(state.status, state.commit_timestamp, (), state.known, False, edges))
        while True:
            latches = self._latches
            latch = await self._latched(batch)
            try:
                self._check(batch)  # the range may have been split, or lost, while this waited
                if latches is not self._latches:
                    continue
                return await self._attempt(batch, latch)
            except IntentsInTheWay as conflict:
                key, intent = conflict.intents[0]
            finally:
                if latch is not None and not latch.keeps:
                    latch.release()
            await self._conflicts.decided(self, key, intent, batch.header)

    def _reply(self, *responses: Response) -> Reply:
        return Reply(self._clock.now(), responses)

    def _evaluation(self, batch: Batch, read_timestamp: int) -> Evaluation:
        range_ = self.range
        return Evaluation(
            range_.engine,
            self._cache,
            batch,
            self._clock.now(),
            range_.low_water,
            self._writes.closed,
            self._periods,
            read_timestamp,
        )

    async def _latched(self, batch: Batch) -> Latch | None:
        """Hold what the batch writes, or wait for writes to what it reads."""
        keys: list[bytes] = []
        for request in batch.requests:
            keys += _writes(request, batch.header, self.range)
        if keys:
            return await self._latches.acquire(keys)
        for request in batch.requests:
            begin, end = span_of(request, batch.header)
            if end is None:
                await self._latches.wait_for_key(begin)
            else:
                await self._latches.wait_for_span(begin, end)
        return None

    async def _attempt(self, batch: Batch, latch: Latch | None) -> Reply:
        await self.range.confirm()
        read_timestamp = 0
        for attempt in range(FORWARDS_MAX):
            evaluation = self._evaluation(batch, read_timestamp)
            if latch is not None:
                self._writes.begin(latch, evaluation.write_timestamp)
            try:
                for request in batch.requests:
                    evaluation.responses.append(await self._carry_out(evaluation, request))
                break
            except Uncertain as uncertain:
                if not evaluation.may_forward or attempt == FORWARDS_MAX - 1:
                    raise
                read_timestamp = uncertain.timestamp
        puts = evaluation.engine_puts()
        if puts:
            if batch.pipelined:
                assert latch is not None
                latch.keeps = True
                self._spawn(self._propose_quietly(evaluation, puts, latch))
            else:
                await self._propose(evaluation, puts, latch)
        elif self.range.tenure != self._tenure:
            # Somebody else may serve the range by now, and has not heard of the last of these reads.
            raise errors.NotLeaseholder(self.range.leaseholder())
        header = batch.header
        return Reply(
            self._clock.now(),
            tuple(evaluation.responses),
            evaluation.read_timestamp if header else 0,
            evaluation.write_timestamp if header or evaluation.written else 0,
        )

    async def _carry_out(self, evaluation: Evaluation, request: Request) -> Response:
        match request:
            case Get():
                return await evaluation.get(request)
            case Put():
                return await evaluation.put(request)
            case Scan():
                return await evaluation.scan(request)
            case EndTransaction():
                return await ending.end_transaction(evaluation, request, self.range.descriptor)
            case ResolveIntents():
                return await evaluation.resolve(request)
            case QueryIntent():
                return await evaluation.query_intent(request)
            case Refresh():
                return await evaluation.refresh(request)
            case ConditionalPut():
                return await evaluation.conditional_put(request)
            case HeartbeatTransaction():
                return await ending.heartbeat(evaluation, request)
            case RecoverTransaction():
                return await ending.recover(evaluation, request)
        raise TypeError(f"{type(request).__name__} goes alone in its batch")

    async def _propose(self, evaluation: Evaluation, puts: Sequence[EnginePut], latch: Latch | None) -> None:
        if evaluation.cache is not self._cache or self.range.tenure != self._tenure:
            raise errors.NotLeaseholder(self.range.leaseholder())  # it was evaluated in a tenure that has ended
        locks, graph = self.locks, self.graph
        self.proposed += 1
        try:
            await self.range.propose(Command(puts, closed_timestamp=self._writes.closed))
        except errors.Unavailable as error:
            # It may be applied later, and nobody may read or write there before that is settled.
            if latch is not None:
                latch.keeps = True
                self._spawn(self._settle(latch))
            raise errors.AmbiguousResult(str(error)) from None
        for key in evaluation.resolved:
            locks.released(key)
        if evaluation.ended is not None:
            graph.ended(evaluation.ended[0])

    async def _propose_quietly(self, evaluation: Evaluation, puts: Sequence[EnginePut], latch: Latch) -> None:
        """Propose a pipelined write; that it failed is found by the QueryIntent that does not find it."""
        try:
            latch.keeps = False
            await self._propose(evaluation, puts, latch)
        except errors.DatabaseError:
            pass
        finally:
            if not latch.keeps:
                latch.release()

    async def _settle(self, latch: Latch) -> None:
        """Release a latch once a later command is applied, or the tenure has ended: an earlier one never will be."""
        while True:
            try:
                await self.range.propose(Command())
            except errors.Unavailable:
                continue
            except errors.DatabaseError:
                pass
            latch.release()
            return

    def _spawn(self, work: Awaitable[None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # -- pushes

    async def _push(self, batch: Batch, request: PushTransaction) -> TransactionState:
        """Decide about a pushed transaction, or wait a while for it to end."""
        victim, cycle = self.graph.blocked(request)
        state = await self._decide(batch, request, deadlock=victim)
        if victim and state.status is not Status.COMMITTED:
            self._on_deadlock(request.transaction_id, cycle)
        going_on = state.status is Status.PENDING or (state.status is Status.STAGING and not state.expired)
        if going_on and await self.graph.wait(request):
            return await self._decide(batch, request, deadlock=False)
        return state

    async def _decide(self, batch: Batch, request: PushTransaction, *, deadlock: bool) -> TransactionState:
        latch = await self._latches.acquire([_record_latch(request.transaction_id)])
        try:
            self._check(batch)
            await self.range.confirm()
            evaluation = self._evaluation(batch, 0)
            state = await ending.push(evaluation, request, deadlock=deadlock)
            if evaluation.puts:
                await self._propose(evaluation, evaluation.puts, latch)
                if not deadlock:
                    self._on_abandoned(request.transaction_id)
            return state
        finally:
            if not latch.keeps:
                latch.release()


def _record_latch(transaction_id: int) -> bytes:
    """Return what is latched for a record; no key of a client or of the meta range begins so."""
    return b"\x00r" + transaction_id.to_bytes(8, "big")


def _writes(request: Request, header: Header | None, range_: Range) -> list[bytes]:
    """Return what a request has to hold."""
    match request:
        case Put() | ConditionalPut():
            return [request.key]
        case ResolveIntents():
            return list(request.keys)
        case EndTransaction():
            assert header is not None
            if request.in_flight:  # staging touches the record alone, so it need not wait for writes under way
                return [_record_latch(header.transaction_id)]
            contains = range_.descriptor.contains
            return [_record_latch(header.transaction_id), *(key for key in request.locks if contains(key))]
        case HeartbeatTransaction() | RecoverTransaction():
            return [_record_latch(request.transaction_id)]
    return []
