"""Routers and the links between them: which way a packet takes, and how long failures go unnoticed.

A mesh is a graph whose nodes are routers, or names of hosts, groups or places, and whose edges carry links. A packet
takes the path of least weight (by default latency), as link-state protocols find it. A link or a router that fails
stops what would cross it at once; the others learn of it after the convergence delay and then route around it, or know
that there is no way. The same holds when it comes back.

It deliberately runs no routing protocol: all routers change their minds at one moment, so that there are no loops
while they do.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import networkx as nx

from simkit.network.flaw import Flawing
from simkit.network.link import Link
from simkit.network.queue import Queue
from simkit.network.topology import Placed, names_of

if TYPE_CHECKING:
    from simkit.kernel import World

Edge = tuple[str, str]
Names = tuple[str, ...]


class Hop:
    """One direction of one link of the mesh, shared by all paths that lead over it.

    Attributes:
        name: ``"u->v"``.
        link, queue, flaws: its parameters, the queue in front of its wire, and its flaws at work.
        up: False while it, or a router at one of its ends, has failed.
    """

    __slots__ = ("flaws", "link", "name", "queue", "up")

    def __init__(self, world: "World", edge: Edge, link: Link) -> None:
        self.name = f"{edge[0]}->{edge[1]}"
        self.link = link
        self.queue: Queue = link.discipline.queue()
        stream = world.stream(f"network/{self.name}/flaws")
        self.flaws: list[Flawing] = [flaw.on(stream) for flaw in link.flaws]
        self.up = True


class Mesh:
    """Routes over a graph, and what has failed in it.

    Args:
        graph: directed or undirected; edges carry a `Link` as ``link`` and may carry a ``weight`` above zero.
        convergence_ns: how long routers go on as before after something failed or came back.
    """

    def __init__(self, graph: "nx.Graph[str]", *, convergence_ns: int = 0) -> None:
        self.graph: nx.DiGraph[str] = nx.DiGraph(graph)
        self.convergence_ns = convergence_ns
        for _, _, edge in self.graph.edges(data=True):
            # Least latency, and of equal ones the fewest links.
            edge.setdefault("weight", max(0.0, edge["link"].one_way.mean) + 1.0)
        self._hops: dict[Edge, Hop] = {}
        self._failures: Counter[Hashable] = Counter()
        self._known: frozenset[Hashable] = frozenset()
        self._routes: dict[str, dict[str, list[str]]] = {}

    def place(self, world: "World") -> None:
        """Make the hops, in a world; once."""
        if not self._hops:
            for source, target, edge in self.graph.edges(data=True):
                self._hops[source, target] = Hop(world, (source, target), edge["link"])

    def node_of(self, host: Placed) -> str | None:
        """Return the node that a host is at: the most specific of its names that is one."""
        return next((name for name in names_of(host) if name in self.graph), None)

    def route(self, source: str, target: str) -> list[Hop] | None:
        """Return the hops from one node to another as the routers know the mesh, None if they know no way."""
        if source not in self._routes:
            self._routes[source] = self._found_from(source)
        nodes = self._routes[source].get(target)
        if nodes is None:
            return None
        return [self._hops[edge] for edge in pairwise(nodes)]

    def across(self, parts: Iterable[Hashable], hosts: Iterable[Placed]) -> Iterator[tuple[Names, Names, bool]]:
        """Yield the hosts at two nodes whose way now leads over one of these parts, and whether it does both ways."""
        parts, at = tuple(parts), dict[str, list[str]]()
        for host in hosts:
            node = self.node_of(host)
            if node is not None:
                at.setdefault(node, []).append(host.name)
        for one, other in combinations(at, 2):
            there, back = self._leads_over(one, other, parts), self._leads_over(other, one, parts)
            if there or back:
                source, target = (one, other) if there else (other, one)
                yield tuple(at[source]), tuple(at[target]), there and back

    def _leads_over(self, source: str, target: str, parts: Iterable[Hashable]) -> bool:
        self.route(source, target)
        nodes = self._routes[source].get(target, [])
        way: set[Hashable] = {*nodes, *pairwise(nodes)}
        return not way.isdisjoint(parts)

    def _found_from(self, source: str) -> dict[str, list[str]]:
        graph, known = self.graph, self._known
        if source in known:
            return {}
        if known:
            graph = nx.subgraph_view(
                graph,
                filter_node=lambda node: node not in known,
                filter_edge=lambda one, other: (one, other) not in known,
            )
        found: dict[str, list[str]] = nx.single_source_dijkstra_path(graph, source, weight="weight")
        return found

    # -- failures

    def fail(self, what: Hashable) -> None:
        """Let a node, or an edge in one direction, fail once more; KeyError if there is none."""
        if what not in self.graph and what not in self._hops:
            raise KeyError(what)
        self._failures[what] += 1
        self._look()

    def mend(self, what: Hashable) -> None:
        """Take one failure of a node or an edge back."""
        self._failures[what] -= 1
        if not self._failures[what]:
            del self._failures[what]
        self._look()

    @property
    def failed(self) -> frozenset[Hashable]:
        """The nodes and edges that are down now."""
        return frozenset(self._failures)

    def converge(self, failed: frozenset[Hashable]) -> None:
        """Let all routers know what has failed, and nothing else."""
        self._known = failed
        self._routes = {}

    def _look(self) -> None:
        failed = self._failures
        for (source, target), hop in self._hops.items():
            hop.up = source not in failed and target not in failed and (source, target) not in failed
