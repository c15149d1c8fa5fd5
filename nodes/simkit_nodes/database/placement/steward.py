"""The steward of a store: it tells the placement driver what the store leads, and carries out what the driver decides.

Of a range it does one thing at a time; an order that is repeated meanwhile is the one under way. What fails is left to
the driver, which orders it again as long as it wants it.

It deliberately judges nothing: whether a decision still makes sense, the range's own Raft group finds out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from simkit.network import RemoteError, RequestTimeout, Unreachable
from simkit.node import Node
from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.placement.messages import Decision, Orders, RangeReport, StoreHeartbeat

if TYPE_CHECKING:
    from simkit_nodes.database.replication.replica import Replica

ANSWER_S: Final = 0.5
"""How long the placement driver may take to answer a heartbeat."""


class Steward:
    """Reports for one store and obeys.

    Args:
        node: of the store.
        drivers: the hosts of the placement driver, at least one.
        replicas: of the store, by range.
    """

    def __init__(self, node: Node, drivers: tuple[str, ...], replicas: Mapping[int, Replica]) -> None:
        self._node, self._drivers, self._replicas = node, drivers, replicas
        self._driver = drivers[0]
        self._busy: dict[int, asyncio.Task[None]] = {}

    async def run(self, interval_s: float) -> None:
        """Report, and carry out what comes back, for ever."""
        while True:
            await asyncio.sleep(interval_s)
            for decision in await self._report():
                self._begin(decision)

    async def _report(self) -> tuple[Decision, ...]:
        """Return what the driver wants done; nothing if nobody speaks for it just now."""
        ranges = tuple(_report(each) for each in self._replicas.values() if each.tenure)
        try:
            orders = await self._node.network.request(self._driver, StoreHeartbeat(ranges), ANSWER_S, Orders)
        except (RequestTimeout, RemoteError, Unreachable):
            orders = Orders(leads=False)
        if not orders.leads:
            after = self._drivers[(self._drivers.index(self._driver) + 1) % len(self._drivers)]
            self._driver = orders.hint if orders.hint in self._drivers else after
        return orders.decisions

    def _begin(self, decision: Decision) -> None:
        replica = self._replicas.get(decision.range_id)
        if replica is None or not replica.tenure or decision.range_id in self._busy:
            return
        task = asyncio.get_running_loop().create_task(self._carry_out(decision, replica))
        self._busy[decision.range_id] = task
        task.add_done_callback(lambda _: self._busy.pop(decision.range_id, None))

    async def _carry_out(self, decision: Decision, replica: Replica) -> None:
        try:
            if decision.kind == "relocate":
                await replica.relocate(decision.stores)
            elif decision.stores[0] != self._node.name:
                replica.transfer(decision.stores[0])
        except DatabaseError as error:
            self._node.log.info("decision %d about range %d: %s", decision.number, decision.range_id, error)


def _report(replica: Replica) -> RangeReport:
    log = replica.raft.log
    settled = not log.configuration.joint and log.configuration_index <= replica.raft.commit_index
    return RangeReport(replica.descriptor, log.configuration.learners, replica.tenure, settled)
