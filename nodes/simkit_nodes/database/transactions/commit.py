"""Committing: in one phase, in parallel with the last writes, or after them; and what is left to do when it is decided.

Parallel commits stage the record with the writes that are still in flight and ask for all of them at once: when every
one of them is there at or below the staged timestamp the transaction is committed, one round of consensus after its
last statement. Making that explicit, and resolving the intents, happens when the client has its answer.

It deliberately never leaves a client without the truth: what could not be found out is `AmbiguousResult`.

Source: R. Taft et al., "CockroachDB: The Resilient Geo-Distributed SQL Database" (SIGMOD 2020), section 3.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from simkit_nodes.database.errors import AmbiguousResult, DatabaseError, RangeMismatch, Unavailable
from simkit_nodes.database.messages import (
    Done,
    EndTransaction,
    Header,
    Put,
    QueryIntent,
    Reason,
    ResolveIntents,
    TransactionState,
)
from simkit_nodes.database.mvcc.record import InFlight, Status
from simkit_nodes.database.transactions.evaluation import Refused

if TYPE_CHECKING:
    from simkit_nodes.database.transactions.coordinator import Coordinator


class Commit:
    """The end of one transaction."""

    def __init__(self, transaction: Coordinator) -> None:
        self._transaction = transaction
        self._database = transaction.database
        self._sender = transaction.database.sender

    async def run(self) -> int:
        """Commit, and return the commit timestamp. Refused: it can be rolled back. AmbiguousResult: it cannot."""
        transaction = self._transaction
        if not transaction.writes:
            self._check_deadline()
            return transaction.read_timestamp
        try:
            if not transaction.has_departed and self._sender.same_range([transaction.anchor, *transaction.writes]):
                timestamp = await self._one_phase()
                if timestamp is not None:
                    return timestamp
            if self._database.options.parallel_commits:
                return await self._parallel()
            return await self._two_phases()
        except (Unavailable, AmbiguousResult) as error:
            return await self._find_out(error)

    async def abort(self) -> TransactionState | None:
        """Abort; return how the record stands then, None if nobody could be asked."""
        try:
            sent = await self._sender.send(
                (EndTransaction(False, locks=tuple(self._transaction.writes)),), self._transaction.header()
            )
            (state,) = sent.responses
            assert isinstance(state, TransactionState)
            if state.status.final:
                await self._resolve(state.status, state.commit_timestamp)
        except (DatabaseError, Refused):
            return None
        return state

    async def _find_out(self, error: DatabaseError) -> int:
        """The commit got no answer: abort it, unless it has been committed."""
        state = await self.abort()
        if state is not None and state.status is Status.COMMITTED:
            return state.commit_timestamp
        if state is None:
            raise AmbiguousResult(str(error)) from None
        raise Unavailable(f"rolled back: {error}") from None

    async def _catch_up(self) -> None:
        """Let reads hold at the timestamp that the writes have come to."""
        transaction = self._transaction
        self._check_deadline()
        if transaction.snapshot or transaction.write_timestamp <= transaction.read_timestamp:
            return
        if not await transaction.refresh(transaction.write_timestamp):
            raise Refused(Reason.RETRY, "what was read has changed since")

    def _check_deadline(self) -> None:
        transaction = self._transaction
        if transaction.deadline is not None and transaction.write_timestamp > transaction.deadline:
            raise Refused(Reason.RETRY, "the commit would be later than it may be")

    @property
    def _may_forward(self) -> bool:
        """Whether a range may commit later than it is asked to, without asking back."""
        return not self._transaction.has_read and self._transaction.deadline is None

    async def _one_phase(self) -> int | None:
        """Commit writes that are all in one range together, without intents; None if they are in several."""
        transaction = self._transaction
        requests = [Put(key, write.value, write.sequence) for key, write in transaction.writes.items()]
        end = EndTransaction(True, one_phase=True)
        while True:
            await self._catch_up()
            try:
                header = transaction.header(may_forward=self._may_forward)
                sent = await self._sender.send((*requests, end), header, whole=True)
            except RangeMismatch:
                return None
            except Refused as refusal:
                self._moved(refusal)
            else:
                return sent.write_timestamp

    def _moved(self, refusal: Refused) -> None:
        """Take note that the writes have to go higher; any other refusal is final."""
        transaction, trouble = self._transaction, refusal.trouble
        if trouble.reason is not Reason.RETRY or trouble.timestamp <= transaction.write_timestamp:
            raise refusal
        transaction.write_timestamp = trouble.timestamp

    async def _parallel(self) -> int:
        transaction = self._transaction
        locks = tuple(transaction.writes)
        while True:
            await self._catch_up()
            puts, queries, in_flight = self._outstanding()
            end = EndTransaction(True, in_flight, locks, request=transaction.request)
            transaction.depart()
            try:
                # Apart, because a query waits until its write is applied, and staging need not.
                header = transaction.header(may_forward=self._may_forward)
                sent, _ = await asyncio.gather(
                    self._sender.send((*puts, end), header), self._find(queries, transaction.header())
                )
            except Refused as refusal:
                self._moved(refusal)
                continue
            self._confirm()
            state = sent.responses[-1]
            assert isinstance(state, TransactionState)
            if state.status is Status.COMMITTED or sent.write_timestamp <= state.commit_timestamp:
                self._database.spawn(self.finish(state.commit_timestamp, explicit=state.status is not Status.COMMITTED))
                return state.commit_timestamp
            transaction.write_timestamp = sent.write_timestamp  # a write had to go above what was staged

    async def _two_phases(self) -> int:
        transaction = self._transaction
        locks = tuple(transaction.writes)
        puts, queries, _ = self._outstanding()
        transaction.depart()
        header = transaction.header()
        found = self._find(queries, header)
        if puts:
            sent, _ = await asyncio.gather(self._sender.send(puts, header), found)
            transaction.write_timestamp = max(transaction.write_timestamp, sent.write_timestamp)
        else:
            await found
        self._confirm()
        while True:
            await self._catch_up()
            try:
                header = transaction.header(may_forward=self._may_forward)
                sent = await self._sender.send((EndTransaction(True, (), locks),), header)
            except Refused as refusal:
                self._moved(refusal)
                continue
            (state,) = sent.responses
            assert isinstance(state, TransactionState)
            self._database.spawn(self.finish(state.commit_timestamp, explicit=False))
            return state.commit_timestamp

    async def _find(self, queries: Sequence[QueryIntent], header: Header) -> None:
        """Make sure that pipelined writes are there. Refused if one is not."""
        if queries:
            sent = await self._sender.send(queries, header)
            if any(isinstance(response, Done) and not response.yes for response in sent.responses):
                raise Refused(Reason.RETRY, "a pipelined write was lost")

    def _outstanding(self) -> tuple[list[Put], list[QueryIntent], tuple[InFlight, ...]]:
        """Return what has yet to be sent, what to be confirmed, and both as a STAGING record names them."""
        transaction = self._transaction
        puts: list[Put] = []
        queries: list[QueryIntent] = []
        in_flight = []
        for key, write in transaction.writes.items():
            if not write.sent:
                puts.append(Put(key, write.value, write.sequence))
            elif not write.confirmed and self._database.options.query_intent:
                queries.append(
                    QueryIntent(key, transaction.transaction_id, write.sequence, transaction.write_timestamp)
                )
            if not write.confirmed:
                in_flight.append(InFlight(key, write.sequence))
        return puts, queries, tuple(in_flight)

    def _confirm(self) -> None:
        for write in self._transaction.writes.values():
            write.confirmed = True

    # -- after the decision

    async def finish(self, commit_timestamp: int, *, explicit: bool) -> None:
        """Write down that it is committed, and resolve its intents; whoever meets one before that finds out itself."""
        try:
            if explicit:
                header = msgspec.structs.replace(
                    self._transaction.header(may_forward=True),
                    write_timestamp=commit_timestamp,
                    read_timestamp=min(self._transaction.read_timestamp, commit_timestamp),
                )
                await self._sender.send((EndTransaction(True, locks=tuple(self._transaction.writes)),), header)
            await self._resolve(Status.COMMITTED, commit_timestamp)
        except (DatabaseError, Refused):
            return

    async def _resolve(self, status: Status, commit_timestamp: int) -> None:
        """Resolve the intents in other ranges than the record's, which has resolved its own."""
        transaction = self._transaction
        elsewhere = [key for key in transaction.writes if not self._sender.same_range([transaction.anchor, key])]
        if elsewhere:
            await self._sender.send(
                [ResolveIntents((key,), transaction.transaction_id, status, commit_timestamp) for key in elsewhere]
            )
