"""The direct serialization graph: transactions, and which of them must come before which.

Edges are Adya's: ww, wr and rw (anti-dependency); on request also each client's own order, and real time. Where many
transactions stand before many others, all edges lead through a *junction*, a node that is no transaction, so that the
graph stays as large as the history: m readers of a version and n writers after it are m + n edges and not m times n,
and real time is a chain of moments. A step out of a junction has no length and no kind of its own.

It deliberately finds no cycles: that is `cycle_search`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from simkit.checks.isolation.anomaly import Edge, EdgeKind
from simkit.checks.isolation.level import Order
from simkit.checks.isolation.transaction import Transaction
from simkit.checks.isolation.version_order import VersionOrder

WW, WR, RW, ORDER, THROUGH = 1, 2, 4, 8, 16
"""Kinds of edges, as bits: `ORDER` is process or real-time order, `THROUGH` leads out of a junction."""

Step = tuple[int, int]
"""A node, and the kind of the edge that led to it."""

_WORDS: dict[int, EdgeKind] = {WW: "ww", WR: "wr", RW: "rw"}


@dataclass(frozen=True, slots=True)
class _Reason:
    key: Any
    before: Any
    after: Any = None


class DependencyGraph:
    """A graph over transactions (nodes 0 to n - 1) and junctions (nodes from n on).

    Args:
        transactions: all of the history.
        happened: indices of those that took place; only they have edges.
        orders: the version order of every key.

    Attributes:
        size: transactions and junctions.
        successors: by node, targets with kinds; `THROUGH` edges lead out of junctions.
    """

    def __init__(self, transactions: Sequence[Transaction], happened: set[int], orders: Iterable[VersionOrder]) -> None:
        self.transactions = transactions
        self.happened = happened
        self.successors: list[list[tuple[int, int]]] = [[] for _ in transactions]
        self._reasons: dict[tuple[int, int, int], _Reason] = {}
        self._ordered: dict[tuple[int, int], EdgeKind] = {}
        for order in orders:
            self._depend(order)

    @property
    def size(self) -> int:
        """How many nodes there are."""
        return len(self.successors)

    def is_transaction(self, node: int) -> bool:
        """Whether a node is a transaction rather than a junction."""
        return node < len(self.transactions)

    def add_order(self, order: Order) -> None:
        """Add the edges of process order, and for ``realtime`` those of real time too."""
        if order:
            self._process_order()
        if order == "realtime":
            self._real_time()

    def edges(self, walk: Sequence[Step]) -> tuple[Edge, ...]:
        """Return the edges between the transactions of a closed walk.

        Args:
            walk: nodes with the kind of the edge that leads to each of them; the first edge comes from the last node.
        """
        start = next(place for place, (node, _) in enumerate(walk) if self.is_transaction(node))
        turned = [*walk[start + 1 :], *walk[: start + 1]]
        found: list[Edge] = []
        source, kind, junction = walk[start][0], 0, -1
        at = source
        for node, step in turned:
            if step != THROUGH:
                kind = step
                if not self.is_transaction(node):
                    junction = node
            if self.is_transaction(node):
                found.append(self._edge(source, node, kind, junction, at))
                source, junction = node, -1
            at = node
        return tuple(found)

    def _edge(self, source: int, target: int, kind: int, junction: int, at: int) -> Edge:
        if kind == ORDER:
            return Edge(source, target, self._ordered.get((source, target), "realtime"))
        if junction < 0:
            reason = self._reasons[source, target, kind]
            return Edge(source, target, _WORDS[kind], reason.key, reason.before, reason.after)
        reason = self._reasons[source, junction, kind]
        after = self._reasons[at, target, THROUGH].after
        return Edge(source, target, _WORDS[kind], reason.key, reason.before, after)

    def _connect(self, source: int, target: int, kind: int, key: Any, before: Any, after: Any = None) -> None:
        if source != target and (source, target, kind) not in self._reasons:
            self._reasons[source, target, kind] = _Reason(key, before, after)
            self.successors[source].append((target, kind))

    def _junction(self) -> int:
        self.successors.append([])
        return self.size - 1

    # -- dependencies on data

    def _depend(self, order: VersionOrder) -> None:
        writers, key, happened = order.history.writers, order.history.key, self.happened
        for version, readers in order.readers.items():
            writer = writers.get(version)
            if writer is not None and writer.transaction in happened:
                for reader in readers:
                    self._connect(writer.transaction, reader, WR, key, version)
        for version, overwriters in order.overwriters.items():
            writer = writers.get(version)
            if writer is not None and writer.transaction in happened:
                for transaction, after in overwriters.items():
                    if transaction in happened:
                        self._connect(writer.transaction, transaction, WW, key, version, after)
            self._anti_depend(key, version, order.readers.get(version, ()), overwriters)

    def _anti_depend(self, key: Any, version: Any, readers: Sequence[int], overwriters: dict[int, Any]) -> None:
        """Let those who read a version come before those who overwrote it."""
        after = {each: value for each, value in overwriters.items() if each in self.happened}
        if not readers or not after:
            return
        if len(readers) * len(after) <= len(readers) + len(after) + 1:
            for reader in readers:
                for transaction, value in after.items():
                    self._connect(reader, transaction, RW, key, version, value)
            return
        # Who does both must not reach itself through the junction; two who do both are a lost update, found before.
        both = {reader for reader in readers if reader in after}
        pure = self._junction()
        everyone = self._junction() if both else pure
        if both:
            self._connect(everyone, pure, THROUGH, key, version)
        for transaction, value in after.items():
            self._connect(everyone if transaction in both else pure, transaction, THROUGH, key, version, value)
        for reader in readers:
            self._connect(reader, pure if reader in both else everyone, RW, key, version)

    # -- orders of time

    def _process_order(self) -> None:
        last: dict[str, int] = {}
        for transaction in self.transactions:
            if transaction.index not in self.happened:
                continue
            before = last.get(transaction.process)
            if before is not None and self.transactions[before].ended is not None:
                self.successors[before].append((transaction.index, ORDER))
                self._ordered[before, transaction.index] = "process"
            last[transaction.process] = transaction.index

    def _real_time(self) -> None:
        """Add a chain of moments: what is complete leads to the next moment, a moment to all that begins after it."""
        moments: list[tuple[int, bool, int]] = []
        for index in self.happened:
            transaction = self.transactions[index]
            moments.append((transaction.began, False, index))
            if transaction.ended is not None:
                moments.append((transaction.ended, True, index))
        complete: list[int] = []
        junction = -1
        for _, ended, index in sorted(moments):
            if ended:
                complete.append(index)
                continue
            if complete:
                before, junction = junction, self._junction()
                if before >= 0:
                    self.successors[before].append((junction, THROUGH))
                for each in complete:
                    self.successors[each].append((junction, ORDER))
                complete = []
            if junction >= 0:
                self.successors[junction].append((index, THROUGH))
