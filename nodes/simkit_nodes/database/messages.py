"""What gateways and stores say to each other: a batch of requests to one range, and the reply.

The requests are those of CockroachDB's BatchRequest, in its words. A batch belongs to one transaction, whose header it
carries, or to none: then it happens at the leaseholder's own time. Errors that the sender corrects (another
leaseholder, another range, an uncertain read) are part of the reply; nothing else is an exception across the network.

It deliberately has no message between replicas: those are Raft's.
"""

from __future__ import annotations

from enum import StrEnum

from simkit.network.message import Message
from simkit_nodes.database.mvcc.record import InFlight, Status
from simkit_nodes.database.range import RangeDescriptor


class Header(Message, tag="database.header/1"):
    """The transaction a batch belongs to, as of its coordinator.

    Attributes:
        transaction_id: 63 random bits.
        anchor: the key at whose range the record stands: the first key it wrote, or was about to read.
        begin_timestamp: its age; the youngest of a deadlock is aborted.
        read_timestamp, write_timestamp: what it sees, and where its writes are to become visible at the earliest.
        uncertainty_limit: its clock's reading at the begin plus max_offset.
        observed: the store's clock when the transaction first came there, 0 if it comes now: what was written there
            later cannot have been written before the transaction began.
        snapshot: whether it is content with snapshot isolation.
        may_forward: nothing has been read yet, so the leaseholder may move `read_timestamp` by itself.
    """

    transaction_id: int
    anchor: bytes
    begin_timestamp: int
    read_timestamp: int
    write_timestamp: int
    uncertainty_limit: int
    observed: int = 0
    snapshot: bool = False
    may_forward: bool = False


class Edge(Message, tag="database.edge/1"):
    """An edge of the wait-for graph: `waiter` pushes `holder`. Begin timestamps say who is younger."""

    waiter: int
    waiter_begin: int
    holder: int
    holder_begin: int


class Get(Message, tag="database.get/1"):
    """Read one key."""

    key: bytes


class Scan(Message, tag="database.scan/1"):
    """Read begin <= key < end.

    With `versions_after` the answer is every version above that timestamp, up to the header's read timestamp, deletions
    too, as `mvcc.read.encode_change` puts them; limit and direction do not count then.
    """

    begin: bytes
    end: bytes
    limit: int | None = None
    reverse: bool = False
    versions_after: int | None = None


class Put(Message, tag="database.put/1"):
    """Write a key; None deletes it. `sequence` numbers the writes of a transaction."""

    key: bytes
    value: bytes | None
    sequence: int = 0


class ConditionalPut(Message, tag="database.conditional_put/1"):
    """Write a key if it holds `expected`; the answer is whether it did."""

    key: bytes
    expected: bytes | None
    value: bytes | None
    sequence: int = 0


class Refresh(Message, tag="database.refresh/1"):
    """Does begin <= key < end read the same at the header's read timestamp as it did at `after`?"""

    begin: bytes
    end: bytes
    after: int


class QueryResolvedTimestamp(Message, tag="database.query_resolved_timestamp/1"):
    """At which timestamp could this replica read begin <= key < end by itself: closed, and below all intents?"""

    begin: bytes
    end: bytes


class QueryIntent(Message, tag="database.query_intent/1"):
    """Is the write there, at or below `timestamp`? If not, it never will be: the answer prevents it."""

    key: bytes
    transaction_id: int
    sequence: int
    timestamp: int


class EndTransaction(Message, tag="database.end_transaction/1"):
    """Commit or abort.

    Attributes:
        commit: false aborts.
        in_flight: writes that nobody has confirmed yet; with any, the record becomes STAGING.
        locks: all keys the transaction has written, so that whoever finds the record can resolve them.
        one_phase: all writes are in this very batch: commit them without intents.
        request: the client's number of what it asked for, 0 for none; it is kept with a STAGING record.
    """

    commit: bool
    in_flight: tuple[InFlight, ...] = ()
    locks: tuple[bytes, ...] = ()
    one_phase: bool = False
    request: int = 0


class ResolveIntents(Message, tag="database.resolve_intents/1"):
    """The transaction is decided: make its writes versions, or take them away."""

    keys: tuple[bytes, ...]
    transaction_id: int
    status: Status
    commit_timestamp: int


class PushTransaction(Message, tag="database.push_transaction/1"):
    """Somebody waits for this transaction: what became of it? An abandoned one is aborted.

    Attributes:
        anchor, transaction_id, begin_timestamp: whom is pushed.
        pusher, pusher_begin: who waits, 0 for no transaction.
        edges: who is known to wait, directly or not, for the pusher.
    """

    anchor: bytes
    transaction_id: int
    begin_timestamp: int
    pusher: int = 0
    pusher_begin: int = 0
    edges: tuple[Edge, ...] = ()


class QueryTransaction(Message, tag="database.query_transaction/1"):
    """How does a transaction stand, and who waits for it?"""

    anchor: bytes
    transaction_id: int


class HeartbeatTransaction(Message, tag="database.heartbeat_transaction/1"):
    """The coordinator is alive."""

    anchor: bytes
    transaction_id: int
    begin_timestamp: int


class RecoverTransaction(Message, tag="database.recover_transaction/1"):
    """All in-flight writes of a STAGING transaction were asked for: commit it if they were there, else abort it."""

    anchor: bytes
    transaction_id: int
    commit: bool
    commit_timestamp: int


class RangeStatus(Message, tag="database.range_status/1"):
    """How large is the range of a key, and how busy?"""

    key: bytes


class RelocateRange(Message, tag="database.relocate_range/1"):
    """Begin to bring the replicas of the range of a key, if it still has that generation, to these stores."""

    key: bytes
    generation: int
    stores: tuple[str, ...]


class Subsume(Message, tag="database.subsume/1"):
    """Freeze the range of a key, if it still has that generation: `left` is about to take it in."""

    key: bytes
    generation: int
    left: RangeDescriptor


class AbandonMerge(Message, tag="database.abandon_merge/1"):
    """Has `left` of just that generation taken `right` in? If not, it never does: the answer prevents it.

    `key` is the first one of `left`: whoever has it by now knows.
    """

    key: bytes
    left: RangeDescriptor
    right: RangeDescriptor


RangeRequest = RangeStatus | RelocateRange | Subsume | AbandonMerge
"""What stores ask each other about ranges as a whole; each goes alone in its batch."""


Request = (
    Get
    | Scan
    | Put
    | ConditionalPut
    | Refresh
    | QueryIntent
    | QueryResolvedTimestamp
    | EndTransaction
    | ResolveIntents
    | PushTransaction
    | QueryTransaction
    | HeartbeatTransaction
    | RecoverTransaction
    | RangeRequest
)


class Batch(Message, tag="database.batch/1"):
    """Requests to one range.

    Attributes:
        now: the sender's hybrid logical clock.
        range_id: as the sender's routing cache has it.
        header: whose they are; None for none.
        requests: carried out together; reads are not sent together with writes.
        pipelined: answer as soon as the writes are evaluated and proposed; a QueryIntent confirms them later.
    """

    now: int
    range_id: int
    header: Header | None
    requests: tuple[Request, ...]
    pipelined: bool = False


class Value(Message, tag="database.value/1"):
    """The answer to a Get."""

    value: bytes | None


class Rows(Message, tag="database.rows/1"):
    """The answer to a Scan."""

    rows: tuple[tuple[bytes, bytes], ...]


class Done(Message, tag="database.done/1"):
    """The answer to a request that says yes or no: done, found, unchanged; `yes` is false for its opposite."""

    yes: bool = True


class ResolvedTimestamp(Message, tag="database.resolved_timestamp/1"):
    """The answer to a QueryResolvedTimestamp; 0 for none."""

    timestamp: int


class TransactionState(Message, tag="database.transaction_state/1"):
    """The answer about a record. `known` is false if there is none; `expired`: its coordinator was not heard lately."""

    status: Status
    commit_timestamp: int
    in_flight: tuple[InFlight, ...] = ()
    known: bool = True
    expired: bool = False
    edges: tuple[Edge, ...] = ()
    request: int = 0


class RangeState(Message, tag="database.range_state/1"):
    """The answer to RangeStatus: bytes, and batches in the busiest of the last rounds; None while that is not known."""

    descriptor: RangeDescriptor
    size: int | None
    peak: int | None


class Subsumed(Message, tag="database.subsumed/1"):
    """The answer to Subsume: the range is frozen.

    Attributes:
        index: up to there every one of its replicas has its log.
        low_water: a hybrid logical timestamp that nothing was read or written above.
    """

    index: int
    low_water: int


Response = Value | Rows | Done | ResolvedTimestamp | TransactionState | RangeState | Subsumed


class Reason(StrEnum):
    """Why a batch was not carried out."""

    NOT_LEASEHOLDER = "not leaseholder"
    RANGE_MISMATCH = "range mismatch"
    UNCERTAIN = "uncertain"
    RETRY = "retry"
    ABORTED = "aborted"
    WAITING = "waiting"
    UNAVAILABLE = "unavailable"
    AMBIGUOUS = "ambiguous"
    TOO_OLD = "too old"
    CLOCK = "clock"


class Trouble(Message, tag="database.trouble/1"):
    """Why a batch was not carried out, and what helps: a timestamp, another store, another descriptor."""

    reason: Reason
    text: str = ""
    timestamp: int = 0
    hint: str | None = None
    descriptor: RangeDescriptor | None = None


class Reply(Message, tag="database.reply/1"):
    """What became of a batch: a response to each request, or trouble.

    `read_timestamp` and `write_timestamp` are where reads and writes took place, 0 without a transaction's header.
    """

    now: int
    responses: tuple[Response, ...] = ()
    read_timestamp: int = 0
    write_timestamp: int = 0
    trouble: Trouble | None = None


def span_of(request: Request, header: Header | None) -> tuple[bytes, bytes | None]:
    """Return the keys that decide where a request goes: begin and end, or one key and None."""
    match request:
        case Get() | Put() | ConditionalPut() | QueryIntent():
            return request.key, None
        case RangeStatus() | RelocateRange() | Subsume() | AbandonMerge():
            return request.key, None
        case Scan() | Refresh() | QueryResolvedTimestamp():
            return request.begin, request.end
        case ResolveIntents():
            return request.keys[0], None
        case EndTransaction():
            assert header is not None
            return header.anchor, None
    return request.anchor, None
