"""A database over ranges without Raft, in one process: a message takes a random time, and may be held up.

Every gateway and every range has a clock of its own, so that clocks can be made to differ.
"""

import asyncio
from itertools import pairwise

from simkit.hosts.clock import Clock
from simkit.kernel import World
from simkit.network.errors import RequestTimeout
from simkit_nodes.blocks.hybrid_logical_clock import MILLISECOND, HybridLogicalClock
from simkit_nodes.blocks.lsm import MemoryEngine, WriteBatch
from simkit_nodes.database.interface import KEY_END
from simkit_nodes.database.mvcc.keys import version_key, versions_prefix
from simkit_nodes.database.mvcc.record import encode_version
from simkit_nodes.database.range import META_PREFIX, RangeDescriptor
from simkit_nodes.database.ranges.local import LocalRange
from simkit_nodes.database.ranges.sender import Sender, encode_descriptor
from simkit_nodes.database.transactions.evaluation import Periods
from simkit_nodes.database.transactions.evaluator import Evaluator
from simkit_nodes.database.transactions.gateway_database import Options, TransactionalDatabase
from simkit_nodes.database.transactions.push import Pusher

OFFSET_MAX = 250 * MILLISECOND
PERIODS = Periods(OFFSET_MAX, 2000 * MILLISECOND, 600_000 * MILLISECOND, 600_000 * MILLISECOND)


class LocalRanges:
    """Ranges cut at `borders`, each on a store of its own, and as many gateways as are asked for."""

    def __init__(self, seed=1, borders=(), *, offsets_ns=None, delay_s=0.002, query_intent=True):
        self.world = World(seed)
        self.loop = self.world.new_loop("all")
        self.random = self.world.stream("network")
        self.delay_s = delay_s
        self.deadlocks, self.recovered, self.cut, self.mute = [], [], set(), set()
        self.forgetful = {}  # by who asked: how many replies are still to be lost
        self.offsets_ns = offsets_ns or {}
        self.evaluators = {}
        bounds = [b"", *borders, KEY_END]
        self.descriptors = [
            RangeDescriptor(number + 1, begin, end, (f"store-{number + 1}",))
            for number, (begin, end) in enumerate(pairwise(bounds))
        ]
        for descriptor in self.descriptors:
            self._make(descriptor, query_intent)

    def clock(self, name):
        return HybridLogicalClock(Clock(self.world, offset_ns=self.offsets_ns.get(name, 0)))

    def _make(self, descriptor, query_intent):
        (store,) = descriptor.replicas
        clock, engine = self.clock(store), MemoryEngine()
        if descriptor.range_id == 1:
            batch = WriteBatch()
            for each in self.descriptors:
                key = version_key(versions_prefix(META_PREFIX + each.end), 1)
                batch.put(key, encode_version(encode_descriptor(each)))
            self._now(engine.write(batch))
        range_ = LocalRange(descriptor, engine, lambda: self.random.uniform(0, self.delay_s))
        pusher = Pusher(
            Sender(self._transport(store), clock, self.descriptors[0]),
            clock,
            0.02,
            query_intent=query_intent,
            on_recovery=lambda identity, status, request: self.recovered.append((identity, status)),
        )
        self.evaluators[store] = Evaluator(
            range_, clock, PERIODS, pusher, lambda victim, cycle: self.deadlocks.append((victim, cycle))
        )

    @staticmethod
    def _now(coroutine):
        """Run a coroutine that never suspends."""
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("it suspended")

    def _transport(self, source):
        async def send(store, batch):
            if (source, store) in self.cut:
                await asyncio.sleep(0.3)
                raise RequestTimeout(store, "batch", 0.3)
            await asyncio.sleep(self.random.uniform(0, self.delay_s))
            reply = await self.evaluators[store].serve(batch)
            await asyncio.sleep(self.random.uniform(0, self.delay_s))
            if self.forgetful.get(source):
                self.forgetful[source] -= 1
                await asyncio.sleep(0.3)
                raise RequestTimeout(store, "batch", 0.3)
            if source in self.mute:
                await asyncio.sleep(10)
            return reply

        return send

    def gateway(self, name="gateway", *, heartbeats=True, **options):
        """A database with a clock and a random stream of its own."""
        clock = self.clock(name)
        sender = Sender(self._transport(name), clock, self.descriptors[0], 5.0)
        database = TransactionalDatabase(
            sender, clock, self.world.stream(name), Options(offset_max=OFFSET_MAX, heartbeat_s=0.5, **options)
        )
        if heartbeats:
            self.loop.create_task(database.heartbeat())
        return database

    def run(self, *coroutines, within_s=600):
        """Run coroutines side by side to their end, and return their results."""

        async def all_of_them():
            return await asyncio.gather(*coroutines)

        task = self.loop.create_task(all_of_them())
        task.add_done_callback(lambda _: self.world.stop())
        self.world.stopping = False
        self.world.run(self.world.now_ns + int(within_s * 1e9))
        assert task.done(), "it did not end"
        return task.result()
