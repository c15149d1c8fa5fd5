"""The search for cycles: in each strongly connected part of the graph the smallest cycle of each kind.

Whether there is a cycle of a kind is decided in time linear in the graph: Tarjan's algorithm on the edges that the
kind allows; for G-nonadjacent on pairs of a node and whether an anti-dependency led to it, among which two in a row
are left out. Only then a breadth-first search from each transaction looks for the smallest one, within a budget.

Deliberately one cycle for each kind and part, not all of them: their number grows exponentially and nobody reads
them. Only whether a G-single is among cycles with more anti-dependencies can remain open when the budget is spent.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simkit.checks.isolation.anomaly import Anomaly, Edge, adjacent, kind_of_cycle
from simkit.checks.isolation.dependency_graph import ORDER, RW, THROUGH, WR, WW, DependencyGraph, Step
from simkit.checks.isolation.strong_components import strong_components

VISITS_MAX = 3_000_000
"""Edges that one search may look at for the sake of small cycles; a few seconds."""

_FAR = 1 << 60


class _Kind(NamedTuple):
    """A kind of cycle: the edge it begins with, the edges it may go on with, whether two rw may meet."""

    name: str
    first: int
    rest: int
    apart: bool = False


_KINDS = (
    _Kind("G0", WW, WW),
    _Kind("G1c", WR, WW | WR),
    _Kind("G-single", RW, WW | WR),
    _Kind("G-nonadjacent", RW, WW | WR | RW, True),
    _Kind("G2-item", RW, WW | WR | RW),
)


@dataclass(slots=True)
class Search:
    """What a search found.

    Attributes:
        anomalies: cycles, the gravest kinds of each part first.
        undecided: kinds of which the budget left open whether there is a cycle.
    """

    anomalies: list[Anomaly]
    undecided: list[str]


class CycleSearch:
    """Looks for cycles in one graph.

    Args:
        graph: with every edge that counts.
        visits_max: how many edges may be looked at for small cycles.
    """

    def __init__(self, graph: DependencyGraph, visits_max: int = VISITS_MAX) -> None:
        self._graph = graph
        self._visits_left = visits_max

    def run(self, kinds: Sequence[str]) -> Search:
        """Search for cycles of these kinds (``G0``, ``G1c``, ``G-single``, ``G-nonadjacent``, ``G2-item``)."""
        wanted = [kind for kind in _KINDS if kind.name in kinds]
        found = Search([], [])
        allowed = ORDER | THROUGH
        for kind in wanted:
            allowed |= kind.first | kind.rest
        for part in self._parts(None, allowed):
            seen: set[tuple[int, ...]] = set()
            for kind in wanted:
                for anomaly in self._smallest(part, kind, found):
                    if anomaly.transactions not in seen:
                        seen.add(anomaly.transactions)
                        found.anomalies.append(anomaly)
        return found

    def _parts(self, within: Sequence[int] | None, allowed: int) -> list[list[int]]:
        """Return the strongly connected parts by edges of the allowed kinds, among some nodes or all."""
        successors = self._graph.successors
        if within is None:
            chosen = [[target for target, kind in each if kind & allowed] for each in successors]
            return strong_components(chosen)
        place = {node: local for local, node in enumerate(within)}
        chosen = [
            [place[target] for target, kind in successors[node] if kind & allowed and target in place]
            for node in within
        ]
        return [[within[local] for local in part] for part in strong_components(chosen)]

    def _parts_apart(self, within: Sequence[int]) -> list[set[int]]:
        """Return the parts around which one can walk without two anti-dependencies in a row, as states.

        A state is twice the node, plus 1 where an anti-dependency led to it, so that the next edge must be another.
        """
        place = {node: local for local, node in enumerate(within)}
        chosen: list[list[int]] = []
        for node in within:
            plain: list[int] = []
            after: list[int] = []
            for target, kind in self._graph.successors[node]:
                if target not in place:
                    continue
                state = 2 * place[target]
                if kind == THROUGH:
                    plain.append(state)
                    after.append(state + 1)
                elif kind == RW:
                    plain.append(state + 1)
                else:
                    plain.append(state)
                    after.append(state)
            chosen += [plain, after]
        return [{2 * within[state >> 1] + (state & 1) for state in part} for part in strong_components(chosen)]

    def _smallest(self, part: Sequence[int], kind: _Kind, found: Search) -> list[Anomaly]:
        """Return the smallest cycle of a kind in each of the parts that its edges leave of this one."""
        anomalies = []
        for inside, starts in self._beginnings(part, kind):
            walk, complete = self._walk(starts, inside, kind)
            if walk:
                anomalies.append(self._anomaly(walk, complete))
            elif not complete and kind.name not in found.undecided:
                found.undecided.append(kind.name)
        return anomalies

    def _beginnings(self, part: Sequence[int], kind: _Kind) -> Iterator[tuple[set[int], list[int]]]:
        """Yield the nodes of each part with the transactions from which a walk of this kind can begin.

        Except for G-single, which is a walk without adjacent anti-dependencies but not every such walk, there is a
        walk from each of them.
        """
        successors, is_transaction = self._graph.successors, self._graph.is_transaction
        if kind.first != RW or not (kind.apart or kind.name == "G-single"):
            for each in self._parts(part, kind.first | kind.rest | ORDER | THROUGH):
                inside = set(each)
                yield (
                    inside,
                    [
                        node
                        for node in each
                        if is_transaction(node)
                        and any(step & kind.first and target in inside for target, step in successors[node])
                    ],
                )
            return
        for states in self._parts_apart(part):
            inside = {state >> 1 for state in states}
            yield (
                inside,
                [
                    node
                    for node in sorted(inside)
                    if is_transaction(node)
                    and 2 * node in states
                    and any(step == RW and 2 * target + 1 in states for target, step in successors[node])
                ],
            )

    def _walk(self, starts: Sequence[int], inside: set[int], kind: _Kind) -> tuple[list[Step], bool]:
        """Return the smallest closed walk of a kind, and whether all starts were tried."""
        best: list[Step] = []
        length = _FAR
        # Most broken histories have a cycle of two somewhere, and to see that needs no search.
        for node in starts:
            closed = self._pair(node, inside, kind)
            if closed:
                return closed, True
        for node in starts:
            # One walk is found whatever the budget, except where there may be none at all.
            if self._visits_left <= 0 and (best or kind.name == "G-single"):
                return best, False
            found = self._around(node, inside, kind, length)
            if found:
                best = found
                length = sum(step != THROUGH for _, step in best)
        return best, True

    def _pair(self, node: int, inside: set[int], kind: _Kind) -> list[Step]:
        rest = kind.rest | ORDER
        if kind.apart:
            rest &= ~RW
        for target, step in self._graph.successors[node]:
            if step & kind.first and target in inside and self._graph.is_transaction(target):
                for back, closing in self._graph.successors[target]:
                    if back == node and closing & rest:
                        return [(target, step), (node, closing)]
        return []

    def _around(self, start: int, inside: set[int], kind: _Kind, length: int) -> list[Step]:
        """Return the smallest closed walk from one transaction that is shorter than `length`; empty if there is none.

        States are those of `_parts_apart`. The walk begins with an edge of the kind's first sort; junctions cost
        nothing, hence the queue with two ends.
        """
        successors, rest, apart = self._graph.successors, kind.rest | ORDER | THROUGH, kind.apart
        came: dict[int, tuple[int, int]] = {}
        queue: deque[tuple[int, int]] = deque()
        distances: dict[int, int] = {}
        for target, step in successors[start]:
            if step & kind.first and target in inside:
                state = 2 * target + (apart and step == RW)
                if state not in distances:
                    distances[state], came[state] = 1, (-1, step)
                    queue.append((state, 1))
        while queue:
            state, distance = queue.popleft()
            if distance > distances[state] or distance >= length:
                continue
            node, anti = state >> 1, state & 1
            if node == start:
                return _back(came, state)
            self._visits_left -= len(successors[node])
            for target, step in successors[node]:
                if not step & rest or target not in inside:
                    continue
                if step == THROUGH:
                    reached, away = 2 * target + anti, distance
                elif step == RW and apart:
                    if anti or target == start:
                        continue
                    reached, away = 2 * target + 1, distance + 1
                else:
                    reached, away = 2 * target, distance + 1
                if target == start and reached & 1:
                    continue
                if away < distances.get(reached, _FAR):
                    distances[reached], came[reached] = away, (state, step)
                    if step == THROUGH:
                        queue.appendleft((reached, away))
                    else:
                        queue.append((reached, away))
        return []

    def _anomaly(self, walk: Sequence[Step], complete: bool) -> Anomaly:
        cycle = _simple(self._graph.edges(walk))
        kind = kind_of_cycle(cycle)
        names = " -> ".join(f"T{edge.source + 1}" for edge in cycle[:8])
        names += f" -> T{cycle[0].source + 1}" if len(cycle) <= 8 else f" -> .. ({len(cycle)} transactions)"
        transactions = tuple(edge.source for edge in cycle)
        certain = all(self._graph.transactions[index].status == "committed" for index in transactions)
        return Anomaly(kind, names, transactions, cycle, certain, complete)


def _back(came: dict[int, tuple[int, int]], state: int) -> list[Step]:
    walk: list[Step] = []
    while state >= 0:
        before, step = came[state]
        walk.append((state >> 1, step))
        state = before
    return walk[::-1]


def _simple(cycle: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """Return a cycle that visits no transaction twice, as grave as the one given, turned to begin with its first.

    Where a closed walk without adjacent anti-dependencies meets itself, one of the two halves has none either.
    """
    while True:
        places: dict[int, int] = {}
        for place, edge in enumerate(cycle):
            if edge.source in places:
                first = places[edge.source]
                half, other = cycle[first:place], cycle[place:] + cycle[:first]
                cycle = other if adjacent([each.kind for each in half]) else half
                break
            places[edge.source] = place
        else:
            turn = min(range(len(cycle)), key=lambda place: cycle[place].source)
            return cycle[turn:] + cycle[:turn]
