"""Targets: the one grammar for whom a fault, a load or a link is about.

    workers-2 | workers | all workers | any 2 of workers | 70% of backends in eu | minority of stores
    zone eu | leader | leader of range 7 | a <-> b | a -> b

Parsing knows no hosts; a target meets the roster when it is checked and draws from a named stream when it strikes.
Roles that hosts take at run time (`leader`) are parsed here and left to the running world: a roster cannot know them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction as Exact
from typing import Literal, TypeAlias

from simkit.kernel.stream import Stream
from simkit.language.problem import Refusal, quoted
from simkit.language.roster import RESERVED, HostEntry, Roster

Quantifier = Literal["all", "any", "percent", "minority", "majority"]

_ANY = re.compile(r"any ([0-9]{1,9}) of (.+)\Z")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?% of (.+)\Z")
_PART = re.compile(r"(all|minority|majority)(?: of)? (.+)\Z")
_ZONE = re.compile(r"zone (\S+)\Z")
_PLAIN = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?: in (?:zone )?([A-Za-z_][A-Za-z0-9_-]*))?\Z")
_ROLE = re.compile(r"([a-z][a-z_]{0,40}) of ([A-Za-z0-9_. -]{1,80})\Z")
_LINK = re.compile(r"(.+?)\s*(<->|->)\s*(.+)\Z")
TARGETS_MAX = 1000
WELL_KNOWN_ROLES = frozenset({"leader", "primary", "coordinator", "master"})


@dataclass(frozen=True, slots=True)
class Named:
    """A host, group or zone by its name, or the part of it in one zone."""

    name: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class InZone:
    """Every host of a zone."""

    zone: str


@dataclass(frozen=True, slots=True)
class DynamicRole:
    """Whoever holds a role at that moment: `leader`, `leader of range 7`."""

    role: str
    scope: str | None = None


Domain: TypeAlias = Named | InZone | DynamicRole


@dataclass(frozen=True, slots=True)
class Target:
    """Some or all hosts of a domain. `amount` is the number for `any`, the percentage for `percent`."""

    text: str
    domain: Domain
    quantifier: Quantifier = "all"
    amount: Exact = Exact(0)

    @property
    def drawn(self) -> bool:
        """True if the hosts are chosen at random, anew at each strike."""
        return self.quantifier != "all"

    def dynamic(self, roster: Roster) -> bool:
        """True if only the running system knows who is meant; a group that is called `leader` is just a group."""
        match self.domain:
            case DynamicRole(role, None):
                return role not in roster
            case DynamicRole():
                return True
        return False

    def candidates(self, roster: Roster) -> tuple[HostEntry, ...]:
        """The hosts to choose from, in roster order; raises `Refusal` for an unknown word or an empty set."""
        match self.domain:
            case InZone(zone):
                return roster.in_zone(zone, self.text)
            case Named(name, None):
                return roster.named(name, self.text)
            case DynamicRole(name, None) if name in roster:
                return roster.named(name, self.text)
            case Named(name, str(zone)):
                roster.in_zone(zone, self.text)
                found = tuple(host for host in roster.named(name, self.text) if host.zone == zone)
                if not found:
                    raise Refusal(f"target {quoted(self.text)} matches no host")
                return found
        raise Refusal(f"who is {quoted(self.text)} is only known while the system runs")

    def size(self, available: int) -> int:
        """How many of `available` hosts are meant; raises `Refusal` if that many cannot be had."""
        match self.quantifier:
            case "any":
                wanted = int(self.amount)
            case "percent":
                wanted = max(1, int(self.amount * available / 100 + Exact(1, 2)))
            case "minority":
                wanted = (available - 1) // 2
            case "majority":
                wanted = available // 2 + 1
            case _:
                wanted = available
        if not 0 < wanted <= available:
            raise Refusal(f"target {quoted(self.text)} wants {wanted} of {available} host{'s' * (available != 1)}")
        return wanted

    def resolve(self, roster: Roster, stream: Stream) -> tuple[HostEntry, ...]:
        """The hosts struck, in roster order. Draws from `stream` only if there is a choice to make."""
        candidates = self.candidates(roster)
        if not self.drawn:
            return candidates
        chosen = stream.sample(range(len(candidates)), self.size(len(candidates)))
        return tuple(candidates[place] for place in sorted(chosen))


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """The links from every host of one side to every host of the other, and back if `both`."""

    text: str
    source: Target
    target: Target
    both: bool


def parse_target(text: object) -> Target:
    """Read a target expression; raises `Refusal`."""
    if not isinstance(text, str) or not text.strip():
        raise Refusal("a target is a phrase such as `workers-2`, `workers`, `any 2 of workers` or `zone eu`")
    phrase = " ".join(text.split())
    if match := _ANY.match(phrase):
        if int(match[1]) == 0:
            raise Refusal(f"target {quoted(phrase)} takes no host")
        return Target(phrase, _domain(match[2], phrase), "any", Exact(match[1]))
    if match := _PERCENT.match(phrase):
        if not 0 < Exact(match[1]) <= 100:
            raise Refusal(f"target {quoted(phrase)}: the share lies above 0% and up to 100%")
        return Target(phrase, _domain(match[2], phrase), "percent", Exact(match[1]))
    if match := _PART.match(phrase):
        quantifier: Quantifier = "all" if match[1] == "all" else "minority" if match[1] == "minority" else "majority"
        return Target(phrase, _domain(match[2], phrase), quantifier)
    return Target(phrase, _domain(phrase, phrase))


def _domain(phrase: str, whole: str) -> Domain:
    if match := _ZONE.match(phrase):
        return InZone(match[1])
    if match := _PLAIN.match(phrase):
        if match[1] in WELL_KNOWN_ROLES and match[2] is None:
            return DynamicRole(match[1])
        return Named(match[1], match[2])
    if (match := _ROLE.match(phrase)) and match[1] not in RESERVED:
        return DynamicRole(match[1], match[2].strip())
    raise Refusal(f"cannot read target {quoted(whole)}; write for example `any 2 of workers` or `workers in eu`")


def parse_targets(value: object) -> tuple[Target, ...]:
    """One target, or a list of targets that are struck together."""
    if isinstance(value, (list, tuple)):
        if not 0 < len(value) <= TARGETS_MAX:
            raise Refusal(f"a list of targets has 1 to {TARGETS_MAX:,} entries, not {len(value):,}")
        return tuple(parse_target(item) for item in value)
    return (parse_target(value),)


def parse_link(text: object) -> LinkTarget:
    """Read `a <-> b` or `a -> b`, where each side is a target; raises `Refusal`."""
    match = _LINK.match(" ".join(text.split())) if isinstance(text, str) else None
    if not match:
        raise Refusal(f"cannot read link {quoted(text)}; write `a <-> b` (both ways) or `a -> b` (one way)")
    return LinkTarget(match[0], parse_target(match[1]), parse_target(match[3]), match[2] == "<->")


def parse_links(value: object) -> tuple[LinkTarget, ...]:
    """One link, or a list of links that are struck together."""
    if isinstance(value, (list, tuple)):
        if not 0 < len(value) <= TARGETS_MAX:
            raise Refusal(f"a list of links has 1 to {TARGETS_MAX:,} entries, not {len(value):,}")
        return tuple(parse_link(item) for item in value)
    return (parse_link(value),)


def parse_groups(value: object) -> tuple[tuple[Target, ...], ...]:
    """Groups of targets, `[[a], [b]]`; one group alone, `[[a]]` or `minority of stores`, stands against the rest."""
    if isinstance(value, str):
        return (parse_targets(value),)
    if not isinstance(value, (list, tuple)) or not value:
        raise Refusal("groups are lists in a list, `[[a], [b]]`, or one target that stands against all the rest")
    if any(not isinstance(group, (list, tuple)) for group in value):
        right = ", ".join(f"[{item}]" for item in value if isinstance(item, str))
        raise Refusal("groups are lists in a list", quoted(f"[{right}]") if right else None)
    return tuple(parse_targets(group) for group in value)


def resolve_all(targets: Sequence[Target], roster: Roster, stream: Stream) -> tuple[HostEntry, ...]:
    """The hosts of several targets, each host once, in roster order."""
    found = {host.index: host for target in targets for host in target.resolve(roster, stream)}
    return tuple(found[index] for index in sorted(found))
