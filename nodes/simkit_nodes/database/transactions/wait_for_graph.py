"""The wait-for graph, as far as it is known where the records of the awaited transactions stand.

Whoever waits pushes the holder's record, and says who is known to wait for itself; that it learns by asking its own
record. So edges travel against the direction of waiting, and when they have gone all the way round, a pusher tells of
the very transaction it pushes: that is a deadlock, and its youngest transaction is aborted by the one that pushes it.

It deliberately holds what it is told for a second only: who still waits pushes again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from simkit_nodes.database.messages import Edge, PushTransaction

PUSH_WAIT_S: Final = 0.1
"""How long a push waits for the pushed transaction to end before it is answered."""
KNOWN_S: Final = 1.0


class WaitForGraph:
    """Who waits for the transactions whose records are here."""

    __slots__ = ("_ends", "_told")

    def __init__(self) -> None:
        self._told: dict[int, dict[int, tuple[float, tuple[Edge, ...]]]] = {}
        self._ends: dict[int, list[asyncio.Future[None]]] = {}

    def blocked(self, push: PushTransaction) -> tuple[bool, tuple[int, ...]]:
        """Note who waits for whom; return whether the pushed one must be aborted, and the cycle that says so."""
        if not push.pusher:
            return False, ()
        edge = Edge(push.pusher, push.pusher_begin, push.transaction_id, push.begin_timestamp)
        told = self._told.setdefault(push.transaction_id, {})
        told[push.pusher] = (asyncio.get_running_loop().time(), (*push.edges, edge))
        cycle = cycle_of(push)
        if not cycle:
            return False, ()
        begins = {push.pusher: push.pusher_begin, push.transaction_id: push.begin_timestamp}
        for each in push.edges:
            begins[each.waiter], begins[each.holder] = each.waiter_begin, each.holder_begin
        youngest = max(cycle, key=lambda transaction: (begins[transaction], transaction))
        return youngest == push.transaction_id, cycle

    def waiting_for(self, transaction_id: int) -> tuple[Edge, ...]:
        """Return the edges of all who are known to wait for a transaction, directly or not."""
        told = self._told.get(transaction_id)
        if told is None:
            return ()
        since = asyncio.get_running_loop().time() - KNOWN_S
        for waiter in [waiter for waiter, (at, _) in told.items() if at < since]:
            del told[waiter]
        if not told:
            del self._told[transaction_id]
        return tuple(dict.fromkeys(edge for _, edges in told.values() for edge in edges))

    async def wait(self, push: PushTransaction) -> bool:
        """Wait a while for the pushed transaction to end; return whether it has."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        waiting = self._ends.setdefault(push.transaction_id, [])
        waiting.append(future)
        await asyncio.wait((future,), timeout=PUSH_WAIT_S)
        if future.done():
            return True
        waiting.remove(future)
        if not waiting:
            self._ends.pop(push.transaction_id, None)
        return False

    def ended(self, transaction_id: int) -> None:
        """A transaction has committed or aborted, or has been staged."""
        self._told.pop(transaction_id, None)
        for future in self._ends.pop(transaction_id, ()):
            if not future.done():
                future.set_result(None)


def cycle_of(push: PushTransaction) -> tuple[int, ...]:
    """Return the transactions of a cycle that this push closes, from the pushed one round to the pusher; or nothing."""
    waits_for: dict[int, list[int]] = {}
    for edge in push.edges:
        waits_for.setdefault(edge.waiter, []).append(edge.holder)
    came_from = {push.transaction_id: push.transaction_id}
    queue = deque((push.transaction_id,))
    while queue:
        at = queue.popleft()
        if at == push.pusher:
            path = [at]
            while path[-1] != push.transaction_id:
                path.append(came_from[path[-1]])
            return tuple(reversed(path))
        for holder in waits_for.get(at, ()):
            if holder not in came_from:
                came_from[holder] = at
                queue.append(holder)
    return ()
