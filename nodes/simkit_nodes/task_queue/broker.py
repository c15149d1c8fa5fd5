"""The broker: a Redis server with an append-only file, and the queue's sweeper inside the same process.

Clients and workers reach it as any Redis, on port 6379. The sweeper holds a connection of its own inside the process
and calls the same scripts as everyone. It is one primary: replicas and sentinels come with a later step.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from simkit.node import Event, Node
from simkit_nodes.blocks.redis_host import RedisServer, SyncPolicy
from simkit_nodes.blocks.redis_host.connection import Connection
from simkit_nodes.blocks.redis_host.server import Limits
from simkit_nodes.task_queue.config import SECOND, BrokerConfig
from simkit_nodes.task_queue.events import (
    BrokerRecovered,
    QueueCounted,
    TaskLeased,
    TaskRecovered,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
)
from simkit_nodes.task_queue.narration import narrate
from simkit_nodes.task_queue.scripts import DIGESTS, SCRIPTS

BATCH = 256  # leases or delayed tasks one script call may move


class Broker(Node):
    """Redis, our append-only file, and the sweeper."""

    config: BrokerConfig

    def __init__(self) -> None:
        self.earlier = asyncio.Event()  # something is due before `next_due_ns`
        self.next_due_ns: int | None = None

    async def run(self) -> None:
        server = RedisServer(
            disk=self.disk,
            wall_ns=self.clock.wall_ns,
            entropy=self.random,
            policy=SyncPolicy(self.config.fsync),
            limits=Limits(bulk_bytes_max=int(self.config.bulk_max)),
            observe=self._observe,
            announce=self._announce,
        )
        self.latency = self.metrics.histogram("task.latency", unit="s")
        self.waits = [self.metrics.histogram("task.wait", unit="s", priority=str(number)) for number in range(10)]
        self.leased = self.metrics.counter("tasks.leased")
        self.waited = self.metrics.counter("tasks.waited")
        listener = await server.open()
        recovery = await server.recover()
        tasks = self._tell_recovered(server)
        self.emit(BrokerRecovered(recovery.commands, recovery.kept_bytes, recovery.truncated_bytes, tasks))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(server.run())
                group.create_task(self._promote(server))
                group.create_task(self._sweep(server))
        except* OSError as errors:
            # Redis exits too when it cannot write its file: going on would acknowledge what the disk does not hold.
            self.log.critical("the append-only file cannot be written, giving up: %s", errors.exceptions[0])
            listener.close()

    def _announce(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, TaskSucceeded):
                self.latency.record(event.latency_ns / SECOND)
            elif isinstance(event, TaskLeased):
                self.waits[event.priority].record(event.waited_ns / SECOND)
                self.leased.add()
                if event.waited_ns > self.config.at_once:
                    self.waited.add()
            self.emit(event)

    def _tell_recovered(self, server: RedisServer) -> int:
        records = server.engine.dbs[0].get(b"tq:state")
        if records is None:
            return 0
        tasks = records.value.getall()
        for task, record in tasks.items():
            self.emit(TaskRecovered(task.decode("utf-8", "replace"), record.split(b" ", 1)[0].decode()))
        return len(tasks)

    # Inside the broker: delayed tasks and expired leases

    async def _promote(self, server: RedisServer) -> None:
        """Move delayed tasks to the ready lists when they are due: woken by the earliest due time, not by polling."""
        connection = await self._inside(server)
        while True:
            self.earlier.clear()
            self.next_due_ns = None
            reply = await self._script(server, connection, "promote", BATCH)
            now_us, next_us = reply[0], reply[1]
            if not next_us:
                await self.earlier.wait()
                continue
            if self.next_due_ns is None or next_us * 1000 < self.next_due_ns:
                self.next_due_ns = next_us * 1000
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, (self.next_due_ns - now_us * 1000) / SECOND)):
                    await self.earlier.wait()

    def _observe(self, words: list[bytes], reply: Any) -> list[Event] | None:
        events = narrate(words, reply)
        for event in events:
            due_ns = event.due_ns if isinstance(event, (TaskSubmitted, TaskRetried)) else 0
            if due_ns and (self.next_due_ns is None or due_ns < self.next_due_ns):
                self.next_due_ns = due_ns
                self.earlier.set()
        return events or None

    async def _sweep(self, server: RedisServer) -> None:
        """Every so often: take back expired leases, count the queue."""
        connection = await self._inside(server)
        depth = self.metrics.gauge("queue.depth", unit="tasks")
        delayed = self.metrics.gauge("queue.delayed", unit="tasks")
        leases = self.metrics.gauge("leases.in_flight", unit="leases")
        dead = self.metrics.gauge("queue.dead", unit="tasks")
        while True:
            await asyncio.sleep(int(self.config.sweep_every) / SECOND)
            while self.config.sweeper and len(await self._script(server, connection, "sweep", BATCH)) > BATCH:
                pass
            counts = (await self._script(server, connection, "depths"))[1:]
            ready = sum(counts[:10])
            depth.set(ready)
            delayed.set(counts[10])
            leases.set(counts[11])
            dead.set(counts[12])
            submitted, success, failure, died, taken = counts[13:]
            self.emit(QueueCounted(submitted, success, failure, died, ready, counts[10], counts[11], taken))

    async def _inside(self, server: RedisServer) -> Connection:
        """A connection that needs no network, with the scripts loaded."""
        connection = Connection(server.engine)
        for script in SCRIPTS.values():
            await server.call(connection, "SCRIPT", "LOAD", script.source)
        return connection

    async def _script(self, server: RedisServer, connection: Connection, name: str, *words: int) -> list[Any]:
        reply = await server.call(connection, "EVALSHA", DIGESTS[name], 0, *words)
        assert isinstance(reply, list)
        return reply
