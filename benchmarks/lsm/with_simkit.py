"""Ours: the tree on the disk of a host, in a world; and the engine in memory that tests use.

The disk takes no virtual time. Everything it is asked for is recorded and digested, as in any run.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.lsm import LEVEL_BYTES, MEMTABLE_BYTES, SCAN_PAIRS, TABLE_BYTES, Operations, key_of, place_of
from benchmarks.simkit_hosts import HORIZON_NS, booted, failing, start
from benchmarks.work import Outcome, Timed
from simkit.kernel import World
from simkit_nodes.blocks.lsm import Engine, LsmEngine, LsmOptions, MemoryEngine, WriteBatch

OPTIONS = LsmOptions(
    memtable_bytes=MEMTABLE_BYTES, table_bytes=TABLE_BYTES, level_bytes=LEVEL_BYTES, cache_bytes=8 << 20
)


def prepare(given: Operations) -> Timed:
    """On a disk."""
    world = World(1)
    host = booted(world, 1)[0]
    host.on_failure = failing

    async def opened() -> LsmEngine:
        return await LsmEngine.open(host.disk, OPTIONS)

    return _prepared(given, lambda coroutine: _run(world, host, coroutine), opened)


def prepare_memory(given: Operations) -> Timed:
    """Without one."""
    world = World(1)
    host = booted(world, 1)[0]
    host.on_failure = failing

    async def opened() -> MemoryEngine:
        return MemoryEngine()

    return _prepared(given, lambda coroutine: _run(world, host, coroutine), opened)


def _run(world: World, host: Any, coroutine: Coroutine[Any, Any, Any]) -> Any:
    answers = []

    async def main() -> None:
        answers.append(await coroutine)
        world.stop()

    world.stopping = False
    start(host, main())
    world.run(HORIZON_NS)
    return answers[0]


def _prepared(
    given: Operations,
    run: Callable[[Coroutine[Any, Any, Any]], Any],
    opened: Callable[[], Coroutine[Any, Any, Engine]],
) -> Timed:
    engine = run(opened())
    if not given.gets and not given.scans:
        return lambda: run(_put(engine, given, given.samples))
    run(_put(engine, given, ()))
    return lambda: run(_get(engine, given) if given.gets else _scan(engine, given))


async def _put(engine: Any, given: Operations, samples: Any) -> Outcome:
    for key, value in given.pairs():
        batch = WriteBatch()
        batch.put(key, value)
        await engine.write(batch)
    figures = {}
    if isinstance(engine, LsmEngine):
        await engine.compact()
        figures["write_amplification"] = engine.statistics.write_amplification
    order = [place_of(await engine.get(key_of(number))) for number in samples]
    return Outcome(len(given.puts), None, order, figures)


async def _get(engine: Engine, given: Operations) -> Outcome:
    values = [await engine.get(key_of(number)) for number in given.gets]
    return Outcome(len(values), None, [place_of(value or b"") for value in values])


async def _scan(engine: Engine, given: Operations) -> Outcome:
    order: list[int] = []
    for number in given.scans:
        order += [place_of(value) for _, value in await engine.scan(key_of(number), None, limit=SCAN_PAIRS)]
    return Outcome(len(order), None, order)
