"""Isolation levels: which anomalies each of them forbids.

Adya's PL-1 (read uncommitted), PL-2 (read committed), PL-2.99 (repeatable read) and PL-3 (serializable); snapshot
isolation and parallel snapshot isolation as the graphs of Cerone and Gotsman (2018) define them: under snapshot
isolation every cycle has two anti-dependencies side by side, under its parallel form every cycle has two anywhere.
The ``strong`` forms also respect real time, the ``strong-session`` forms each client's own order.

Deliberately without predicates (so that repeatable read and serializable forbid the same) and without cursors.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from simkit.checks.isolation.anomaly import Anomaly

Order = Literal["", "process", "realtime"]

_UNCOMMITTED = ("garbage-read", "duplicate-elements", "incompatible-order", "internal", "G0")
_COMMITTED = (*_UNCOMMITTED, "G1a", "G1b", "G1c", "dirty-update")
_PARALLEL_SNAPSHOT = (*_COMMITTED, "fuzzy-read", "lost-update", "G-single")
_SNAPSHOT = (*_PARALLEL_SNAPSHOT, "G-nonadjacent")
_SERIALIZABLE = (*_SNAPSHOT, "write-skew", "G2-item")


@dataclass(frozen=True, slots=True)
class Level:
    """One isolation level.

    Attributes:
        name: as authors and verdicts know it.
        kinds: the anomalies it forbids.
        order: what beside the data orders transactions.
    """

    name: str
    kinds: tuple[str, ...]
    order: Order = ""

    def forbids(self, anomaly: Anomaly) -> bool:
        """Whether a history with this anomaly is not of this level."""
        if not anomaly.certain and self.kinds == _UNCOMMITTED:
            return False
        if anomaly.kind == "lost-append":
            return self.order == "realtime"
        for ending in ("-realtime", "-process"):
            if anomaly.kind.endswith(ending):
                orders = ("realtime",) if ending == "-realtime" else ("process", "realtime")
                return self.order in orders and anomaly.kind.removesuffix(ending) in self.kinds
        return anomaly.kind in self.kinds


LEVELS = {
    level.name: level
    for level in (
        Level("read-uncommitted", _UNCOMMITTED),
        Level("read-committed", _COMMITTED),
        Level("parallel-snapshot-isolation", _PARALLEL_SNAPSHOT),
        Level("snapshot-isolation", _SNAPSHOT),
        Level("repeatable-read", _SERIALIZABLE),
        Level("serializable", _SERIALIZABLE),
        Level("strong-session-snapshot-isolation", _SNAPSHOT, "process"),
        Level("strong-snapshot-isolation", _SNAPSHOT, "realtime"),
        Level("strong-session-serializable", _SERIALIZABLE, "process"),
        Level("strict-serializable", _SERIALIZABLE, "realtime"),
    )
}
"""By name, each of a family after the weaker ones."""


def level_named(name: str) -> Level:
    """Return a level; a ValueError names the nearest one there is."""
    if name not in LEVELS:
        near = get_close_matches(name, LEVELS, 1, 0.0)[0]
        raise ValueError(f"unknown isolation level {name!r}; nearest: {near!r} (of {', '.join(LEVELS)})")
    return LEVELS[name]


def levels_broken(anomalies: Iterable[Anomaly]) -> list[str]:
    """Return the names of the levels that a history with these anomalies is not of, in the order of `LEVELS`."""
    found = list(anomalies)
    return [level.name for level in LEVELS.values() if any(level.forbids(each) for each in found)]
