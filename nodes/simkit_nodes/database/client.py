"""A client: every arrival of its load becomes one transaction at a gateway; what came of it goes into the history.

A transaction is sent once. If no answer comes, nobody knows whether it happened, and the history says so. It
deliberately retries nothing: what can be retried without risk is the gateway's business.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from simkit.network.errors import RemoteError, RequestTimeout, Unreachable
from simkit.node import Node
from simkit.observe.history import Operation
from simkit_nodes.database.config import SECOND, ClientConfig, DatabaseLoad
from simkit_nodes.database.programs import Execute, Executed, ReadPast
from simkit_nodes.database.sql.client import SqlClient
from simkit_nodes.database.workloads import WORKLOADS, Request


class Client(Node):
    """Sends transactions."""

    config: ClientConfig

    def __init__(self) -> None:
        gateways = self.directory.of_role("gateway")
        zone = self.directory.zone_of(self.name)
        near = tuple(each for each in gateways if self.directory.zone_of(each) == zone)
        self._gateways = near or gateways
        self._next = self.random.below(len(self._gateways))
        self._idle: list[int] = []
        self._processes = 0
        self.numbers: dict[str, int] = {}
        self._sql: SqlClient | None = None

    async def offer(self, load: DatabaseLoad, number: int) -> None:
        """Run one transaction of a workload."""
        if load.workload.startswith("sql_"):
            await self._offer_sql(load)
            return
        request = WORKLOADS[load.workload](self, load)
        process = self._idle.pop() if self._idle else self._new_process()
        operation = self.invoke(request.function, request.given, process=f"{self.name}.{process}")
        begun_ns = self.clock.monotonic_ns()
        outcome = await self._send(request, operation)
        seconds = (self.clock.monotonic_ns() - begun_ns) / SECOND
        self.metrics.histogram("transaction.latency", "s", workload=load.workload, outcome=outcome).record(seconds)
        self._idle.append(process)

    async def _offer_sql(self, load: DatabaseLoad) -> None:
        """SQL's workloads are conversations, which the history does not tell; their checks have events of their own."""
        if self._sql is None:
            self._sql = SqlClient(self, self._gateways, int(self.config.timeout) / SECOND)
        begun_ns = self.clock.monotonic_ns()
        outcome = await self._sql.offer(load.workload, load.keys)
        seconds = (self.clock.monotonic_ns() - begun_ns) / SECOND
        self.metrics.histogram("transaction.latency", "s", workload=load.workload, outcome=outcome).record(seconds)

    def _new_process(self) -> int:
        self._processes += 1
        return self._processes - 1

    async def _send(self, request: Request, operation: Operation) -> str:
        gateway = self._gateways[self._next % len(self._gateways)]
        try:
            message = request.message
            if isinstance(message, Execute | ReadPast):
                message = replace(message, request=operation.serial + 1)
            answer: Any = await self.network.request(gateway, message, int(self.config.timeout) / SECOND, Executed)
        except (RequestTimeout, RemoteError, Unreachable) as error:
            self._next += 1  # the next transaction asks somebody else
            operation.info(type(error).__name__)
            return "unknown"
        if answer.outcome == "committed":
            operation.ok(request.output(answer.results))
        elif answer.outcome == "failed":
            operation.fail(answer.sqlstate)
        else:
            operation.info(answer.sqlstate)
        return answer.outcome
