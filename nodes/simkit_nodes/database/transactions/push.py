"""Pushing: what a store does for a request that has met somebody else's intent.

It waits a moment for the intent to be resolved, for that is how nearly all conflicts end. Then it pushes the holder's
record, again and again, until the holder has ended, is found to be abandoned, or a deadlock is broken. A STAGING
transaction whose coordinator is silent is recovered: its in-flight writes are asked for, and what is not there is
prevented from ever coming, so that the answer stands.

It deliberately gives up after `WAIT_MAX_S`: the sender asks again, and has a chance to find another leaseholder.

Source: R. Taft et al., "CockroachDB: The Resilient Geo-Distributed SQL Database" (SIGMOD 2020), section 3.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from simkit_nodes.blocks.hybrid_logical_clock import HybridLogicalClock
from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.messages import (
    Batch,
    Done,
    Header,
    PushTransaction,
    QueryIntent,
    QueryTransaction,
    Reason,
    RecoverTransaction,
    Request,
    ResolveIntents,
    Response,
    TransactionState,
)
from simkit_nodes.database.mvcc.record import Intent, Status
from simkit_nodes.database.transactions.evaluation import Refused
from simkit_nodes.database.transactions.evaluator import Evaluator

WAIT_MAX_S: Final = 0.7
"""How long one request waits for intents; shorter than a sender waits for a reply."""


class Asks(Protocol):
    """Sends requests to whatever range they belong to."""

    async def ask(self, request: Request) -> Response:
        """Return the answer to a request that belongs to no transaction. DatabaseError, Refused."""
        ...


class Pusher:
    """Finds out about transactions in the way, for all evaluators of one store.

    Args:
        sender: reaches other ranges.
        clock: of the store.
        delay_s: how long an intent may take to be resolved before anybody asks.
        query_intent: whether recovery asks for in-flight writes; without, a STAGING transaction counts as committed.
        on_recovery: told of a transaction that was recovered, how, and of which request it was.
    """

    def __init__(
        self,
        sender: Asks,
        clock: HybridLogicalClock,
        delay_s: float,
        *,
        query_intent: bool = True,
        on_recovery: Callable[[int, Status, int], None] = lambda transaction_id, status, request: None,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._delay_s = delay_s
        self._query_intent = query_intent
        self._on_recovery = on_recovery

    async def decided(self, evaluator: Evaluator, key: bytes, intent: Intent, header: Header | None) -> None:
        """Return when an intent is resolved, or worth another look. Refused: aborted, or waited long enough."""
        locks = evaluator.locks
        released = locks.enqueue(key)
        try:
            await asyncio.wait((released,), timeout=self._delay_s)
            if not released.done():
                await self._push(evaluator, key, intent, header, released)
        except DatabaseError as error:
            raise Refused(Reason.WAITING, f"waiting for a transaction nobody can be asked about: {error}") from None
        finally:
            locks.leave(key, released)

    async def _push(
        self,
        evaluator: Evaluator,
        key: bytes,
        intent: Intent,
        header: Header | None,
        released: asyncio.Future[None],
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + WAIT_MAX_S
        push = PushTransaction(intent.anchor, intent.transaction_id, intent.begin_timestamp)
        if header is not None:
            push = PushTransaction(
                intent.anchor,
                intent.transaction_id,
                intent.begin_timestamp,
                header.transaction_id,
                header.begin_timestamp,
            )
        while loop.time() < deadline_s:
            asked = loop.create_task(self._sender.ask(push))  # type: ignore[arg-type]
            await asyncio.wait((asked, released), return_when=asyncio.FIRST_COMPLETED)
            if released.done():
                asked.cancel()
                return
            state = asked.result()
            assert isinstance(state, TransactionState)
            if state.status is Status.STAGING and state.expired:
                state = await self._recover(intent, state)
            if state.status.final:
                await self.resolve(evaluator, key, intent, state)
                return
            if header is not None and header.anchor:
                push = await self._known(push, header)
        raise Refused(Reason.WAITING, "still waiting for another transaction")

    async def _known(self, push: PushTransaction, header: Header) -> PushTransaction:
        """Return the push with those who wait for the pusher; Refused if the pusher itself was aborted meanwhile."""
        own = await self._sender.ask(QueryTransaction(header.anchor, header.transaction_id))
        assert isinstance(own, TransactionState)
        if own.status is Status.ABORTED:
            raise Refused(Reason.ABORTED, "aborted while it waited for another transaction")
        return PushTransaction(
            push.anchor, push.transaction_id, push.begin_timestamp, push.pusher, push.pusher_begin, own.edges
        )

    async def resolve(self, evaluator: Evaluator, key: bytes, intent: Intent, state: TransactionState) -> None:
        """Resolve an intent whose transaction has ended."""
        resolve = ResolveIntents((key,), intent.transaction_id, state.status, state.commit_timestamp)
        await evaluator.serve(Batch(self._clock.now(), evaluator.range.descriptor.range_id, None, (resolve,)))

    async def _recover(self, intent: Intent, state: TransactionState) -> TransactionState:
        """Decide about a STAGING transaction without its coordinator."""
        there = True
        if self._query_intent:
            queries = [
                QueryIntent(each.key, intent.transaction_id, each.sequence, state.commit_timestamp)
                for each in state.in_flight
                if each.sequence
            ]
            answers = await asyncio.gather(*(self._sender.ask(query) for query in queries))
            there = all(isinstance(answer, Done) and answer.yes for answer in answers)
        recovered = await self._sender.ask(
            RecoverTransaction(intent.anchor, intent.transaction_id, there, state.commit_timestamp)
        )
        assert isinstance(recovered, TransactionState)
        if recovered.status.final:
            self._on_recovery(intent.transaction_id, recovered.status, recovered.request)
        return recovered
