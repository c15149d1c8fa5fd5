"""The network of a scenario: the default link, and the links between named hosts, groups, racks, zones and regions.

A link's key is `a <-> b` or `a -> b`, where each side is one name. Which link a pair of hosts gets is deliberately left
to `simkit.network.topology`, which lets the most specific names win.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import networkx as nx

from simkit.language.links import GraphModel, MatrixModel, NetworkModel
from simkit.language.problem import Position, Problem, Refusal, nearest_quoted, quoted
from simkit.language.roster import Roster
from simkit.language.text import MappingNode, Node
from simkit.network.link import Link
from simkit.network.mesh import Mesh
from simkit.network.tcp_parameters import TcpParameters
from simkit.network.topology import Topology

_KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)\s*(<->|->)\s*([A-Za-z_][A-Za-z0-9_-]*)\Z")


@dataclass(frozen=True, slots=True)
class Wire:
    """One entry of `network:`."""

    source: str
    target: str
    both: bool
    link: Link
    position: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class Wiring:
    """All links of a scenario."""

    default: Link
    wires: tuple[Wire, ...]
    same_zone: Link | None = None
    same_rack: Link | None = None
    same_region: Link | None = None
    tcp: TcpParameters = field(default_factory=TcpParameters)
    mesh_wires: tuple[tuple[Wire, float | None], ...] = ()
    convergence_ns: int = 0

    @property
    def mesh_nodes(self) -> tuple[str, ...]:
        """The routers, and the names of hosts that are in the mesh."""
        return tuple(dict.fromkeys(name for wire, _ in self.mesh_wires for name in (wire.source, wire.target)))

    def in_mesh(self, source: str, target: str) -> bool:
        """True if there is a link of the mesh from one to the other."""
        wires = [wire for wire, _ in self.mesh_wires]
        there = {(wire.source, wire.target) for wire in wires}
        return (source, target) in there | {(wire.target, wire.source) for wire in wires if wire.both}

    def _mesh(self) -> Mesh | None:
        graph: nx.DiGraph[str] = nx.DiGraph()
        for wire, weight in self.mesh_wires:
            more = {} if weight is None else {"weight": weight}
            graph.add_edge(wire.source, wire.target, link=wire.link, **more)
            if wire.both:
                graph.add_edge(wire.target, wire.source, link=wire.link, **more)
        return Mesh(graph, convergence_ns=self.convergence_ns) if self.mesh_wires else None

    def topology(self) -> Topology:
        """The network room's topology, made anew."""
        topology = Topology(
            self.default,
            same_rack=self.same_rack,
            same_zone=self.same_zone,
            same_region=self.same_region,
            mesh=self._mesh(),
        )
        for wire in self.wires:
            topology.connect(wire.source, wire.target, wire.link, one_way=not wire.both)
        return topology


def read_wiring(model: NetworkModel, section: MappingNode | None, roster: Roster, problems: list[Problem]) -> Wiring:
    """The links of `network:`; notes keys that cannot be read and names that nothing answers to."""
    default = model.default.over(Link()) if model.default is not None else Link()
    wires = list(_measured(model.matrix, default, section, roster, problems))
    seen: dict[tuple[str, str], str] = {}
    for key, link in model.links.items():
        assert section is not None
        place = section.entries[key].key_position
        try:
            source, both, target = _sides(key)
            for side in (source, target):
                roster.named(side, key)
            _once(key, [(source, target), (target, source)] if both else [(source, target)], seen)
        except Refusal as refusal:
            problems.append(refusal.at(place))
            continue
        wires.append(Wire(source, target, both, link.over(default), place))
    tiers = (model.same_zone, model.same_rack, model.same_region)
    same_zone, same_rack, same_region = (None if tier is None else tier.over(default) for tier in tiers)
    tcp = model.tcp.parameters() if model.tcp is not None else TcpParameters()
    mesh_wires = tuple(_mesh_wires(model.graph, default, section, roster, problems))
    convergence_ns = int(model.graph.convergence) if model.graph is not None else 0
    return Wiring(default, tuple(wires), same_zone, same_rack, same_region, tcp, mesh_wires, convergence_ns)


def _measured(
    matrix: MatrixModel | None, default: Link, section: MappingNode | None, roster: Roster, problems: list[Problem]
) -> Iterator[Wire]:
    """The links of a matrix: half of each round trip one way, and what was measured one way only holds for both."""
    table = matrix.rtt if matrix is not None else {}
    for source, row in table.items():
        place = place_of(section, "matrix", "rtt", source)
        for target, rtt in row.items():
            try:
                for name in (source, target):
                    roster.named(name, f"{source}: {target}")
            except Refusal as refusal:
                problems.append(refusal.at(place))
                continue
            link = default.model_copy(update={"one_way": rtt.scaled(0.5)})
            yield Wire(source, target, source not in table.get(target, {}), link, place)


def _mesh_wires(
    graph: GraphModel | None, default: Link, section: MappingNode | None, roster: Roster, problems: list[Problem]
) -> Iterator[tuple[Wire, float | None]]:
    """The links of the mesh with their weights."""
    if graph is None:
        return
    place = place_of(section, "graph")
    seen: dict[tuple[str, str], str] = {}
    for key, link in graph.links.items():
        try:
            source, both, target = _sides(key)
            _once(key, [(source, target), (target, source)] if both else [(source, target)], seen)
        except Refusal as refusal:
            problems.append(refusal.at(place_of(section, "graph", "links", key)))
            continue
        yield Wire(source, target, both, link.over(default), place), link.weight
    if not any(name in roster for edge in seen for name in edge):
        problems.append(Problem(place, "no host, group or place of this file is in the graph, so nothing crosses it"))


def place_of(section: MappingNode | None, *path: str) -> Position:
    """Where a key below `network:` stands."""
    node: Node | None = section
    place = section.position if section is not None else Position("", 0, 0)
    for part in path:
        entry = node.entries.get(part) if isinstance(node, MappingNode) else None
        if entry is None:
            break
        place, node = entry.key_position, entry.node
    return place


def check_keys(section: MappingNode, problems: list[Problem]) -> None:
    """Note keys of `network:` that are neither a link's name nor a word of the language."""
    words = list(NetworkModel.model_fields)
    for key, entry in section.entries.items():
        if key not in words and not _KEY.match(key.strip()):
            message = f"{quoted(key)} names no link; write `default`, `a <-> b` (both ways) or `a -> b` (one way)"
            problems.append(Problem(entry.key_position, message, nearest_quoted(key, words)))


def _sides(key: str) -> tuple[str, bool, str]:
    match = _KEY.match(key.strip())
    if not match:
        raise Refusal(f"{quoted(key)} names no link; write `a <-> b` (both ways) or `a -> b` (one way)")
    source, arrow, target = match.groups()
    return source, arrow == "<->", target


def _once(key: str, directions: list[tuple[str, str]], seen: dict[tuple[str, str], str]) -> None:
    for direction in directions:
        if seen.setdefault(direction, key) != key:
            raise Refusal(f"{quoted(key)} says again what {quoted(seen[direction])} says")
