"""What a sender does with stores that do not answer, or do not know who does."""

import asyncio

import pytest

from simkit.hosts.clock import Clock
from simkit.kernel import World
from simkit.network.errors import RequestTimeout
from simkit_nodes.blocks.hybrid_logical_clock import HybridLogicalClock
from simkit_nodes.database.errors import AmbiguousResult, Unavailable
from simkit_nodes.database.interface import KEY_END
from simkit_nodes.database.messages import Done, Get, Put, Reason, Reply, Trouble
from simkit_nodes.database.range import RangeDescriptor
from simkit_nodes.database.ranges.sender import PAUSE_MAX_S, Sender

STORES = ("store-0", "store-1", "store-2")


def asked(work, answer):
    """Let `work(sender)` run over one range; return who was asked when, in s."""
    world, log = World(1), []
    loop = world.new_loop("gateway")

    async def transport(store, batch):
        log.append((loop.time(), store))
        await asyncio.sleep(0.001)
        return answer(store)

    sender = Sender(transport, HybridLogicalClock(Clock(world)), RangeDescriptor(1, b"", KEY_END, STORES), 10.0)
    task = loop.create_task(work(sender))
    world.run(60 * 10**9)
    task.result()
    return log


def test_after_a_put_that_nobody_answered_the_next_request_begins_with_another_store():
    def answer(store):
        if store == "store-0":
            raise RequestTimeout(store, "batch", 1.0)
        return Reply(1, (Done(),))

    async def work(sender):
        with pytest.raises(AmbiguousResult, match="store-0"):
            await sender.ask(Put(b"k", b"1"))
        await sender.ask(Put(b"k", b"2"))

    assert [store for _, store in asked(work, answer)] == ["store-0", "store-1"]


def test_pauses_grow_while_nobody_leads_and_end_with_the_deadline():
    async def work(sender):
        with pytest.raises(Unavailable):
            await sender.ask(Get(b"k"))

    times = [time for time, _ in asked(work, lambda store: Reply(1, trouble=Trouble(Reason.NOT_LEASEHOLDER)))]
    pauses = [round(after - before, 6) for before, after in zip(times[2::3], times[3::3], strict=False)]
    assert pauses == sorted(pauses[:-1]) + pauses[-1:]  # the last one may be cut off by the deadline
    assert pauses[0] < 0.02
    assert max(pauses) <= PAUSE_MAX_S + 0.002
    assert times[-1] < 10.1
