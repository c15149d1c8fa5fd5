"""The naive way with a graph library: every dependency an edge, then a cycle of every strongly connected component.

It checks nothing else: no aborted or intermediate reads, no orders that contradict each other, and a component's cycle
is any cycle, of any kind.
"""

from itertools import pairwise

import networkx

from benchmarks.isolation import Histories
from benchmarks.work import Outcome, Timed


def prepare(given: Histories) -> Timed:
    """Judge by serializability."""

    def run() -> Outcome:
        graph = _graph(given)
        cycles = [
            networkx.find_cycle(graph.subgraph(component))
            for component in networkx.strongly_connected_components(graph)
            if len(component) > 1
        ]
        order = sorted(source for cycle in cycles for source, _ in cycle)
        return Outcome(len(given.transactions), None, order, {"cycles": len(cycles)})

    return run


def _graph(given: Histories) -> networkx.DiGraph:
    writers: dict[tuple[str, int], int] = {}
    longest: dict[str, tuple[int, ...]] = {}
    for each in given.transactions:
        for kind, key, value in each.operations:
            if kind == "append":
                writers[key, value] = each.index
            elif len(value) > len(longest.get(key, ())):
                longest[key] = value
    unseen: dict[str, list[int]] = {}
    for (key, value), index in writers.items():
        if value not in longest.get(key, ()):
            unseen.setdefault(key, []).append(index)
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(len(given.transactions)))
    for key, line in longest.items():
        followed = [writers[key, value] for value in line]
        graph.add_edges_from(pairwise(followed))
        if followed:
            graph.add_edges_from((followed[-1], index) for index in unseen.get(key, ()))
    for each in given.transactions:
        for kind, key, value in each.operations:
            if kind == "read":
                line = longest.get(key, ())
                if value:
                    graph.add_edge(writers[key, value[-1]], each.index)
                after = [writers[key, line[len(value)]]] if len(value) < len(line) else unseen.get(key, ())
                graph.add_edges_from((each.index, index) for index in after)
    graph.remove_edges_from(list(networkx.selfloop_edges(graph)))
    return graph
