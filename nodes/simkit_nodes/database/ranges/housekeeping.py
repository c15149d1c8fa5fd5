"""Housekeeping at a leaseholder: abandoned intents, records of transactions that ended, versions nobody can see.

Every so often it goes through the ranges that have changed. What it finds it treats like anybody who meets it: an old
intent is pushed, a committed record's last intents are resolved before the record goes. It says how many intents there
are, which is what `intents_gone` judges.

It deliberately hurries nobody: an intent younger than the expiry belongs to somebody alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from simkit_nodes.blocks.hybrid_logical_clock import HybridLogicalClock, physical_ns
from simkit_nodes.blocks.lsm import Corruption
from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.messages import ResolveIntents
from simkit_nodes.database.mvcc.garbage import garbage
from simkit_nodes.database.mvcc.keys import INTENT_SLOT, boundary, key_of, record_boundary
from simkit_nodes.database.mvcc.read import CHUNK
from simkit_nodes.database.mvcc.record import Intent, Status, decode_intent, decode_record
from simkit_nodes.database.range import Command, Range
from simkit_nodes.database.ranges.merging import Merger
from simkit_nodes.database.ranges.meta_rows import MetaRows
from simkit_nodes.database.ranges.sender import Sender
from simkit_nodes.database.ranges.splitting import Splitter
from simkit_nodes.database.replication.replica import Replica
from simkit_nodes.database.transactions.evaluation import Periods, Refused
from simkit_nodes.database.transactions.evaluator import Evaluator
from simkit_nodes.database.transactions.push import Pusher

COMMAND_PUTS_MAX: Final = 256
"""Engine writes of one command; more go into the next."""


class Housekeeper:
    """Keeps the ranges of one store.

    Args:
        clock, periods, sender, pusher: of the store.
        tell: told of each range that was gone through: its number, its intents, and how old the oldest is in ns.
        damaged: told of a range whose bytes are not what was written.
        splitter: told how large each range is.
        meta_rows: told what each range is.
        merger: told how calm each range is; None where ranges are not merged.
    """

    def __init__(
        self,
        clock: HybridLogicalClock,
        periods: Periods,
        sender: Sender,
        pusher: Pusher,
        tell: Callable[[int, int, int], None],
        damaged: Callable[[Range, Corruption], None],
        splitter: Splitter,
        meta_rows: MetaRows,
        merger: Merger | None,
    ) -> None:
        self._clock, self._periods = clock, periods
        self._sender, self._pusher, self._tell, self._damaged = sender, pusher, tell, damaged
        self._splitter, self._meta_rows, self._merger = splitter, meta_rows, merger
        self._seen: dict[int, tuple[int, int, int]] = {}
        self._due: dict[int, int] = {}

    async def run(self, evaluators: dict[int, Evaluator], interval_s: float) -> None:
        """Go round for ever."""
        while True:
            await asyncio.sleep(interval_s)
            for range_id, evaluator in list(evaluators.items()):
                state = (evaluator.range.tenure, evaluator.range.descriptor.generation, evaluator.proposed)
                if not state[0]:
                    continue
                evaluator.load.end_round()
                try:
                    if self._seen.get(range_id) != state or self._is_due(range_id):
                        self._seen.pop(range_id, None)
                        if await self._keep(evaluator):
                            self._seen[range_id] = state
                    if self._merger is not None and isinstance(evaluator.range, Replica):
                        await self._merger.look(evaluator.range, evaluator.load)
                except (DatabaseError, Refused):
                    continue  # the next round tries again
                except Corruption as corruption:
                    self._damaged(evaluator.range, corruption)

    async def _keep(self, evaluator: Evaluator) -> bool:
        """Go through one range; True if nothing is left to do before it changes again."""
        intents, size, middle = await self._survey(evaluator)
        evaluator.load.size = size
        now = self._clock.now()
        oldest_ns = max((physical_ns(now) - physical_ns(each.begin_timestamp) for _, each in intents), default=0)
        self._tell(evaluator.range.descriptor.range_id, len(intents), oldest_ns)
        for key, intent in intents:
            if now - intent.begin_timestamp > self._periods.expiry:
                await self._pusher.decided(evaluator, key, intent, None)
        records_left = await self._records(evaluator)
        garbage_left = await self._garbage(evaluator)
        await self._splitter.look(evaluator.range, size, middle, evaluator.load)
        await self._meta_rows.look(evaluator.range)
        return not (intents or records_left or garbage_left)

    def _is_due(self, range_id: int) -> bool:
        """Whether a range has to be looked at although nothing was written: all that is hidden is garbage by now."""
        due = self._due.get(range_id)
        if due is None or due > self._clock.now():
            return False
        del self._due[range_id]
        return True

    async def _survey(self, evaluator: Evaluator) -> tuple[list[tuple[bytes, Intent]], int, bytes]:
        """Return the intents of a range, how many bytes it holds, and the key in the middle of them."""
        descriptor, engine = evaluator.range.descriptor, evaluator.range.engine
        low, high = boundary(descriptor.begin), boundary(descriptor.end)
        found: list[tuple[bytes, Intent]] = []
        size, marks = 0, []
        while True:
            entries = await engine.scan(low, high, limit=CHUNK)
            size += sum(len(key) + len(stored) for key, stored in entries)
            if entries:
                marks.append((size, entries[-1][0]))
            found += [(key_of(key[:-8]), decode_intent(stored)) for key, stored in entries if key.endswith(INTENT_SLOT)]
            if len(entries) < CHUNK:
                middle = next((mark for up_to, mark in marks if 2 * up_to >= size), b"")
                return found, size, key_of(middle[:-8])
            low = entries[-1][0] + b"\x00"

    async def _records(self, evaluator: Evaluator) -> bool:
        """Delete the records of transactions that ended long ago; True if younger ones are left."""
        descriptor = evaluator.range.descriptor
        begin, end = record_boundary(descriptor.begin), record_boundary(descriptor.end)
        entries = await evaluator.range.engine.scan(begin, end)
        threshold = self._clock.now() - self._periods.keep_records
        gone = []
        for key, stored in entries:
            record = decode_record(stored)
            if not record.status.final or record.last_active > threshold:
                continue
            if record.status is Status.COMMITTED and record.in_flight:
                transaction_id = int.from_bytes(key[-8:], "big")
                await self._sender.send(
                    [
                        ResolveIntents((each.key,), transaction_id, record.status, record.commit_timestamp)
                        for each in record.in_flight
                    ]
                )
            gone.append(key)
        await self._delete(evaluator, gone)
        return len(gone) < len(entries)

    async def _garbage(self, evaluator: Evaluator) -> bool:
        """Delete versions that nobody can see; True if there are more. What is hidden now goes when it is due."""
        descriptor, engine = evaluator.range.descriptor, evaluator.range.engine
        # Twice the time for which reads are allowed, so that one that has begun can end.
        now, lasts = self._clock.now(), 2 * self._periods.keep_versions
        self._due[descriptor.range_id] = now + lasts
        if now <= lasts:
            return False
        found = await garbage(engine, descriptor.begin, descriptor.end, now - lasts, limit=COMMAND_PUTS_MAX)
        await self._delete(evaluator, found)
        return len(found) >= COMMAND_PUTS_MAX

    async def _delete(self, evaluator: Evaluator, keys: list[bytes]) -> None:
        for place in range(0, len(keys), COMMAND_PUTS_MAX):
            await evaluator.range.propose(Command([(key, None) for key in keys[place : place + COMMAND_PUTS_MAX]]))
