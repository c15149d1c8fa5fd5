"""Ours: a session over transactions with versions, intents and refresh, on one range in memory.

No Raft, no disk, no network: what is measured is parsing, planning, executing and transactions. Messages to the range
are calls.
"""

from collections.abc import Coroutine
from typing import Any

from benchmarks.simkit_hosts import HORIZON_NS, booted, failing, start
from benchmarks.sql import INDEXES, TABLES, Statements, wrong
from benchmarks.work import Outcome, Timed
from simkit.kernel import World
from simkit_nodes.blocks.hybrid_logical_clock import MILLISECOND, HybridLogicalClock
from simkit_nodes.blocks.lsm import MemoryEngine, WriteBatch
from simkit_nodes.database.interface import KEY_END
from simkit_nodes.database.messages import Batch, Reply
from simkit_nodes.database.mvcc.keys import version_key, versions_prefix
from simkit_nodes.database.mvcc.record import encode_version
from simkit_nodes.database.range import META_PREFIX, RangeDescriptor
from simkit_nodes.database.ranges.local import LocalRange
from simkit_nodes.database.ranges.sender import Sender, encode_descriptor
from simkit_nodes.database.sql.limits import Limits
from simkit_nodes.database.sql.prepare import Preparation
from simkit_nodes.database.sql.schema import Schema
from simkit_nodes.database.sql.session import Session
from simkit_nodes.database.transactions.evaluation import Periods
from simkit_nodes.database.transactions.evaluator import Evaluator
from simkit_nodes.database.transactions.gateway_database import Options, TransactionalDatabase
from simkit_nodes.database.transactions.push import Pusher

LEASE_NS = 10**15
LOADED_AT_ONCE = 500


def prepare(given: Statements) -> Timed:
    """Load the tables."""
    world = World(1)
    host = booted(world, 1)[0]
    host.on_failure = failing

    def do(coroutine: Coroutine[Any, Any, Any]) -> Any:
        answers = []

        async def main() -> None:
            answers.append(await coroutine)
            world.stop()

        world.stopping = False
        start(host, main())
        world.run(HORIZON_NS)
        return answers[0]

    session = do(_loaded(world, host, given))

    async def ask() -> list[Any]:
        answers: list[Any] = []
        for text, parameters in given.asked:
            result = await session.execute(text, parameters)
            answers.append(list(result.rows) if text.startswith("SELECT") else result.count)
        return answers

    def run() -> Outcome:
        answers = do(ask())
        return Outcome(len(answers), None, (), {"wrong": wrong(given, answers)})

    return run


async def _loaded(world: World, host: Any, given: Statements) -> Session:
    database = await _database(world, host)
    session = Session(database, Schema(database, "gateway", lease_ns=LEASE_NS), Preparation(Limits()))
    for text in (*TABLES, *INDEXES):
        await session.execute(text)
    for table, rows in (("customers", given.customers), ("orders", given.orders)):
        for begin in range(0, len(rows), LOADED_AT_ONCE):
            part = rows[begin : begin + LOADED_AT_ONCE]
            values = [value for row in part for value in row]
            width = len(part[0])
            places = [
                f"({', '.join(f'${row * width + column + 1}' for column in range(width))})" for row in range(len(part))
            ]
            await session.execute(f"INSERT INTO {table} VALUES {', '.join(places)}", values)
    return session


async def _database(world: World, host: Any) -> TransactionalDatabase:
    """Return a database of one range; a batch is handed over as it is."""
    clock = HybridLogicalClock(host.clock)
    descriptor = RangeDescriptor(1, b"", KEY_END, ("store",))
    engine = MemoryEngine()
    batch = WriteBatch()
    key = version_key(versions_prefix(META_PREFIX + descriptor.end), 1)
    batch.put(key, encode_version(encode_descriptor(descriptor)))
    await engine.write(batch)

    async def transport(store: str, batch: Batch) -> Reply:
        return await evaluator.serve(batch)

    sender = Sender(transport, clock, descriptor, 60.0)
    periods = Periods(250 * MILLISECOND, 2000 * MILLISECOND, 600_000 * MILLISECOND, 600_000 * MILLISECOND)
    evaluator = Evaluator(
        LocalRange(descriptor, engine), clock, periods, Pusher(sender, clock, 0.02), lambda victim, cycle: None
    )
    options = Options(offset_max=250 * MILLISECOND, heartbeat_s=1.0)
    return TransactionalDatabase(sender, clock, world.stream("database"), options)
