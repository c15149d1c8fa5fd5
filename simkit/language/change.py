"""Whether the settings that a fault gives its hosts are settings of their roles, asked before anything runs.

They are laid over the file's own as they will be in the run, and bound to the same models, so that what a deploy pushes
is checked as `config:` is.

Deliberately not a judgement of the value: a lease of one second is accepted, and is what the run is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from simkit.fault import Reconfiguring
from simkit.language.binding import bind
from simkit.language.injection import Injection
from simkit.language.overlay import overlay
from simkit.language.problem import Position, Problem, Refusal, listed, nearest_quoted, quoted
from simkit.language.roster import Roster
from simkit.language.text import Entry, MappingNode, Node, ScalarNode
from simkit.language.vocabulary import CardWords


def check_change(
    injection: Injection,
    fault: Reconfiguring,
    card: CardWords,
    roster: Roster,
    tree: MappingNode,
    problems: list[Problem],
) -> None:
    """Note what is wrong with the settings or the version that a fault brings to any role among its targets."""
    place = injection.places.get("set") or injection.places.get("flag") or injection.position
    for role in _roles(injection, roster):
        words = card.roles[role]
        versions = getattr(words, "versions", {})
        version = fault.program_version
        if version is not None and version not in versions:
            there = f"; there are {listed(versions)}" if versions else "; it has one"
            message = f"role {quoted(role)} has no version {quoted(version)}{there}"
            problems.append(Problem(injection.places.get("version", place), message, nearest_quoted(version, versions)))
        if version is not None and not _written(injection, tree):
            continue
        written = _section(tree, "config", role)
        before = len(problems)
        config = bind(words.config, written or MappingNode(place, {}), f"config.{role}", problems)
        if config is None or len(problems) > before:
            continue
        _check_settings(fault, words.config, config, written, _written(injection, tree), place, role, problems)


def _check_settings(
    fault: Reconfiguring,
    model: type[BaseModel],
    config: BaseModel,
    written: MappingNode | None,
    given: Node | None,
    place: Position,
    role: str,
    problems: list[Problem],
) -> None:
    try:
        changes = fault.settings(config)
    except ValueError as error:
        problems.append(Refusal(f"role {quoted(role)}: {error}").at(place))
        return
    over = given if given is not None else _node_of(changes, place)
    bind(model, overlay(written or MappingNode(place, {}), over), f"config.{role}", problems)


def _roles(injection: Injection, roster: Roster) -> Iterator[str]:
    """The roles among the hosts that a fault may strike."""
    found: dict[str, None] = {}
    for target in injection.host_targets:
        hosts = roster.hosts if target.dynamic(roster) else target.candidates(roster)
        found.update(dict.fromkeys(host.role for host in hosts))
    return iter(found)


def _section(tree: MappingNode, *path: str) -> MappingNode | None:
    node: Node | None = tree
    for part in path:
        node = node.get(part) if isinstance(node, MappingNode) else None
    return node if isinstance(node, MappingNode) else None


def _written(injection: Injection, tree: MappingNode) -> MappingNode | None:
    """The settings as the file writes them, with the place of each."""
    return _section(tree, "faults", injection.name, "set")


def _node_of(value: Any, place: Position) -> Node:
    if isinstance(value, dict):
        return MappingNode(place, {key: Entry(place, _node_of(inner, place)) for key, inner in value.items()})
    return ScalarNode(place, str(value).lower() if isinstance(value, bool) else str(value))
