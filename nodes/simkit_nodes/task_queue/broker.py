"""The broker: a Redis server with an append-only file, and the queue's sweeper inside the same process.

Clients and workers reach it as any Redis, on port 6379. The sweeper holds a connection of its own inside the process and calls
the same scripts as everyone. It is one primary: replicas and sentinels come with a later step.
"""

from __future__ import annotations

import asyncio
from typing import Any

from simkit.node import Event, Node
from simkit_nodes.blocks.redis_host import RedisServer, SyncPolicy
from simkit_nodes.blocks.redis_host.connection import Connection
from simkit_nodes.blocks.redis_host.server import Limits
from simkit_nodes.task_queue.config import SECOND, BrokerConfig
from simkit_nodes.task_queue.events import BrokerRecovered, QueueCounted, TaskLeased, TaskRecovered, TaskSucceeded
from simkit_nodes.task_queue.narration import narrate
from simkit_nodes.task_queue.scripts import DIGESTS, SCRIPTS

SWEEP_BATCH = 256  # leases or delayed tasks one script call may move


class Broker(Node):
    """Redis, our append-only file, and the sweeper."""

    config: BrokerConfig

    async def run(self) -> None:
        server = RedisServer(
            disk=self.disk,
            wall_ns=self.clock.wall_ns,
            entropy=self.random,
            policy=SyncPolicy(self.config.fsync),
            limits=Limits(bulk_bytes_max=int(self.config.bulk_max)),
            observe=lambda words, reply: narrate(words, reply) or None,
            announce=self._announce,
        )
        self.latency = self.metrics.histogram("task.latency", unit="s")
        self.wait = self.metrics.histogram("task.wait", unit="s")
        listener = await server.open()
        recovery = await server.recover()
        tasks = self._tell_recovered(server)
        self.emit(BrokerRecovered(recovery.commands, recovery.kept_bytes, recovery.truncated_bytes, tasks))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(server.run())
                group.create_task(self._tend(server))
        except* OSError as errors:
            # Redis exits too when it cannot write its file: going on would acknowledge what the disk does not hold.
            self.log.critical("the append-only file cannot be written, giving up: %s", errors.exceptions[0])
            listener.close()

    def _announce(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, TaskSucceeded):
                self.latency.record(event.latency_ns / SECOND)
            elif isinstance(event, TaskLeased):
                self.wait.record(event.waited_ns / SECOND)
            self.emit(event)

    def _tell_recovered(self, server: RedisServer) -> int:
        database = server.engine.dbs[0]
        tasks = 0
        for key, item in database._dict.items():
            if key.startswith(b"tq:task:"):
                tasks += 1
                state = item.value.get(b"state") or b"?"
                self.emit(TaskRecovered(key[8:].decode("utf-8", "replace"), state.decode()))
        return tasks

    # The sweeper

    async def _tend(self, server: RedisServer) -> None:
        """Every so often: promote what is due, take back expired leases, measure the queue."""
        connection = Connection(server.engine)
        sweep_ns, promote_s = int(self.config.sweep_every), int(self.config.promote_every) / SECOND
        for script in SCRIPTS.values():
            await server.call(connection, "SCRIPT", "LOAD", script.source)
        depth = self.metrics.gauge("queue.depth", unit="tasks")
        delayed = self.metrics.gauge("queue.delayed", unit="tasks")
        leases = self.metrics.gauge("leases.in_flight", unit="leases")
        dead = self.metrics.gauge("queue.dead", unit="tasks")
        swept_ns = self.clock.monotonic_ns()
        while True:
            await asyncio.sleep(promote_s)
            await self._drain(server, connection, "promote")
            if self.clock.monotonic_ns() - swept_ns < sweep_ns:
                continue
            swept_ns = self.clock.monotonic_ns()
            if self.config.sweeper:
                await self._drain(server, connection, "sweep")
            counts = (await self._script(server, connection, "depths"))[1:]
            ready = sum(counts[:10])
            depth.set(ready)
            delayed.set(counts[10])
            leases.set(counts[11])
            dead.set(counts[12])
            submitted, success, failure, died, taken = counts[13:]
            self.emit(QueueCounted(submitted, success, failure, died, ready, counts[10], counts[11], taken))

    async def _drain(self, server: RedisServer, connection: Connection, name: str) -> None:
        """Call a script that moves tasks until it has nothing left to move."""
        while len(await self._script(server, connection, name, SWEEP_BATCH)) > SWEEP_BATCH:
            pass

    async def _script(self, server: RedisServer, connection: Connection, name: str, *words: int) -> list[Any]:
        reply = await server.call(connection, "EVALSHA", DIGESTS[name], 0, *words)
        assert isinstance(reply, list)
        return reply
