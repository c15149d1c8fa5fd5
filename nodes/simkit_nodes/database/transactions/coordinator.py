"""The coordinator of a transaction: what a client of the database holds, at its gateway.

Writes are kept until the next request leaves and go out beside it, pipelined: their leaseholders answer before they are
replicated. The commit asks for all of them while it stages the record (parallel commits), so that a transaction takes
one round of consensus after its last statement; one whose writes are all in one range commits there in one phase.

Where a write had to move above the read timestamp, everything that was read is refreshed up to there. What that cannot
mend is a `RetryableError`. It deliberately holds no thread and no lock: what it leaves behind when its gateway dies is
in the ranges, and others decide about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from simkit_nodes.database.errors import (
    AmbiguousResult,
    ConcurrentUse,
    DatabaseError,
    InvalidBounds,
    InvalidKey,
    RetryableError,
    TransactionAborted,
    TransactionEnded,
    Unavailable,
)
from simkit_nodes.database.interface import KEY_BYTES_MAX, KEY_END, VALUE_BYTES_MAX
from simkit_nodes.database.messages import Get, Header, Put, Reason, Refresh, Response, Rows, Scan, Value
from simkit_nodes.database.mvcc.read import decode_change
from simkit_nodes.database.ranges.sent import Sent
from simkit_nodes.database.transactions.commit import Commit
from simkit_nodes.database.transactions.evaluation import Refused

if TYPE_CHECKING:
    from simkit_nodes.database.transactions.gateway_database import TransactionalDatabase

READ_SPANS_MAX: Final = 500
"""Spans that are remembered one by one; more of them are remembered as what lies between the first and the last."""


@dataclass(slots=True)
class Write:
    """A write of a transaction: `sequence` numbers it, `confirmed` once it is known to be replicated."""

    value: bytes | None
    sequence: int
    sent: bool = False
    confirmed: bool = False


class Coordinator:
    """One transaction; `Transaction` of `interface` says what its methods do.

    Args:
        database: of the gateway.
        transaction_id: 63 random bits.
        now: a timestamp of the gateway's clock.
        snapshot: content with snapshot isolation.
        as_of: reads there, and does not write.

    Attributes:
        nearest: the nearest replicas are asked first.
        elsewhere: how many batches others had to answer then.
        request: the number that the client gave to what it asked for, 0 for none; told by whoever recovers a commit.
    """

    def __init__(
        self, database: TransactionalDatabase, transaction_id: int, now: int, *, snapshot: bool, as_of: int | None
    ) -> None:
        self.database = database
        self.transaction_id = transaction_id
        self.snapshot = snapshot
        self.begin_timestamp = now
        self.read_timestamp = self.write_timestamp = now if as_of is None else as_of
        self.uncertainty_limit = self.read_timestamp
        if as_of is None and database.options.uncertainty:
            self.uncertainty_limit += database.options.offset_max
        self.read_only = as_of is not None
        self.nearest = self._may_be_closed()
        self.elsewhere = 0
        self.request = 0
        self.anchor = b""
        self.writes: dict[bytes, Write] = {}
        self.commit_timestamp: int | None = None
        self.deadline: int | None = None
        self.ended = False
        self.has_departed = False
        self._reading = False
        self._sequence = 0
        self._read_spans: dict[tuple[bytes, bytes], None] = {}
        self._observed: dict[str, int] = {}
        self._flights: list[asyncio.Task[None]] = []

    def _may_be_closed(self) -> bool:
        """Whether any replica is likely to be able to answer what this reads."""
        lag = self.database.options.closed_lag
        return self.read_only and lag > 0 and self.read_timestamp <= self.begin_timestamp - lag

    # -- what a client calls

    async def get(self, key: bytes) -> bytes | None:
        self._check_open()
        check_key(key)
        written = self.writes.get(key)
        if written is not None:
            return written.value
        (response,) = await self._read((Get(key),), ((key, key + b"\x00"),))
        assert isinstance(response, Value)
        return response.value

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self._check_open()
        for key in keys:
            check_key(key)
        found = {key: self.writes[key].value for key in keys if key in self.writes}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if missing:
            requests = tuple(Get(key) for key in missing)
            responses = await self._read(requests, [(key, key + b"\x00") for key in missing])
            for key, response in zip(missing, responses, strict=True):
                assert isinstance(response, Value)
                found[key] = response.value
        return [found[key] for key in keys]

    async def scan(
        self, begin: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        self._check_open()
        if begin > end:
            raise InvalidBounds("a scan begins at or before its end")
        if limit is not None and limit < 0:
            raise InvalidBounds("a scan cannot have a limit below zero")
        check_key(begin)
        end = min(end, KEY_END)
        if begin >= end or limit == 0:
            return []
        await self._land()  # the range shows own writes only once they are there
        self._depart()
        await self._land()
        (response,) = await self._read((Scan(begin, end, limit, reverse),), ((begin, end),))
        assert isinstance(response, Rows)
        return list(response.rows)

    async def versions(self, begin: bytes, end: bytes, after: int) -> list[tuple[bytes, int, bytes | None]]:
        """Return every version above `after`, up to the read timestamp: key, time and value, None if deleted."""
        self._check_open()
        (response,) = await self._read((Scan(begin, end, versions_after=after),), ((begin, end),))
        assert isinstance(response, Rows)
        return [decode_change(row) for row in response.rows]

    async def put(self, key: bytes, value: bytes) -> None:
        check_value(value)
        self._write(key, value)

    async def delete(self, key: bytes) -> None:
        self._write(key, None)

    async def commit(self, *, deadline: int | None = None) -> int:
        self._check_open()
        self.deadline = deadline
        try:
            await self._land()
            if self.writes and self.database.options.commit_wait:
                self.write_timestamp = max(self.write_timestamp, self.database.latest())
            timestamp = await Commit(self).run()
        except Refused as refusal:
            await self.fail(refusal)
        except AmbiguousResult:
            self._end()  # nobody may undo it now; recovery decides
            raise
        except DatabaseError:
            await self.rollback()
            raise
        self.commit_timestamp = timestamp
        self._end()
        if self.writes:
            await self.database.wait_until_past(timestamp)
        return timestamp

    async def rollback(self) -> None:
        if not self.ended:
            self._end()
            for flight in self._flights:
                flight.cancel()
            if self.has_departed:
                self.database.spawn(Commit(self).abort())

    # -- reading

    async def _read(self, requests: Sequence[Get | Scan], spans: Sequence[tuple[bytes, bytes]]) -> Sequence[Response]:
        if self._reading:
            raise ConcurrentUse("the transaction is reading already; `get_many` reads several keys at once")
        self._reading = True
        try:
            return await self._read_alone(requests, spans)
        finally:
            self._reading = False

    async def _read_alone(
        self, requests: Sequence[Get | Scan], spans: Sequence[tuple[bytes, bytes]]
    ) -> Sequence[Response]:
        self._depart()
        while True:
            first = not self._read_spans and len(requests) == 1  # several ranges would go forward to several times
            try:
                sent = await self.database.sender.send(
                    requests, self.header(may_forward=first), observed=self._observed, nearest=self.nearest
                )
            except Refused as refusal:
                if refusal.trouble.reason is not Reason.UNCERTAIN:
                    await self.fail(refusal)
                await self._move(refusal.trouble.timestamp)
                continue
            except DatabaseError:
                await self.rollback()
                raise
            self._moved(sent)
            self._remember(spans)
            return sent.responses

    def _remember(self, read: Sequence[tuple[bytes, bytes]]) -> None:
        spans = self._read_spans
        spans.update(dict.fromkeys(read))
        if len(spans) > READ_SPANS_MAX:
            self._read_spans = {(min(each[0] for each in spans), max(each[1] for each in spans)): None}

    def _moved(self, sent: Sent) -> None:
        """The leaseholder may have carried it out later than it was asked to."""
        self.read_timestamp = max(self.read_timestamp, sent.read_timestamp)
        self.write_timestamp = max(self.write_timestamp, sent.write_timestamp, self.read_timestamp)
        self.elsewhere += sent.elsewhere

    async def _move(self, timestamp: int) -> None:
        """Read at a later timestamp from now on, or fail."""
        if not await self.refresh(timestamp):
            await self.fail(Refused(Reason.RETRY, "what was read has changed since"))

    async def refresh(self, timestamp: int) -> bool:
        """Move the read timestamp to a later one; False if something that was read reads differently there."""
        if timestamp > self.read_timestamp:
            after, before = self.read_timestamp, self.header()
            self.read_timestamp = timestamp
            self.write_timestamp = max(self.write_timestamp, timestamp)
            requests = [Refresh(begin, end, after) for begin, end in self._read_spans]
            if requests and self.database.options.read_refresh:
                try:
                    await self.database.sender.send(requests, self.header())
                except Refused as refusal:
                    self.read_timestamp = before.read_timestamp
                    if refusal.trouble.reason is Reason.ABORTED:
                        raise
                    return False
        return True

    @property
    def has_read(self) -> bool:
        """Whether anything was read that a later timestamp could change."""
        return bool(self._read_spans) and self.database.options.read_refresh

    # -- writing

    def _write(self, key: bytes, value: bytes | None) -> None:
        self._check_open()
        check_key(key)
        if self.read_only:
            raise TransactionEnded("a transaction that reads the past cannot write")
        if not self.anchor:
            self.anchor = key
        self._sequence += 1
        self.writes[key] = Write(value, self._sequence)

    def _depart(self) -> None:
        """Let the writes that are still here leave for their ranges."""
        waiting = [(key, write) for key, write in self.writes.items() if not write.sent]
        if waiting:
            puts = [Put(key, write.value, write.sequence) for key, write in waiting]
            self.depart()
            loop = asyncio.get_running_loop()
            flight = loop.create_task(self._fly(puts, self.header()))
            flight.add_done_callback(_seen)  # whether or not anybody still asks what became of it
            self._flights.append(flight)

    def depart(self) -> None:
        """All writes are on their way from now on, and others may wait for their intents."""
        self.has_departed = True
        for write in self.writes.values():
            write.sent = True
        self.database.beats(self)

    async def _fly(self, puts: list[Put], header: Header) -> None:
        options = self.database.options
        sent = await self.database.sender.send(puts, header, pipelined=options.pipelined)
        self._moved(Sent([], 0, sent.write_timestamp))
        if not options.pipelined:
            for put in puts:
                write = self.writes[put.key]
                write.confirmed |= write.sequence == put.sequence

    async def _land(self) -> None:
        """Wait until the leaseholders have taken the writes that left, or fail."""
        flights, self._flights = self._flights, []
        for flight in flights:
            try:
                await flight
            except Refused as refusal:
                await self.fail(refusal)
            except DatabaseError:
                await self.rollback()
                raise

    # -- its state

    def header(self, *, may_forward: bool = False) -> Header:
        """Return what requests of the transaction carry now."""
        return Header(
            self.transaction_id,
            self.anchor,
            self.begin_timestamp,
            self.read_timestamp,
            max(self.write_timestamp, self.read_timestamp),
            max(self.uncertainty_limit, self.read_timestamp),
            0,
            self.snapshot,
            may_forward and not self.read_only,
        )

    async def fail(self, refusal: Refused) -> NoReturn:
        """Roll back and raise what a client can understand."""
        await self.rollback()
        trouble = refusal.trouble
        if trouble.reason is Reason.ABORTED:
            raise TransactionAborted(trouble.text) from None
        if trouble.reason is Reason.TOO_OLD:
            raise Unavailable(trouble.text) from None
        raise RetryableError(trouble.text) from None

    def _check_open(self) -> None:
        if self.ended:
            raise TransactionEnded("the transaction has ended; begin another one")

    def _end(self) -> None:
        self.ended = True
        self.database.ended(self)


def _seen(flight: asyncio.Task[None]) -> None:
    if not flight.cancelled():
        flight.exception()


def check_key(key: bytes) -> None:
    """Refuse what is no key of a client. InvalidKey."""
    if not key or key[0] == 0 or key >= KEY_END:
        raise InvalidKey("a key has at least one byte, does not begin with a zero byte and lies below ff ff")
    if len(key) > KEY_BYTES_MAX:
        raise InvalidKey(f"a key has at most {KEY_BYTES_MAX} bytes, not {len(key)}")


def check_value(value: bytes | None) -> None:
    """Refuse a value that is too long. InvalidKey."""
    if value is not None and len(value) > VALUE_BYTES_MAX:
        raise InvalidKey(f"a value has at most {VALUE_BYTES_MAX} bytes, not {len(value)}")
