"""What the hosts of the database make seen, beside Raft's and the engine's events.

Checks, triggers, stories and the report read these and nothing else. A gateway speaks for its transactions; where it
dies, the store that recovers or aborts one speaks. Timestamps are hybrid logical ones.
"""

from __future__ import annotations

from simkit.node import Event
from simkit_nodes.blocks.raft.events import EVENTS as RAFT_EVENTS
from simkit_nodes.database.placement.events import EVENTS as PLACEMENT_EVENTS
from simkit_nodes.database.replication.events import EVENTS as REPLICATION_EVENTS
from simkit_nodes.database.sql.events import EVENTS as SQL_EVENTS


class TransactionCommitted(Event, frozen=True, tag="transaction.committed"):
    """A gateway is about to tell a client that its transaction has committed."""

    transaction: int
    timestamp: int
    writes: int
    runs: int
    """How often it was run until it committed."""
    request: int = 0
    """The number that its client gave it; 0 where it gave none."""
    took_ns: int = 0
    """From the begin of its first run to here, by the gateway's clock."""


class PastRead(Event, frozen=True, tag="transaction.past_read"):
    """A gateway is about to answer a read of the past."""

    request: int
    """The number that its client gave it."""
    timestamp: int
    bounded: bool
    """Whether it was content with anything up to its age; else it asked for exactly that."""
    near: bool
    """Whether the replicas nearest to the gateway have answered, whoever leads."""
    took_ns: int


class TransactionGivenUp(Event, frozen=True, tag="transaction.given_up"):
    """A gateway is about to tell a client that its transaction has not committed, or that nobody knows."""

    sqlstate: str
    reason: str


class TransactionRetried(Event, frozen=True, tag="transaction.retried"):
    """A gateway runs a transaction again that could not be serialized."""

    transaction: int
    reason: str


class TransactionRecovered(Event, frozen=True, tag="transaction.recovered"):
    """A store has decided about a staged transaction whose coordinator was silent."""

    transaction: int
    committed: bool
    request: int = 0
    """The number that its client gave it; 0 where it gave none."""


class TransactionAbandoned(Event, frozen=True, tag="transaction.abandoned"):
    """A store has aborted a transaction whose coordinator was silent."""

    transaction: int


class DeadlockBroken(Event, frozen=True, tag="transaction.deadlock_broken"):
    """A store has aborted the youngest of transactions that wait for each other."""

    victim: int
    cycle: tuple[int, ...]


class IntentsLeft(Event, frozen=True, tag="range.intents"):
    """A leaseholder has counted the intents in its range."""

    range_id: int
    intents: int
    oldest_ns: int
    """How long ago the oldest was written."""


class CorruptionMet(Event, frozen=True, tag="store.corruption_met"):
    """A leaseholder has read damaged bytes from its disk, and gives the range's lease to another replica."""

    range_id: int
    where: str


class MessageRefused(Event, frozen=True, tag="message.refused"):
    """A host has turned a message away whose sender may not send it, or which nothing there handles."""

    sender: str
    message: str
    reason: str


class ClockMeasured(Event, frozen=True, tag="clock.measured"):
    """A host has found that its clock is not to be trusted, or is again."""

    offset_ns: int
    trusted: bool
    """Whether it serves."""


class ClockCompared(Event, frozen=True, tag="clock.compared"):
    """A host has compared its clock with the others', and found it elsewhere than when it last said so."""

    offset_ns: int


EVENTS: tuple[type[Event], ...] = (
    TransactionCommitted,
    PastRead,
    TransactionGivenUp,
    TransactionRetried,
    TransactionRecovered,
    TransactionAbandoned,
    DeadlockBroken,
    IntentsLeft,
    CorruptionMet,
    MessageRefused,
    ClockMeasured,
    ClockCompared,
    *RAFT_EVENTS,
    *REPLICATION_EVENTS,
    *PLACEMENT_EVENTS,
    *SQL_EVENTS,
)
