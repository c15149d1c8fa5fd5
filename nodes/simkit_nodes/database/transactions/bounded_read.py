"""A read of bounded staleness: as fresh as the nearest replicas can answer by themselves, and no older than a bound.

Before its first read it asks the nearest replicas up to when what it is about to read is resolved there: closed, and
below all intents. The lowest of their answers is its timestamp, for that read and all that follow. If that is too old
it reads at the bound, wherever that can be answered: the leaseholders can always.

It deliberately negotiates once: several reads of one transaction see one state.

Source: the design of CockroachDB's bounded staleness reads (with_max_staleness).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from simkit_nodes.database.errors import Unavailable
from simkit_nodes.database.messages import Get, QueryResolvedTimestamp, ResolvedTimestamp, Response, Scan
from simkit_nodes.database.transactions.coordinator import Coordinator

if TYPE_CHECKING:
    from simkit_nodes.database.transactions.gateway_database import TransactionalDatabase

NEGOTIATION_S: Final = 1.0
"""How long the nearest replicas are asked how fresh they are."""


class BoundedRead(Coordinator):
    """A transaction that reads the past and chooses for itself how far back.

    Args:
        oldest: the lowest timestamp that will do.
    """

    def __init__(self, database: TransactionalDatabase, transaction_id: int, oldest: int, *, snapshot: bool) -> None:
        super().__init__(database, transaction_id, oldest, snapshot=snapshot, as_of=oldest)
        self.nearest = True
        self._negotiated = False

    async def _read(self, requests: Sequence[Get | Scan], spans: Sequence[tuple[bytes, bytes]]) -> Sequence[Response]:
        if not self._negotiated:
            await self._negotiate(spans)
            self._negotiated = True
        return await super()._read(requests, spans)

    async def _negotiate(self, spans: Sequence[tuple[bytes, bytes]]) -> None:
        try:
            sent = await self.database.sender.send(
                [QueryResolvedTimestamp(begin, end) for begin, end in spans], nearest=True, timeout_s=NEGOTIATION_S
            )
        except Unavailable:
            resolved = 0
        else:
            resolved = min(each.timestamp for each in sent.responses if isinstance(each, ResolvedTimestamp))
        if resolved >= self.read_timestamp:
            self.read_timestamp = self.write_timestamp = self.uncertainty_limit = resolved
