"""Gauges of an engine: how much is in each level, how often a byte is written again, how often the cache helps.

They are set whenever tables come or go, so that they cost nothing in between. Deliberately not counters: what the
engine counts begins anew with its process.
"""

from collections.abc import Callable

from simkit.card import Metric
from simkit.node import Event
from simkit.observe.metrics import HostMetrics
from simkit_nodes.blocks.lsm.lsm_engine import LsmEngine

METRICS = {
    "engine.level_size": Metric("gauge", "tables of a level of the engine, by level", "B"),
    "engine.write_amplification": Metric("gauge", "bytes written to tables for each byte of the batches"),
    "engine.cache_hits": Metric("gauge", "share of the engine's blocks that were found in memory"),
}
"""For the card of a system whose hosts call `publish`."""


class EngineShaped(Event, frozen=True, tag="engine.shaped"):
    """Tables of an engine have come or gone."""

    level_bytes: tuple[int, ...]
    """The tables of each level."""
    written_bytes: int
    """Keys and values of all batches since the process started."""
    table_bytes: int
    """Tables written, by flushes and compactions, since then."""


def publish(engine: LsmEngine, metrics: HostMetrics, tell: Callable[[EngineShaped], None] = lambda shape: None) -> None:
    """Keep a host's gauges in step with its engine, and tell how it changes its shape."""
    amplification = metrics.gauge("engine.write_amplification")
    hits = metrics.gauge("engine.cache_hits")

    def show() -> None:
        levels, statistics = engine.levels(), engine.statistics
        tell(
            EngineShaped(
                tuple(level.size for level in levels),
                statistics.written_bytes,
                statistics.flushed_bytes + statistics.compacted_bytes,
            )
        )
        for number, level in enumerate(levels):
            if level.size or number in seen:
                seen.add(number)
                metrics.gauge("engine.level_size", unit="B", level=str(number)).set(level.size)
        amplification.set(engine.statistics.write_amplification)
        looked = engine.cache_hits + engine.cache_misses
        if looked:
            hits.set(engine.cache_hits / looked)

    seen: set[int] = set()
    engine.on_change = show
    show()
