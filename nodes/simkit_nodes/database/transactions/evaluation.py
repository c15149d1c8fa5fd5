"""The evaluation of one batch at the leaseholder: what it reads, and which engine writes it comes to.

Writes find out where they can be: above every read by somebody else, above every version. All writes of a batch get one
timestamp. What a transaction's record has to do with it is in `ending`.

It deliberately waits for nobody: an intent in the way is raised, and the caller evaluates again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from simkit_nodes.blocks.lsm import Reader
from simkit_nodes.database.messages import (
    Batch,
    ConditionalPut,
    Done,
    Get,
    Put,
    QueryIntent,
    Reason,
    Refresh,
    ResolveIntents,
    Response,
    Rows,
    Scan,
    Trouble,
    Value,
)
from simkit_nodes.database.mvcc import read
from simkit_nodes.database.mvcc.keys import intent_key, record_key, version_key, versions_prefix
from simkit_nodes.database.mvcc.read import IntentsInTheWay, Viewpoint
from simkit_nodes.database.mvcc.record import (
    Intent,
    Record,
    Status,
    decode_record,
    decode_version,
    encode_intent,
    encode_version,
)
from simkit_nodes.database.range import Put as EnginePut
from simkit_nodes.database.transactions.timestamp_cache import NOBODY, TimestampCache


class Refused(Exception):
    """A batch that is not carried out, with what its sender is told."""

    def __init__(self, reason: Reason, text: str, timestamp: int = 0) -> None:
        super().__init__(text)
        self.trouble = Trouble(reason, text, timestamp)


@dataclass(frozen=True, slots=True)
class Periods:
    """How long things last, as differences of timestamps.

    Attributes:
        offset_max: by how much clocks may differ.
        expiry: a coordinator that was not heard of for so long is taken for dead.
        keep_records: how long the record of an ended transaction is kept.
        keep_versions: how long versions are kept that newer ones hide; reads below that are refused.
    """

    offset_max: int
    expiry: int
    keep_records: int
    keep_versions: int


@dataclass(slots=True)
class Written:
    """A write that has found its place: no intent of somebody else, and the batch's timestamp is high enough."""

    key: bytes
    value: bytes | None
    sequence: int


@dataclass(slots=True)
class Evaluation:
    """One attempt to carry out a batch.

    Attributes:
        engine, cache, now, low_water, periods: the leaseholder's.
        closed: followers may have been told that nobody writes at or below any more.
        read_timestamp: what reads see; later than the header says if it may be forwarded.
        write_timestamp: where all writes of the batch go, so far.
        puts: engine writes beside those of `written`.
        one_phase: `written` becomes versions at once, not intents.
        resolved: keys whose intents go with this batch.
        ended: a transaction whose record changes with this batch, None for none.
    """

    engine: Reader
    cache: TimestampCache
    batch: Batch
    now: int
    low_water: int
    closed: int
    periods: Periods
    read_timestamp: int = 0
    write_timestamp: int = 0
    responses: list[Response] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    puts: list[EnginePut] = field(default_factory=list)
    one_phase: bool = False
    resolved: list[bytes] = field(default_factory=list)
    ended: tuple[int, Record] | None = None

    def __post_init__(self) -> None:
        header = self.batch.header
        self.read_timestamp = max(self.read_timestamp, header.read_timestamp if header else self.now)
        self.write_timestamp = max(self.read_timestamp, header.write_timestamp if header else self.now)

    @property
    def transaction_id(self) -> int:
        return self.batch.header.transaction_id if self.batch.header else NOBODY

    @property
    def may_forward(self) -> bool:
        """Whether the read timestamp is the leaseholder's to move."""
        return self.batch.header is None or self.batch.header.may_forward

    @property
    def viewpoint(self) -> Viewpoint:
        header = self.batch.header
        limit = header.uncertainty_limit if header else self.now + self.periods.offset_max
        # Another leaseholder's clock tells nothing about what this one's predecessors have written.
        observed = max(header.observed if header and header.observed else self.now, self.low_water)
        return Viewpoint(self.read_timestamp, limit, observed, self.transaction_id)

    # -- reading

    def _check_age(self) -> None:
        if self.read_timestamp < self.now - self.periods.keep_versions:
            raise Refused(Reason.TOO_OLD, "versions of that time may be gone")

    async def get(self, request: Get) -> Response:
        self._check_age()
        self.cache.read(request.key, self.read_timestamp, self.transaction_id)
        return Value(await read.get(self.engine, request.key, self.viewpoint))

    async def scan(self, request: Scan) -> Response:
        self._check_age()
        self.cache.read_span(request.begin, request.end, self.read_timestamp, self.transaction_id)
        if request.versions_after is not None:
            after, until = request.versions_after, self.read_timestamp
            return Rows(tuple(await read.versions(self.engine, request.begin, request.end, after, until)))
        rows = await read.scan(
            self.engine,
            request.begin,
            request.end,
            self.viewpoint,
            limit=request.limit,
            reverse=request.reverse,
        )
        return Rows(tuple(rows))

    async def refresh(self, request: Refresh) -> Response:
        if request.end == request.begin + b"\x00":
            self.cache.read(request.begin, self.read_timestamp, self.transaction_id)
        else:
            self.cache.read_span(request.begin, request.end, self.read_timestamp, self.transaction_id)
        changed = await read.changed(
            self.engine, request.begin, request.end, request.after, self.read_timestamp, self.transaction_id
        )
        if changed is not None:
            raise Refused(Reason.RETRY, f"{changed[:64]!r} was written since it was read")
        return Done()

    async def query_intent(self, request: QueryIntent) -> Response:
        intent = await read.read_intent(self.engine, request.key)
        found = (
            intent is not None
            and intent.transaction_id == request.transaction_id
            and intent.sequence >= request.sequence
            and intent.timestamp <= request.timestamp
        )
        if not found:  # should the write still come, it finds that somebody has read here and moves above the timestamp
            self.cache.read(request.key, request.timestamp, NOBODY)
        return Done(found)

    # -- writing

    async def put(self, request: Put) -> Response:
        intent, newest = await read.newest(self.engine, request.key)
        own = self._own(request.key, intent)
        try:
            self._above(request.key, newest)
        except Refused:
            if not await self._is_committed():  # then the newest version is its own, and the batch sent again
                raise
        if own is not None:
            self.write_timestamp = max(self.write_timestamp, own.timestamp)
            if own.sequence >= request.sequence:  # sent twice
                return Done()
        self.written.append(Written(request.key, request.value, request.sequence))
        return Done()

    async def conditional_put(self, request: ConditionalPut) -> Response:
        intent, newest = await read.newest(self.engine, request.key)
        own = self._own(request.key, intent)
        if own is not None:
            found = own.value
        else:
            stored = await self.engine.get(version_key(versions_prefix(request.key), newest)) if newest else None
            found = None if stored is None else decode_version(stored)
        if found != request.expected:
            self.cache.read(request.key, max(newest, self.read_timestamp), self.transaction_id)
            return Done(False)
        self._above(request.key, newest)
        self.written.append(Written(request.key, request.value, request.sequence))
        return Done()

    def _own(self, key: bytes, intent: Intent | None) -> Intent | None:
        if intent is not None and intent.transaction_id != self.transaction_id:
            raise IntentsInTheWay([(key, intent)])
        return intent

    def _above(self, key: bytes, newest: int) -> None:
        """Move above the versions of a key and what others have read of it."""
        self.write_timestamp = max(self.write_timestamp, self.closed + 1)
        header = self.batch.header
        if header is not None and header.snapshot and newest > self.read_timestamp and not header.may_forward:
            raise Refused(Reason.RETRY, f"{key[:64]!r} was written since the snapshot")
        read_until = max(self.cache.latest(key, self.transaction_id), self.low_water)
        self.write_timestamp = max(self.write_timestamp, newest + 1, read_until + 1)

    async def read_record(self, anchor: bytes, transaction_id: int) -> Record | None:
        """Return a transaction's record."""
        stored = await self.engine.get(record_key(anchor, transaction_id))
        return None if stored is None else decode_record(stored)

    async def _is_committed(self) -> bool:
        header = self.batch.header
        record = None if header is None else await self.read_record(header.anchor, header.transaction_id)
        return record is not None and record.status is Status.COMMITTED

    # -- resolving

    async def resolve(self, request: ResolveIntents) -> Response:
        for key in request.keys:
            await self.resolve_one(key, request.transaction_id, request.status, request.commit_timestamp)
        return Done()

    async def resolve_one(self, key: bytes, transaction_id: int, status: Status, commit_timestamp: int) -> None:
        """Make a transaction's intent on a key a version, or take it away; nothing if there is none."""
        intent = await read.read_intent(self.engine, key)
        if intent is None or intent.transaction_id != transaction_id:
            return
        prefix = versions_prefix(key)
        # An intent above the commit came late, when a write was sent twice: the first one has been resolved already.
        if status is Status.COMMITTED and intent.timestamp <= commit_timestamp:
            local = intent.local_timestamp if intent.local_timestamp < commit_timestamp else None
            self.puts.append((version_key(prefix, commit_timestamp), encode_version(intent.value, local)))
        self.puts.append((intent_key(prefix), None))
        self.resolved.append(key)

    def engine_puts(self) -> list[EnginePut]:
        """Return all engine writes of the batch, with the timestamp that it has come to."""
        header, timestamp = self.batch.header, self.write_timestamp
        if not self.written:
            return self.puts
        if header is None or self.one_phase:
            local = self.now if self.now < timestamp else None
            return [
                (version_key(versions_prefix(each.key), timestamp), encode_version(each.value, local))
                for each in self.written
            ] + self.puts
        return [
            (
                intent_key(versions_prefix(each.key)),
                encode_intent(
                    Intent(
                        header.transaction_id,
                        header.anchor,
                        timestamp,
                        self.now,
                        header.begin_timestamp,
                        each.sequence,
                        each.value,
                    )
                ),
            )
            for each in self.written
        ] + self.puts
