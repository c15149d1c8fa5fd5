"""Which link an ordered pair of hosts gets.

Names of hosts, groups, racks, zones and regions are the nodes of a networkx graph, links its edges. The most specific
edge wins: a pair of hosts before a pair with a group, groups before racks, then zones, then regions; then the link of
hosts that share a rack, a zone or a region, and the default.

It deliberately does not route: a path is one link, whatever lies between the zones in reality, unless there is a mesh
(`mesh.py`) with both hosts in it at different nodes, which comes before everything else. A link between groups
or zones is one pipe per direction that all its pairs of hosts share; a link between two hosts, and the default, is a
pipe for each pair.

Here is the room for links that change with time (radio, mobility, orbits): a topology may answer `link` with another
link whenever it is asked, and tells the network by `Network.changed()` that paths have to ask again. Queues and draws
go on as they were.
"""

from typing import TYPE_CHECKING, Protocol

import networkx as nx

from simkit.network.link import LOOPBACK, Link

if TYPE_CHECKING:
    from simkit.network.mesh import Mesh


class Placed(Protocol):
    """What a topology knows of a host."""

    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def rack(self) -> str | None: ...
    @property
    def zone(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...


def names_of(host: Placed) -> tuple[str, ...]:
    """Return the names a host answers to, the most specific first."""
    names = (host.name,) if host.group == host.name else (host.name, host.group)
    return (*names, *(place for place in (host.rack, host.zone, host.region) if place is not None))


class Topology:
    """Links between named hosts, groups and zones.

    Args:
        default: the link of every pair that has no other.
        graph: a directed or undirected networkx graph whose edges carry a `Link` as ``link``; an undirected edge
            counts for both directions.
        loopback: the link of a host to itself.
        mesh: routers and links, for the hosts that are in it.
        same_rack, same_zone, same_region: links of pairs that share such a place and for which no edge says otherwise.
    """

    def __init__(
        self,
        default: Link | None = None,
        graph: "nx.Graph[str] | None" = None,
        *,
        loopback: Link = LOOPBACK,
        same_rack: Link | None = None,
        same_zone: Link | None = None,
        same_region: Link | None = None,
        mesh: "Mesh | None" = None,
    ) -> None:
        self.default = default or Link()
        self.loopback = loopback
        self.same_rack = same_rack
        self.same_zone = same_zone
        self.same_region = same_region
        self.mesh = mesh
        self.graph: nx.DiGraph[str] = nx.DiGraph() if graph is None else nx.DiGraph(graph)

    def connect(self, source: str, target: str, link: Link, *, one_way: bool = False) -> None:
        """Give a pair of names a link, in both directions unless `one_way`."""
        self.graph.add_edge(source, target, link=link)
        if not one_way:
            self.graph.add_edge(target, source, link=link)

    def link(self, source: Placed, target: Placed) -> tuple[Link, tuple[str, str]]:
        """Return the link from `source` to `target`, and the ordered pair of names whose pipe it is."""
        if source.name == target.name:
            return self.loopback, (source.name, target.name)
        if not self.graph:
            return self._by_nearness(source, target), (source.name, target.name)
        source_names, target_names = _ranked(source), _ranked(target)
        pairs = [(max(i, j), i + j, i, s, t) for i, s in source_names for j, t in target_names]
        for widest, _, _, source_name, target_name in sorted(pairs):
            if self.graph.has_edge(source_name, target_name):
                link: Link = self.graph.edges[source_name, target_name]["link"]
                # Only a pair of names that stands for several hosts is a pipe that several pairs share.
                return link, (source_name, target_name) if widest else (source.name, target.name)
        return self._by_nearness(source, target), (source.name, target.name)

    def _by_nearness(self, source: Placed, target: Placed) -> Link:
        if self.same_rack is not None and source.rack is not None and source.rack == target.rack:
            return self.same_rack
        if self.same_zone is not None and source.zone is not None and source.zone == target.zone:
            return self.same_zone
        if self.same_region is not None and source.region is not None and source.region == target.region:
            return self.same_region
        return self.default


def _ranked(host: Placed) -> list[tuple[int, str]]:
    places = ((0, host.name), (1, host.group), (2, host.rack), (3, host.zone), (4, host.region))
    return [(rank, name) for rank, name in places if name is not None]
