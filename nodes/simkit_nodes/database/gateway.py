"""A gateway: it runs the transactions of clients and keeps nothing that a restart would miss.

So many run at a time, so many wait, and more are turned away at once, so that an overload does not become a queue in
which everything is too late. It deliberately holds no locks and no data: where it dies, the ranges decide.
"""

from __future__ import annotations

import asyncio
from typing import Any

from simkit.network import handles
from simkit.node import Node
from simkit_nodes.blocks.hybrid_logical_clock import HybridLogicalClock, span_of
from simkit_nodes.database.clock_watch import ClockWatch
from simkit_nodes.database.config import SECOND, GatewayConfig
from simkit_nodes.database.credentials import Credentials
from simkit_nodes.database.errors import AmbiguousResult, ClockUntrusted, DatabaseError, Overloaded, StatementTimeout
from simkit_nodes.database.events import PastRead, TransactionCommitted, TransactionGivenUp, TransactionRetried
from simkit_nodes.database.interface import KEY_BEGIN
from simkit_nodes.database.messages import Batch, Reply
from simkit_nodes.database.programs import Execute, Executed, ReadPast, SingleGet, SinglePut, execute
from simkit_nodes.database.range import RangeDescriptor
from simkit_nodes.database.ranges.bootstrap import META_RANGE
from simkit_nodes.database.ranges.sender import REPLY_TIMEOUT_S, Sender
from simkit_nodes.database.sql.front import SqlFront
from simkit_nodes.database.sql.messages import SqlAnswer, SqlClose, SqlRequest
from simkit_nodes.database.transactions.coordinator import Coordinator
from simkit_nodes.database.transactions.gateway_database import TransactionalDatabase


class Gateway(Node):
    """Runs transactions."""

    config: GatewayConfig

    def __init__(self) -> None:
        config = self.config
        self.credentials = Credentials(self)
        self.hybrid = HybridLogicalClock(self.clock, int(config.max_offset) if config.clock_refusal else None)
        meta = RangeDescriptor(META_RANGE, b"", KEY_BEGIN, self.directory.of_role("store"), -1)
        self.sender = Sender(
            self._transport, self.hybrid, meta, int(config.statement_timeout) / SECOND, self._distance_ns
        )
        self.database = TransactionalDatabase(
            self.sender,
            self.hybrid,
            self.random,
            config.options(),
            on_retry=self._retried,
            error_ns=self.clock.error_ns,
        )
        self.watch = ClockWatch(self, self.directory.of_role("store"), int(config.max_offset))
        self._sql = SqlFront(
            self.database,
            self.name,
            self.emit,
            self.database.spawn,
            lease_ns=int(config.schema_lease),
            steps=config.schema_steps(),
            statement_timeout_s=int(config.statement_timeout) / SECOND,
        )
        self._slots = asyncio.Semaphore(config.running_max)
        self._waiting = 0
        self._runs = self._aborted = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.database.heartbeat())
            if self.config.clock_refusal:
                tasks.create_task(self.watch.run())

    async def _transport(self, store: str, batch: Batch) -> Reply:
        reply: Any = await self.network.request(store, batch, REPLY_TIMEOUT_S, Reply)
        return reply

    def _distance_ns(self, store: str) -> int:
        return self.watch.trips_ns.get(store, 0)

    def _retried(self, transaction: Coordinator, reason: str) -> None:
        self.emit(TransactionRetried(transaction.transaction_id, reason))
        self._count(aborted=True)

    def _count(self, *, aborted: bool) -> None:
        """Count a run of a transaction."""
        self._runs += 1
        self._aborted += aborted
        self.metrics.gauge("transaction.abort_rate").set(self._aborted / self._runs)

    @handles(Execute)
    async def execute(self, request: Execute) -> Executed:
        """Run a transaction of one message."""
        return await self._admitted(self._run(request))

    @handles(SingleGet)
    async def get(self, request: SingleGet) -> Executed:
        """Read one key."""
        return await self._admitted(self._get(request))

    @handles(SinglePut)
    async def put(self, request: SinglePut) -> Executed:
        """Write one key."""
        return await self._admitted(self._put(request))

    @handles(SqlRequest)
    async def sql(self, request: SqlRequest) -> SqlAnswer:
        """Run one statement of an SQL session when it is its turn."""
        client = self.network.sender
        try:
            await self._admit()
        except DatabaseError as error:
            return self._sql.refused(error, "idle")
        try:
            return await self._sql.answer((client, request.session), request.text, request.parameters)
        finally:
            self._slots.release()

    @handles(SqlClose)
    async def close_sql(self, request: SqlClose) -> None:
        """End an SQL session."""
        await self._sql.close((self.network.sender, request.session))

    async def _run(self, request: Execute) -> Executed:
        runs = 0
        last: Coordinator | None = None
        begun_ns = self.clock.monotonic_ns()

        async def steps(transaction: Coordinator) -> Any:
            nonlocal runs, last
            runs, last = runs + 1, transaction
            transaction.request = request.request
            return await execute(transaction, request.steps)

        results = await self.database.run(steps, request.isolation)
        assert last is not None
        timestamp = last.commit_timestamp or last.read_timestamp
        took_ns = self.clock.monotonic_ns() - begun_ns
        self.emit(
            TransactionCommitted(last.transaction_id, timestamp, len(last.writes), runs, request.request, took_ns)
        )
        self._count(aborted=False)
        return Executed("committed", results, timestamp=timestamp)

    @handles(ReadPast)
    async def read_past(self, request: ReadPast) -> Executed:
        """Read keys as of the past."""
        return await self._admitted(self._read_past(request))

    async def _read_past(self, request: ReadPast) -> Executed:
        begun_ns = self.clock.monotonic_ns()
        age = span_of(request.age_ns)
        if request.bounded:
            transaction = self.database.begin(max_staleness=age)
        else:
            transaction = self.database.begin(as_of=self.hybrid.now() - age)
        results = tuple(await transaction.get_many(request.keys))
        timestamp = await transaction.commit()
        took_ns = self.clock.monotonic_ns() - begun_ns
        self.emit(PastRead(request.request, timestamp, request.bounded, not transaction.elsewhere, took_ns))
        return Executed("committed", results, timestamp=timestamp)

    async def _get(self, request: SingleGet) -> Executed:
        return Executed("committed", (await self.database.get(request.key),))

    async def _put(self, request: SinglePut) -> Executed:
        if not request.condition:
            return Executed("committed", timestamp=await self.database.put(request.key, request.value))
        done = await self.database.compare_and_set(request.key, request.expected, request.value)
        return Executed("committed", (b"1" if done else b"0",))

    async def _admitted(self, work: Any) -> Executed:
        """Do something when it is its turn, within the statement timeout; errors become an answer."""
        try:
            async with asyncio.timeout(int(self.config.statement_timeout) / SECOND):
                await self._admit()
                try:
                    return await work
                finally:
                    self._slots.release()
        except TimeoutError:
            return self._given_up(StatementTimeout("took longer than statement_timeout"), "unknown")
        except AmbiguousResult as error:
            return self._given_up(error, "unknown")
        except DatabaseError as error:
            return self._given_up(error, "failed")
        finally:
            work.close()

    async def _admit(self) -> None:
        """Wait for a slot. ClockUntrusted, Overloaded."""
        if not self.watch.trusted:
            raise ClockUntrusted("the gateway's clock is not to be trusted")
        if self._slots.locked():
            if self._waiting >= self.config.waiting_max:
                raise Overloaded(f"{self.config.running_max} transactions run and {self._waiting} wait")
            self._waiting += 1
            try:
                await self._slots.acquire()
            finally:
                self._waiting -= 1
        else:
            await self._slots.acquire()

    def _given_up(self, error: DatabaseError, outcome: Any) -> Executed:
        reason = type(error).__name__
        self.emit(TransactionGivenUp(error.sqlstate, f"{reason}: {error}"[:200]))
        return Executed(outcome, sqlstate=error.sqlstate, text=f"{reason}: {error}"[:200])
