"""Files beside a scenario that describe its network: a round-trip matrix as CSV, a topology as GraphML.

What they say becomes part of the scenario's tree, with the places where it stands, so that a resolved scenario needs no
other file. Measured matrices and maps of networks come from strangers too: they are read under the limits of scenario
files, and XML that declares anything (DOCTYPE, entities) is refused.

It deliberately takes from GraphML what a link of the language can say, and two things that maps of real networks have:
`LinkSpeedRaw` of the Internet Topology Zoo (bit/s), and `length_km`, at 5 us a kilometre of fibre.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from typing import Any

import networkx as nx

from simkit.language.limits import Limits
from simkit.language.overlay import overlay
from simkit.language.problem import Position, Problem, ScenarioError, quoted
from simkit.language.roster import NAME
from simkit.language.text import Entry, MappingNode, Node, ScalarNode, scalar

Read = Callable[[str, Position], str]
"""Reads a file beside the scenario, by its name; the place is that of the name."""

FIBRE_NS_PER_KM = 5_000
WORDS = ("rtt", "one_way", "loss", "bandwidth", "queue", "mtu", "weight")
"""Attributes of an edge that are read as the language writes them."""

_DECLARES = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def with_files(root: MappingNode, read: Read, limits: Limits) -> MappingNode:
    """The tree of a scenario file with what `network.matrix.file` and `network.graph.file` name put in their place."""
    network = root.get("network")
    if not isinstance(network, MappingNode):
        return root
    entries = dict(network.entries)
    for key, section, parse in (("matrix", "rtt", _matrix), ("graph", "links", _graph)):
        node = network.get(key)
        named = node.get("file") if isinstance(node, MappingNode) else None
        if not isinstance(node, MappingNode) or not isinstance(named, ScalarNode) or not isinstance(named.value, str):
            continue
        found: Node = parse(read(named.value, named.position), named, limits)
        own = node.entries.get(section)
        if own is not None:
            found = overlay(found, own.node)
        inside = {name: entry for name, entry in node.entries.items() if name not in ("file", section)}
        inside[section] = Entry(named.position, found)
        entries[key] = Entry(entries[key].key_position, MappingNode(node.position, inside))
    changed = MappingNode(network.position, entries, network.flow)
    return MappingNode(
        root.position, {**root.entries, "network": Entry(root.entries["network"].key_position, changed)}, root.flow
    )


def _too_many(named: ScalarNode, limits: Limits) -> ScenarioError:
    return ScenarioError(
        Problem(named.position, f"{quoted(named.text)}: the limit links of {limits.links:,} is exceeded")
    )


# -- matrices


def _matrix(text: str, named: ScalarNode, limits: Limits) -> MappingNode:
    """A table whose first row and column are names; its corner may hold a unit for numbers without one."""
    rows = [(number, row) for number, row in enumerate(csv.reader(text.splitlines()), 1) if any(row)]
    if len(rows) < 2:
        raise ScenarioError(
            Problem(named.position, f"{quoted(named.text)} is no matrix: a row of names, then one each")
        )
    if len(rows) ** 2 > limits.links:
        raise _too_many(named, limits)
    (_, head), *body = rows
    unit = head[0].strip()
    names = [name.strip() for name in head[1:]]
    table: dict[str, Entry] = {}
    for number, row in body:
        place = Position(f"{named.position.file}: {named.text}", number, 1)
        if len(row) != len(head):
            raise ScenarioError(Problem(place, f"the row has {len(row)} cells and the first one {len(head)}"))
        if row[0].strip() in table:
            raise ScenarioError(Problem(place, f"{quoted(row[0].strip())} has a row already"))
        cells = {
            name: Entry(place, scalar(cell.strip() + (unit if _is_number(cell) else ""), place))
            for name, cell in zip(names, row[1:], strict=True)
            if cell.strip()
        }
        table[row[0].strip()] = Entry(place, MappingNode(place, cells))
    return MappingNode(named.position, table)


def _is_number(cell: str) -> bool:
    return cell.strip().replace(".", "", 1).isdigit()


# -- graphs


def _graph(text: str, named: ScalarNode, limits: Limits) -> MappingNode:
    """The links of a graph; an undirected edge is one both ways, and of parallel edges the first counts."""
    if _DECLARES.search(text):
        raise ScenarioError(Problem(named.position, f"{quoted(named.text)} declares entities; GraphML needs none"))
    try:
        graph: Any = nx.parse_graphml(text)
    except Exception as error:  # networkx promises nothing about what it raises for what is no GraphML
        reason = str(error) or type(error).__name__
        raise ScenarioError(Problem(named.position, f"{quoted(named.text)} is no GraphML: {reason[:200]}")) from None
    if graph.number_of_edges() > limits.links:
        raise _too_many(named, limits)
    names = _names(graph)
    arrow = "->" if graph.is_directed() else "<->"
    links: dict[str, Entry] = {}
    for source, target, data in graph.edges(data=True):
        key = f"{names[source]} {arrow} {names[target]}"
        if source != target and key not in links:
            said = {word: Entry(named.position, scalar(text, named.position)) for word, text in _said(data)}
            links[key] = Entry(named.position, MappingNode(named.position, said))
    return MappingNode(named.position, links)


def _said(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What an edge's attributes say of its link, as the language writes it."""
    for word in WORDS:
        if word in data:
            yield word, str(data[word])
    if "one_way" not in data and "rtt" not in data and _is_amount(data.get("length_km")):
        yield "one_way", f"{round(data['length_km'] * FIBRE_NS_PER_KM)}ns"
    if "bandwidth" not in data and _is_amount(data.get("LinkSpeedRaw")) and data["LinkSpeedRaw"] >= 1:
        yield "bandwidth", f"{round(data['LinkSpeedRaw'])}bit/s"


def _is_amount(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15


def _names(graph: Any) -> dict[Any, str]:
    """What the nodes are called: by their labels where those are names and all different, by their ids otherwise."""
    for called in (lambda node: str(graph.nodes[node].get("label", "")), str):
        names = {node: re.sub(r"[^A-Za-z0-9_-]", "_", called(node)) for node in graph}
        if len(set(names.values())) == len(names) and all(NAME.match(name) for name in names.values()):
            return names
    return {node: f"n{number}" for number, node in enumerate(graph)}
