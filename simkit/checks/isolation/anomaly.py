"""Anomalies: what a history may show that an isolation level forbids, by the names of the literature.

G0, G1a, G1b, G1c, G-single and G2-item are the phenomena of Adya (1999) and Adya, Liskov and O'Neil (2000), without
predicates; lost update, read skew and write skew those of Berenson and others (1995); long fork that of Sovran and
others (2011); the rest is named as in Elle (Kingsbury and Alvaro 2020).

It deliberately says nothing of levels: which of them forbids what stands in `level`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

EdgeKind = Literal["ww", "wr", "rw", "process", "realtime"]

TITLES = {
    "garbage-read": "garbage read",
    "duplicate-elements": "duplicate element",
    "incompatible-order": "incompatible order",
    "internal": "internal inconsistency",
    "G0": "write cycle",
    "G1a": "aborted read",
    "G1b": "intermediate read",
    "G1c": "circular information flow",
    "dirty-update": "dirty update",
    "fuzzy-read": "non-repeatable read",
    "lost-update": "lost update",
    "G-single": "read skew",
    "G-nonadjacent": "long fork",
    "write-skew": "write skew",
    "G2-item": "anti-dependency cycle",
    "lost-append": "lost element",
}
"""Every kind of anomaly in plain words; kinds of cycles also come with ``-process`` and ``-realtime``."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One dependency between two transactions: `source` comes before `target` in every order that explains them.

    Attributes:
        source, target: indices of transactions.
        kind: ``ww`` (target overwrote), ``wr`` (target read it), ``rw`` (target overwrote what source had read),
            ``process`` (same client, one after the other), ``realtime`` (source was complete before target began).
        key: of the three dependencies on data.
        before, after: the version of `source` and the one `target` installed; None is the initial state.
    """

    source: int
    target: int
    kind: EdgeKind
    key: Any = None
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One anomaly.

    Attributes:
        kind: one of `TITLES`, for cycles with an ending that names the weakest kind of edge it needs.
        text: one line that names the object.
        transactions: the indices of those it is about, in the order in which an explanation speaks of them.
        cycle: the edges of a cycle, each beginning where the one before ends; empty for other anomalies.
        certain: False if it needs a transaction of unknown outcome to have been committed; had it been aborted, its
            being read would be the anomaly, which only read uncommitted allows.
        smallest: whether no smaller cycle of this kind exists in the same component.
    """

    kind: str
    text: str
    transactions: tuple[int, ...]
    cycle: tuple[Edge, ...] = ()
    certain: bool = True
    smallest: bool = True

    @property
    def title(self) -> str:
        """The kind in plain words, with the technical name: ``write skew (G2-item)``."""
        kind, _, ending = self.kind.rpartition("-")
        if ending not in ("process", "realtime"):
            kind, ending = self.kind, ""
        title = TITLES[kind]
        beyond = {"": "", "process": " across a session", "realtime": " in real time"}[ending]
        technical = {"write-skew": "G2-item", "lost-update": "G-single", "fuzzy-read": "G-single"}.get(kind, kind)
        return f"{title}{beyond}" + (f" ({technical})" if technical.startswith("G") else "")


def kind_of_cycle(cycle: Sequence[Edge]) -> str:
    """Return the kind of a cycle, the weakest that fits its edges, with ``-process`` or ``-realtime`` if needed."""
    kinds = [edge.kind for edge in cycle]
    ending = "-realtime" if "realtime" in kinds else "-process" if "process" in kinds else ""
    anti = [edge for edge in cycle if edge.kind == "rw"]
    objects = {edge.key for edge in cycle}
    if not anti:
        return ("G1c" if "wr" in kinds else "G0") + ending
    if len(anti) == 1:
        lost = not ending and "wr" not in kinds and len(objects) == 1
        return "lost-update" if lost else f"G-single{ending}"
    if not adjacent(kinds):
        return f"G-nonadjacent{ending}"
    if len(anti) == len(cycle) == 2:
        # Each read the object and each overwrote it: whoever came second had not seen the first.
        return "write-skew" if len(objects) == 2 else "lost-update"
    return f"G2-item{ending}"


def adjacent(kinds: Sequence[str]) -> bool:
    """Whether somewhere in a cycle with these kinds of edges one anti-dependency follows another."""
    return any(kind == "rw" == kinds[place - 1] for place, kind in enumerate(kinds))
