"""A store host: replicas over an engine, and for each an evaluator that serves while it holds the lease.

It opens what its disk has; only at the beginning of the run does it make the cluster's first ranges, so that a disk
that was wiped later stays empty until snapshots come. It deliberately decides nothing about where ranges should be.
"""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from simkit.network import handles
from simkit.node import Node
from simkit_nodes.blocks.hybrid_logical_clock import HybridLogicalClock, span_of
from simkit_nodes.blocks.lsm import Corruption, EngineFailed, LsmEngine
from simkit_nodes.blocks.lsm.gauges import publish
from simkit_nodes.database.clock_watch import ClockWatch
from simkit_nodes.database.config import SECOND, StoreConfig
from simkit_nodes.database.credentials import Credentials
from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.events import (
    CorruptionMet,
    DeadlockBroken,
    IntentsLeft,
    TransactionAbandoned,
    TransactionRecovered,
)
from simkit_nodes.database.messages import Batch, RangeRequest, Reason, Reply, Trouble
from simkit_nodes.database.mvcc.keys import engine_spans
from simkit_nodes.database.mvcc.record import Status
from simkit_nodes.database.placement.steward import Steward
from simkit_nodes.database.ranges.bootstrap import META_RANGE, first_descriptors, meta_rows
from simkit_nodes.database.ranges.housekeeping import Housekeeper
from simkit_nodes.database.ranges.merging import Merger
from simkit_nodes.database.ranges.meta_rows import MetaRows
from simkit_nodes.database.ranges.neighbours import Neighbours
from simkit_nodes.database.ranges.sender import REPLY_TIMEOUT_S, Sender
from simkit_nodes.database.ranges.splitting import Splitter
from simkit_nodes.database.replication.asynchronous import AsynchronousReplica, AsynchronousStore
from simkit_nodes.database.replication.closing import ClosedTimestamps
from simkit_nodes.database.replication.messages import RaftTraffic, ReplicaRemoved
from simkit_nodes.database.replication.replica import Replica
from simkit_nodes.database.store import Store, Timing
from simkit_nodes.database.transactions.evaluator import Evaluator
from simkit_nodes.database.transactions.push import Pusher

FIRST_BOOT_NS = SECOND
"""Stores that boot earlier than this make the cluster."""


class StoreServer(Node):
    """Serves the ranges of one store."""

    config: StoreConfig

    def __init__(self) -> None:
        config = self.config
        self.hybrid = HybridLogicalClock(self.clock, int(config.max_offset) if config.clock_refusal else None)
        self.evaluators: dict[int, Evaluator] = {}
        self.credentials = Credentials(self)
        stores = self.directory.of_role("store")
        self.first = first_descriptors(config.keyspaces, config.ranges, config.replicas, stores, self.directory.zone_of)
        self.periods = config.periods()
        for kind in (RaftTraffic, ReplicaRemoved, ClosedTimestamps):  # until the store is open, what others say is lost
            self.network.handle(kind, lambda message: None)
        # Its replicas may have moved since, to any of the stores.
        meta = replace(self.first[0], replicas=stores, generation=-1)
        self.sender = Sender(self.transport, self.hybrid, meta)
        self.neighbours = Neighbours(
            self.hybrid,
            self.sender,
            self.evaluators,
            int(config.merge_patience) / SECOND,
            asks=config.merge_arbiter,
        )
        self.watch = ClockWatch(self, stores, int(config.max_offset), self._clock_judged)
        self.pusher = Pusher(
            self.sender,
            self.hybrid,
            int(config.push_delay) / SECOND,
            query_intent=config.parallel_commit_query_intent,
            on_recovery=self._recovered,
        )

    async def run(self) -> None:
        booted_ns = self.clock.monotonic_ns()
        config = self.config
        engine = await LsmEngine.open(self.disk, config.lsm())
        publish(engine, self.metrics, self.emit)
        timing = Timing(
            quiesce=config.quiesce,
            log_sync=config.wal_fsync,
            closed_lag_ns=int(config.closed_lag),
            closed_wait=config.closed_timestamp_wait,
        )
        self.store: Any = (
            AsynchronousStore(self, engine)
            if config.replication == "async"
            else await Store.open(self, engine, config.raft(), engine_spans, timing=timing)
        )
        self.store.low_water = lambda: self.hybrid.now() + span_of(int(config.max_offset))
        if isinstance(self.store, Store):
            self.store.closing.clock = self.hybrid.physical_now
            self.store.closing.close = lambda replica, timestamp: self.evaluators[replica.range_id].close(timestamp)
        for replica in self.store.replicas.values():
            self._made(replica)
        self.store.on_made, self.store.on_dropped = self._made, self._dropped
        if booted_ns < FIRST_BOOT_NS:
            for descriptor in self.first:
                if self.name in descriptor.replicas:
                    if descriptor.range_id == META_RANGE:
                        await engine.write(meta_rows(self.first))
                    await self.store.bootstrap(descriptor)
        published = MetaRows(self.sender)
        housekeeper = Housekeeper(
            self.hybrid,
            self.periods,
            self.sender,
            self.pusher,
            lambda range_id, intents, oldest_ns: self.emit(IntentsLeft(range_id, intents, oldest_ns)),
            self._give_away,
            Splitter(published, self._new_range_id, int(config.range_max), config.split_load),
            published,
            Merger(self.sender, published, config.smallness()) if config.range_min else None,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(housekeeper.run(self.evaluators, int(config.housekeeping) / SECOND))
                tasks.create_task(self.store.run())
                if config.range_min and isinstance(self.store, Store):
                    tasks.create_task(self.neighbours.run())
                drivers = self.directory.of_role("placement")
                if drivers and isinstance(self.store, Store):
                    steward = Steward(self, drivers, self.store.replicas)
                    tasks.create_task(steward.run(int(config.placement_heartbeat) / SECOND))
                if config.clock_refusal or config.lease_clock_guard:
                    tasks.create_task(self.watch.run())
        except* EngineFailed as failures:
            # It takes no writes any more, so this store can only be in the way of the others.
            self.log.error("the engine has failed, the store ends: %s", failures.exceptions[0])

    def _new_range_id(self) -> int:
        """Return a number for a new range: so many random bits that no two stores draw the same."""
        return self.random.bits64() >> 16

    def _clock_judged(self, trusted: bool) -> None:
        """Trust the clock no more, or again; while it is not, others had better lead."""
        self.store.trust_clock(trusted)
        if not trusted:
            for evaluator in self.evaluators.values():
                if evaluator.range.tenure:
                    self._transfer(evaluator.range)

    def _made(self, replica: Replica | AsynchronousReplica) -> None:
        self.evaluators[replica.range_id] = evaluator = Evaluator(
            replica,
            self.hybrid,
            self.periods,
            self.pusher,
            on_deadlock=lambda victim, cycle: self.emit(DeadlockBroken(victim, cycle)),
            on_abandoned=lambda transaction: self.emit(TransactionAbandoned(transaction)),
            track_writes=self.config.closed_timestamp_wait,
        )
        evaluator.on_closed_read = lambda: self.metrics.counter("read.closed").add(1)

    def _dropped(self, replica: Replica | AsynchronousReplica) -> None:
        self.evaluators.pop(replica.range_id, None)

    def _recovered(self, transaction: int, status: Status, request: int) -> None:
        self.emit(TransactionRecovered(transaction, status is Status.COMMITTED, request))

    async def transport(self, store: str, batch: Batch) -> Reply:
        """Send a batch to a store; this one needs no network."""
        if store == self.name:
            return await self._serve(batch)
        reply: Any = await self.network.request(store, batch, REPLY_TIMEOUT_S, Reply)
        return reply

    @handles(Batch)
    async def serve(self, batch: Batch) -> Reply:
        """Carry out a batch of another host of the cluster, or say what is in the way of that."""
        if any(isinstance(request, RangeRequest) for request in batch.requests):
            self.credentials.of_store(batch)
        self.credentials.of_cluster(batch)
        return await self._serve(batch)

    async def _serve(self, batch: Batch) -> Reply:
        if self.config.clock_refusal and not self.watch.trusted:
            return Reply(self.hybrid.now(), trouble=Trouble(Reason.CLOCK, "the store's clock is not to be trusted"))
        evaluator = self.evaluators.get(batch.range_id)
        if evaluator is None:
            return Reply(self.hybrid.now(), trouble=Trouble(Reason.RANGE_MISMATCH, "no replica here"))
        try:
            if isinstance(request := batch.requests[0], RangeRequest) and isinstance(evaluator.range, Replica):
                return await self.neighbours.serve(evaluator, batch.now, request)
            return await evaluator.serve(batch)
        except Corruption as corruption:
            self._give_away(evaluator.range, corruption)
            return Reply(self.hybrid.now(), trouble=Trouble(Reason.UNAVAILABLE, str(corruption)))

    def _give_away(self, replica: Any, corruption: Corruption) -> None:
        """Let a replica with sound bytes lead: this one's copy of what was read is lost."""
        self.emit(CorruptionMet(replica.range_id, str(corruption)[:200]))
        self._transfer(replica)

    def _transfer(self, replica: Any) -> None:
        """Hand the lease of a range to another store."""
        others = [voter for voter in replica.raft.log.configuration.voters if voter != self.name]
        if others:
            try:
                replica.transfer(self.random.choice(others))
            except DatabaseError as refused:
                self.log.warning("range %d keeps its lease: %s", replica.range_id, refused)
