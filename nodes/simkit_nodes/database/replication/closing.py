"""Closing timestamps: leaseholders promise their followers that nobody writes at or below a timestamp any more.

Beside Raft's messages, every heartbeat, a store tells each other store how far its leaseholders have closed their
ranges, and up to which entry of the log a replica must have applied before that is true of what it has. A leaseholder
closes up to a lag behind its clock, and not beyond the last moment at which its lease was valid: whoever leads next
writes above its own clock plus max_offset, which is later than that. A range that has fallen silent is woken for a
round whenever half of the lag has passed, so that time is closed there as well.

It deliberately closes nothing without leases, and nothing when the clock is not to be trusted.

Source: the design of CockroachDB's closed timestamps, where this is the "side transport".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from simkit.network import Message, handles
from simkit_nodes.blocks.hybrid_logical_clock import span_of
from simkit_nodes.database.credentials import Credentials

if TYPE_CHECKING:
    from simkit_nodes.database.replication.replica import Replica
    from simkit_nodes.database.store import Store

PROMISES_MAX = 64
"""Of a leaseholder that a replica keeps while it has not applied enough to use them; what comes then is too much."""


class Promise(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Nobody writes at or below `timestamp` in the range, but in entries of its log up to `index`."""

    range_id: int
    index: int
    timestamp: int


class ClosedTimestamps(Message, frozen=True, tag="database.closed_timestamps/1"):
    """What the leaseholders of a store promise to the replicas of another."""

    promises: tuple[Promise, ...]


class Closed:
    """What one replica knows to be closed.

    Args:
        waits: whether it counts only when everything that it covers is applied; without, readers may miss writes.

    Attributes:
        timestamp: up to here the replica has all writes.
        promised: the highest promise that it has heard of, whether or not it can be used yet.
        covered: the tenure in which this replica last held a valid lease, and when that was on its clock.
    """

    __slots__ = ("_waiting", "_waits", "covered", "promised", "timestamp")

    def __init__(self, waits: bool = True) -> None:
        self.timestamp = self.promised = 0
        self.covered = (0, 0)
        self._waits = waits
        self._waiting: list[Promise] = []

    def promise(self, promise: Promise, applied_index: int) -> None:
        """Hear of a promise, having applied the log up to an index."""
        self.at(applied_index)
        self.promised = max(self.promised, promise.timestamp)
        if len(self._waiting) < PROMISES_MAX:
            self._waiting.append(promise)

    def at(self, applied_index: int) -> int:
        """Return what is closed for who has applied the log up to an index."""
        if self._waiting:
            kept = []
            for promise in self._waiting:
                if promise.index <= applied_index or not self._waits:
                    self.timestamp = max(self.timestamp, promise.timestamp)
                else:
                    kept.append(promise)
            self._waiting = kept
        return self.timestamp


class Closing:
    """Closes timestamps for the leaseholders of one store, and hears of those that others have closed.

    Args:
        store: whose replicas they are.
        lag_ns: how far behind the clock; 0 closes nothing.
        waits: see `Closed`.

    Attributes:
        clock: gives the store's wall clock as a timestamp.
        close: asks a replica's evaluator to promise as much as is possible up to a timestamp; returns what it promises.
    """

    def __init__(self, store: Store, lag_ns: int, *, waits: bool) -> None:
        self._store, self._lag = store, span_of(lag_ns)
        self.waits = waits
        self.clock: Callable[[], int] = lambda: 0
        self.close: Callable[[Replica, int], int] = lambda replica, timestamp: 0
        self._credentials = Credentials(store.node)
        if lag_ns:
            store.network.bind(self)

    def look(self) -> None:
        """Close what can be closed now, and tell the stores that have replicas."""
        if not self._lag:
            return
        store, now = self._store, self.clock()
        promises: dict[str, list[Promise]] = {}
        for replica in store.replicas.values():
            tenure = replica.tenure
            if not tenure:
                continue
            if replica.raft.reads.lease_index() is not None:
                replica.closed.covered = (tenure, now)
            of_tenure, covered = replica.closed.covered
            if of_tenure != tenure:
                continue
            timestamp = self.close(replica, min(covered, now - self._lag))
            if timestamp > 0:
                promise = Promise(replica.range_id, replica.raft.log.last_index, timestamp)
                replica.promised(promise)
                for member in replica.raft.log.configuration.members:
                    promises.setdefault(member, []).append(promise)
        promises.pop(store.name, None)
        for member, promised in promises.items():
            store.network.send(member, ClosedTimestamps(tuple(promised)))

    def wakes(self, replica: Replica) -> bool:
        """Break the silence of a range whose lease was last seen long ago, so that time can be closed beyond that."""
        if not self._lag or not replica.raft.options.leases:
            return False
        of_tenure, covered = replica.closed.covered
        due = of_tenure != replica.tenure or self.clock() - covered > self._lag // 2
        if due:
            replica.raft.wake()
        return due

    @handles(ClosedTimestamps)
    def hear(self, message: ClosedTimestamps) -> None:
        """Take the promises of another store."""
        self._credentials.of_store(message)
        for promise in message.promises:
            replica = self._store.replicas.get(promise.range_id)
            if replica is not None:
                replica.promised(promise)
