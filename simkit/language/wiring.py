"""The network of a scenario: the default link, and the links between named hosts, groups and zones.

A key of `network:` is `default`, `a <-> b` or `a -> b`, where each side is one name. Which link a pair of hosts gets is
deliberately left to `simkit.network.topology`, which lets the most specific names win.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from simkit.language.model import LinkModel
from simkit.language.problem import Position, Problem, Refusal, quoted
from simkit.language.roster import Roster
from simkit.language.text import MappingNode
from simkit.network.link import Link
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

    def topology(self) -> Topology:
        """The network room's topology, made anew."""
        topology = Topology(self.default)
        for wire in self.wires:
            topology.connect(wire.source, wire.target, wire.link, one_way=not wire.both)
        return topology


def read_wiring(
    models: Mapping[str, LinkModel], section: MappingNode | None, roster: Roster, problems: list[Problem]
) -> Wiring:
    """The links of `network:`; notes keys that cannot be read and names that nothing answers to."""
    default = models["default"].over(Link()) if "default" in models else Link()
    wires: list[Wire] = []
    seen: dict[tuple[str, str], str] = {}
    for key, model in models.items():
        if key == "default" or section is None:
            continue
        place = section.entries[key].key_position
        try:
            source, both, target = _sides(key, roster)
            _once(key, [(source, target), (target, source)] if both else [(source, target)], seen)
        except Refusal as refusal:
            problems.append(refusal.at(place))
            continue
        wires.append(Wire(source, target, both, model.over(default), place))
    return Wiring(default, tuple(wires))


def _sides(key: str, roster: Roster) -> tuple[str, bool, str]:
    match = _KEY.match(key.strip())
    if not match:
        raise Refusal(f"{quoted(key)} names no link; write `default`, `a <-> b` (both ways) or `a -> b` (one way)")
    source, arrow, target = match.groups()
    for side in (source, target):
        roster.named(side, key)
    return source, arrow == "<->", target


def _once(key: str, directions: list[tuple[str, str]], seen: dict[tuple[str, str], str]) -> None:
    for direction in directions:
        if seen.setdefault(direction, key) != key:
            raise Refusal(f"{quoted(key)} says again what {quoted(seen[direction])} says")
