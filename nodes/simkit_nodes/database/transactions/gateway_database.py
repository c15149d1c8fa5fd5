"""The database as one gateway offers it: begins transactions, keeps them alive, and runs functions again when it must.

Single operations on one key need no transaction: the leaseholder carries them out at its own time. It deliberately
remembers no transaction that has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from simkit.kernel import Stream
from simkit_nodes.blocks.backoff import Backoff, Jitter
from simkit_nodes.blocks.hybrid_logical_clock import SECOND, HybridLogicalClock, span_of
from simkit_nodes.database.errors import DatabaseError, RetryableError
from simkit_nodes.database.interface import Isolation, Result
from simkit_nodes.database.messages import ConditionalPut, Done, Get, HeartbeatTransaction, Put, TransactionState, Value
from simkit_nodes.database.mvcc.record import Status
from simkit_nodes.database.ranges.sender import Sender
from simkit_nodes.database.transactions.bounded_read import BoundedRead
from simkit_nodes.database.transactions.coordinator import Coordinator, check_key, check_value
from simkit_nodes.database.transactions.evaluation import Refused

RUNS_MAX: Final = 50
"""How often `run` tries a function."""
CLOSED_LAG: Final = 3 * SECOND
"""How far back followers would answer if they did: what CockroachDB takes."""
PROPAGATION: Final = SECOND // 2
"""How long a closed timestamp may be on its way to followers: a heartbeat and a message."""
BACKOFF: Final = Backoff(2_000_000, 200_000_000, Jitter.FULL)


@dataclass(frozen=True, slots=True)
class Options:
    """How transactions of a gateway go about it.

    Attributes:
        offset_max: by how much clocks may differ, as a difference of timestamps.
        heartbeat_s: how often a coordinator says that it is alive.
        uncertainty: whether versions just above the read timestamp may have been there before.
        read_refresh: whether what was read is read again when a transaction has to commit later.
        query_intent: whether a commit asks for pipelined writes.
        parallel_commits: whether the record is staged beside the last writes, or committed after them.
        pipelined: whether writes are answered before they are replicated.
        closed_lag: reads of the past further back than this go to the nearest replica; 0 sends none there.
        commit_wait: whether a commit happens at the latest time that it may be now, and waits until that is past.
    """

    offset_max: int = 0
    heartbeat_s: float = 1.0
    uncertainty: bool = True
    read_refresh: bool = True
    query_intent: bool = True
    parallel_commits: bool = True
    pipelined: bool = True
    commit_wait: bool = False
    closed_lag: int = 0


class TransactionalDatabase:
    """`Database` of one gateway.

    Args:
        sender: reaches the ranges.
        clock: of the gateway.
        random: for identifiers and pauses.
        options: see there.
        on_retry: told of a transaction that `run` runs again, and why.
        error_ns: by how much the clock may be wrong now (Spanner's epsilon), for commit wait.
    """

    def __init__(
        self,
        sender: Sender,
        clock: HybridLogicalClock,
        random: Stream,
        options: Options,
        on_retry: Callable[[Coordinator, str], None] = lambda transaction, reason: None,
        error_ns: Callable[[], int] = lambda: 0,
    ) -> None:
        self.sender = sender
        self.clock = clock
        self.options = options
        self._random = random
        self._on_retry = on_retry
        self._error_ns = error_ns
        self._beating: dict[int, Coordinator] = {}
        self._background: set[asyncio.Task[Any]] = set()

    # -- what a client calls

    def begin(
        self,
        isolation: Isolation = "serializable",
        *,
        as_of: int | None = None,
        max_staleness: int | None = None,
    ) -> Coordinator:
        """Begin a transaction."""
        identity = self._random.bits64() >> 1 or 1
        snapshot = isolation == "snapshot"
        if max_staleness is not None:
            return BoundedRead(self, identity, self.clock.now() - max_staleness, snapshot=snapshot)
        return Coordinator(self, identity, self.clock.now(), snapshot=snapshot, as_of=as_of)

    def past(self, age: int | None) -> int:
        """Return the timestamp so far back; without an age, the freshest that followers are likely to answer."""
        if age is None:
            age = (self.options.closed_lag or CLOSED_LAG) + PROPAGATION
        return self.clock.now() - age

    async def run(
        self, function: Callable[[Coordinator], Awaitable[Result]], isolation: Isolation = "serializable"
    ) -> Result:
        """Run a function in a transaction and commit it, again after each `RetryableError`."""
        last_ns = 0
        for attempt in range(1, RUNS_MAX + 1):
            transaction = self.begin(isolation)
            try:
                result = await function(transaction)
                if not transaction.ended:
                    await transaction.commit()
                return result
            except RetryableError as error:
                if attempt == RUNS_MAX:
                    raise
                self._on_retry(transaction, str(error))
            finally:
                await transaction.rollback()
            last_ns = BACKOFF.delay_ns(attempt, self._random, last_ns)
            await asyncio.sleep(last_ns / 1e9)
        raise AssertionError("unreachable")

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of a key, linearizably."""
        check_key(key)
        value = await self.sender.ask(Get(key))
        assert isinstance(value, Value)
        return value.value

    async def put(self, key: bytes, value: bytes | None) -> int:
        """Write a key, None deletes it; return the timestamp. AmbiguousResult when the answer was lost."""
        check_key(key)
        check_value(value)
        return (await self.sender.send((Put(key, value),))).write_timestamp

    async def compare_and_set(self, key: bytes, expected: bytes | None, value: bytes | None) -> bool:
        """Write a key if it holds `expected`, None for nothing; return whether it did."""
        check_key(key)
        check_value(value)
        done = await self.sender.ask(ConditionalPut(key, expected, value))
        assert isinstance(done, Done)
        return done.yes

    # -- what coordinators call

    def spawn(self, work: Coroutine[Any, Any, object]) -> None:
        """Let something go on after a client has its answer."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def beats(self, transaction: Coordinator) -> None:
        """A transaction has written, so others may wait for it: keep it alive."""
        self._beating[transaction.transaction_id] = transaction

    def ended(self, transaction: Coordinator) -> None:
        """A transaction needs no heartbeats any more."""
        self._beating.pop(transaction.transaction_id, None)

    def latest(self) -> int:
        """Return the latest timestamp that it may be now (Spanner's TT.now().latest)."""
        return self.clock.physical_now() + span_of(self._error_ns())

    async def wait_until_past(self, timestamp: int) -> None:
        """Return when a commit timestamp is past: on this clock, or with commit wait on every clock.

        Writes move above reads and closed timestamps, which may lie ahead. Waiting until they are past keeps the order
        of real time: whoever begins later has them within its uncertainty interval. With commit wait nobody needs one.
        """
        error = span_of(self._error_ns()) if self.options.commit_wait else 0
        while (ahead := timestamp - (self.clock.physical_now() - error)) > 0:
            await asyncio.sleep((ahead >> 12) / 1e6 + 1e-6)

    # -- heartbeats

    async def heartbeat(self) -> None:
        """Say for ever that the coordinators of long transactions are alive."""
        interval = int(self.options.heartbeat_s * SECOND)
        while True:
            await asyncio.sleep(self.options.heartbeat_s)
            now = self.clock.now()
            for transaction in list(self._beating.values()):
                if now - transaction.begin_timestamp > interval // 2:
                    self.spawn(self._beat(transaction))

    async def _beat(self, transaction: Coordinator) -> None:
        beat = HeartbeatTransaction(transaction.anchor, transaction.transaction_id, transaction.begin_timestamp)
        try:
            state = await self.sender.ask(beat)
        except (DatabaseError, Refused):
            return
        if isinstance(state, TransactionState) and state.status is Status.ABORTED:
            self.ended(transaction)
