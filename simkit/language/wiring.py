"""The network of a scenario: the default link, and the links between named hosts, groups, racks and zones.

A link's key is `a <-> b` or `a -> b`, where each side is one name. Which link a pair of hosts gets is deliberately left
to `simkit.network.topology`, which lets the most specific names win.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from simkit.language.links import NetworkModel
from simkit.language.problem import Position, Problem, Refusal, nearest_quoted, quoted
from simkit.language.roster import Roster
from simkit.language.text import MappingNode
from simkit.network.link import Link
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
    tcp: TcpParameters = field(default_factory=TcpParameters)

    def topology(self) -> Topology:
        """The network room's topology, made anew."""
        topology = Topology(self.default, same_zone=self.same_zone, same_rack=self.same_rack)
        for wire in self.wires:
            topology.connect(wire.source, wire.target, wire.link, one_way=not wire.both)
        return topology


def read_wiring(model: NetworkModel, section: MappingNode | None, roster: Roster, problems: list[Problem]) -> Wiring:
    """The links of `network:`; notes keys that cannot be read and names that nothing answers to."""
    default = model.default.over(Link()) if model.default is not None else Link()
    wires: list[Wire] = []
    seen: dict[tuple[str, str], str] = {}
    for key, link in model.links.items():
        assert section is not None
        place = section.entries[key].key_position
        try:
            source, both, target = _sides(key, roster)
            _once(key, [(source, target), (target, source)] if both else [(source, target)], seen)
        except Refusal as refusal:
            problems.append(refusal.at(place))
            continue
        wires.append(Wire(source, target, both, link.over(default), place))
    same_zone, same_rack = (None if tier is None else tier.over(default) for tier in (model.same_zone, model.same_rack))
    tcp = model.tcp.parameters() if model.tcp is not None else TcpParameters()
    return Wiring(default, tuple(wires), same_zone, same_rack, tcp)


def check_keys(section: MappingNode, problems: list[Problem]) -> None:
    """Note keys of `network:` that are neither a link's name nor a word of the language."""
    words = list(NetworkModel.model_fields)
    for key, entry in section.entries.items():
        if key not in words and not _KEY.match(key.strip()):
            message = f"{quoted(key)} names no link; write `default`, `a <-> b` (both ways) or `a -> b` (one way)"
            problems.append(Problem(entry.key_position, message, nearest_quoted(key, words)))


def _sides(key: str, roster: Roster) -> tuple[str, bool, str]:
    match = _KEY.match(key.strip())
    assert match
    source, arrow, target = match.groups()
    for side in (source, target):
        roster.named(side, key)
    return source, arrow == "<->", target


def _once(key: str, directions: list[tuple[str, str]], seen: dict[tuple[str, str], str]) -> None:
    for direction in directions:
        if seen.setdefault(direction, key) != key:
            raise Refusal(f"{quoted(key)} says again what {quoted(seen[direction])} says")
