"""What a leaseholder answers to the neighbours of its range, when ranges are to be merged; and how it thaws by itself.

A range that was frozen for its left neighbour and is still there after a while asks what has become of the merge. The
log of the left range is the arbiter: either the merge is in it, and then so is a row that says so, or the left range
goes on in another generation, and no merge made out of the one before can happen any more. Only then the range thaws.

It deliberately asks the range that has the left one's first key, whichever that is by now: the row is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from simkit_nodes.blocks.hybrid_logical_clock import HybridLogicalClock
from simkit_nodes.database import errors
from simkit_nodes.database.messages import (
    AbandonMerge,
    Done,
    RangeRequest,
    RangeState,
    RangeStatus,
    RelocateRange,
    Reply,
    Response,
    Subsume,
    Subsumed,
)
from simkit_nodes.database.mvcc.keys import merge_key
from simkit_nodes.database.range import AbandonTrigger, Command, RangeDescriptor
from simkit_nodes.database.ranges.sender import Sender
from simkit_nodes.database.replication.replica import Replica
from simkit_nodes.database.transactions.evaluation import Refused
from simkit_nodes.database.transactions.evaluator import Evaluator
from simkit_nodes.database.transactions.troubles import TROUBLES, trouble_of

LOOK_S = 0.25
"""How often frozen ranges are looked for."""


class Neighbours:
    """Answers and asks for one store.

    Args:
        clock: of the store.
        sender: reaches left neighbours.
        evaluators: by range.
        patience_s: how long a range stays frozen before it asks.
        asks: whether it asks at all, or just serves again.
    """

    def __init__(
        self,
        clock: HybridLogicalClock,
        sender: Sender,
        evaluators: Mapping[int, Evaluator],
        patience_s: float,
        *,
        asks: bool,
    ) -> None:
        self._clock, self._sender, self._evaluators = clock, sender, evaluators
        self._patience_s, self._asks = patience_s, asks
        self._frozen: dict[int, tuple[RangeDescriptor, float]] = {}
        self._busy: dict[int, asyncio.Task[None]] = {}

    async def serve(self, evaluator: Evaluator, now: int, request: RangeRequest) -> Reply:
        """Answer a request about the range of an evaluator; `now` is its sender's clock."""
        try:
            self._clock.update(now)
            answer = await self._answer(evaluator, request)
            return Reply(self._clock.now(), (answer,))
        except TROUBLES as error:
            return Reply(self._clock.now(), trouble=trouble_of(error))

    async def _answer(self, evaluator: Evaluator, request: RangeRequest) -> Response:
        replica: Any = evaluator.range
        if not replica.office:
            raise errors.NotLeaseholder(replica.leaseholder())
        if not replica.descriptor.contains(request.key):
            raise errors.RangeMismatch(replica.descriptor)
        match request:
            case RangeStatus():
                return RangeState(replica.descriptor, evaluator.load.size, evaluator.load.peak)
            case RelocateRange():
                return Done(self._relocate(replica, request))
            case Subsume():
                index = await replica.freeze(request.left, request.generation)
                # What was read here, and what of it was written: the neighbour writes above.
                low_water = max(self._clock.now(), replica.low_water, evaluator.read_until)
                return Subsumed(index, low_water)
            case AbandonMerge():
                return Done(await self._abandon(replica, request))
        raise AssertionError("unreachable")

    def _relocate(self, replica: Replica, request: RelocateRange) -> bool:
        """Begin to move a range's replicas, and let who asked look again later."""
        if replica.descriptor.generation != request.generation:
            return False
        self._do(replica.range_id, replica.relocate(request.stores))
        return True

    async def _abandon(self, replica: Replica, request: AbandonMerge) -> bool:
        """See to it that a merge cannot happen any more; False if it has happened."""
        await replica.confirm()
        # First the descriptor, then the row: a merge in between is met by the one or by the other.
        descriptor, left = replica.descriptor, request.left
        if await replica.engine.get(merge_key(left, request.right)) is not None:
            return False
        if descriptor.range_id == left.range_id and descriptor.generation == left.generation:
            renewed = replace(descriptor, generation=descriptor.generation + 1)
            await replica.propose(Command(trigger=AbandonTrigger(renewed)))
        return True

    # -- thawing

    async def run(self) -> None:
        """Look after frozen ranges, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_S)
            for range_id, evaluator in self._evaluators.items():
                replica: Any = evaluator.range
                left = replica.state.frozen if replica.office else None
                since = self._frozen.get(range_id)
                if left is None:
                    self._frozen.pop(range_id, None)
                elif since is None or since[0] != left:
                    self._frozen[range_id] = (left, loop.time())
                elif loop.time() - since[1] >= self._patience_s:
                    self._do(range_id, self._thaw(replica, left))

    async def _thaw(self, replica: Replica, left: RangeDescriptor) -> None:
        """Thaw a range if the merge that it is frozen for does not happen."""
        if self._asks:
            abandoned = await self._sender.ask(AbandonMerge(left.begin, left, replica.descriptor))
            assert isinstance(abandoned, Done)
            if not abandoned.yes:
                return  # its replicas here go with the left range's next entries, or with a snapshot of it
        await replica.thaw(left)

    def _do(self, range_id: int, deed: Coroutine[Any, Any, None]) -> None:
        """Do one thing with a range beside what is served, unless one is under way; what fails is tried again."""
        if range_id in self._busy:
            deed.close()
            return
        task = asyncio.get_running_loop().create_task(self._quietly(deed))
        self._busy[range_id] = task
        task.add_done_callback(lambda _: self._busy.pop(range_id, None))

    @staticmethod
    async def _quietly(deed: Coroutine[Any, Any, None]) -> None:
        with suppress(errors.DatabaseError, Refused):  # the left neighbour asks again, or the next look does
            await deed
