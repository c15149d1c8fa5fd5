"""Targets: the one grammar for whom a fault, a load or a link is about.

    workers-2 | workers | all workers | any 2 of workers | 70% of backends in eu | minority of stores
    zone a | rack r1 | region eu | any zone | workers in any rack | stores but leader | there
    leader | leader of range 7 | a <-> b | a -> b

Parsing knows no hosts; a target meets the roster when it is checked and draws from a named stream when it strikes.
Roles that hosts take at run time (`leader`), and the host that a fault waited for (`there`), are parsed here and left
to the running world: a roster cannot know them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction as Exact
from itertools import islice
from typing import Literal, Protocol, TypeAlias

from simkit.kernel.stream import Stream
from simkit.language.problem import Refusal, quoted
from simkit.language.roster import RESERVED, HostEntry, Roster

Quantifier = Literal["all", "any", "percent", "minority", "majority"]
PlaceKind = Literal["zone", "rack", "region"]
_PLACES: Mapping[str, PlaceKind] = {"zone": "zone", "rack": "rack", "region": "region"}

_ANY = re.compile(r"any ([0-9]{1,9}) of (.+)\Z")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?% of (.+)\Z")
_PART = re.compile(r"(all|minority|majority)(?: of)? (.+)\Z")
_PLACE = re.compile(r"(zone|rack|region) (\S+)\Z")
_ANY_PLACE = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_-]*) in )?any (zone|rack|region)\Z")
_PLAIN = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?: in (?:(?:zone|rack|region) )?([A-Za-z_][A-Za-z0-9_-]*))?\Z")
_ROLE = re.compile(r"([a-z][a-z_]{0,40}) of ([A-Za-z0-9_. -]{1,80})\Z")
_BUT = re.compile(r"(.+?) but (.+)\Z")
_LINK = re.compile(r"(.+?)\s*(<->|->)\s*(.+)\Z")
TARGETS_MAX = 1000
WELL_KNOWN_ROLES = frozenset({"leader", "primary", "coordinator", "master"})


@dataclass(frozen=True, slots=True)
class Named:
    """A host, group, zone, rack or region by its name, or the part of it in one of those places."""

    name: str
    place: str | None = None


@dataclass(frozen=True, slots=True)
class InPlace:
    """Every host of a zone, rack or region."""

    kind: PlaceKind
    name: str


@dataclass(frozen=True, slots=True)
class AnyPlace:
    """Every host, or every host of one group, in a zone, rack or region that is drawn: what fails together."""

    kind: PlaceKind
    group: str | None = None


@dataclass(frozen=True, slots=True)
class There:
    """The host where the event was emitted, or the point reached, that the fault waited for."""


@dataclass(frozen=True, slots=True)
class DynamicRole:
    """Whoever holds a role at that moment: `leader`, `leader of range 7`."""

    role: str
    scope: str | None = None


Domain: TypeAlias = Named | InPlace | AnyPlace | There | DynamicRole


class Present(Protocol):
    """What only the running world knows."""

    @property
    def there(self) -> str | None:
        """The host that the fault waited for."""
        ...

    def holder(self, role: str, scope: str | None) -> str | None:
        """Who holds a role, None if nobody has taken it yet."""
        ...


Spare = Callable[[HostEntry], bool]
"""Asked of one host after the other whether it may be struck besides those for which the answer was yes."""


@dataclass(frozen=True, slots=True)
class Target:
    """Some or all hosts of a domain. `amount` is the number for `any`, the percentage for `percent`.

    Who is in `but` is left alone; a share is still a share of the whole domain.
    """

    text: str
    domain: Domain
    quantifier: Quantifier = "all"
    amount: Exact = Exact(0)
    but: Target | None = None

    @property
    def drawn(self) -> bool:
        """True if the hosts are chosen at random, anew at each strike."""
        place = isinstance(self.domain, AnyPlace)
        return self.quantifier != "all" or place or (self.but is not None and self.but.drawn)

    def dynamic(self, roster: Roster) -> bool:
        """True if only the running system knows who is meant; a group that is called `leader` is just a group."""
        if self.but is not None and self.but.dynamic(roster):
            return True
        match self.domain:
            case DynamicRole(role, None):
                return role not in roster
            case DynamicRole() | There():
                return True
        return False

    def candidates(self, roster: Roster, present: Present | None = None) -> tuple[HostEntry, ...]:
        """The hosts to choose from, in roster order; raises `Refusal` for an unknown word or an empty set."""
        found = self._everybody(roster, present)
        if self.but is None:
            return found
        spared = {host.index for host in self.but.candidates(roster, present)}
        left = tuple(host for host in found if host.index not in spared)
        if not left and present is None:
            raise Refusal(f"target {quoted(self.text)} matches no host")
        return left

    def _everybody(self, roster: Roster, present: Present | None) -> tuple[HostEntry, ...]:
        match self.domain:
            case InPlace(kind, name):
                return roster.in_place(name, self.text, kind)
            case Named(name, None):
                return roster.named(name, self.text)
            case DynamicRole(name, None) if name in roster:
                return roster.named(name, self.text)
            case Named(name, str(place)):
                roster.in_place(place, self.text)
                found = tuple(
                    host for host in roster.named(name, self.text) if place in (host.zone, host.rack, host.region)
                )
                if not found:
                    raise Refusal(f"target {quoted(self.text)} matches no host")
                return found
            case AnyPlace(kind, group):
                hosts = roster.named(group, self.text) if group else roster.hosts
                found = tuple(host for host in hosts if host.place(kind) is not None)
                if not found:
                    raise Refusal(f"target {quoted(self.text)}: no host has a {kind}")
                return found
        if present is None:
            raise Refusal(f"who is {quoted(self.text)} is only known while the system runs")
        match self.domain:
            case DynamicRole(role, scope):
                holder = present.holder(role, scope)
            case _:
                holder = present.there
        return () if holder is None else (roster.by_name[holder],)

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

    def resolve(
        self, roster: Roster, stream: Stream, present: Present | None = None, spare: Spare | None = None
    ) -> tuple[HostEntry, ...]:
        """The hosts struck, in roster order. Draws from `stream` only if there is a choice to make.

        With `spare` fewer than asked for, or none, where it says no; a target without a choice is not asked about.
        """
        found = self.candidates(roster, present)
        everybody = len(self._everybody(roster, present))
        if isinstance(self.domain, AnyPlace):
            kind = self.domain.kind
            places = list(dict.fromkeys(host.place(kind) for host in found))
            place = stream.choice(places) if places else None
            found = tuple(host for host in found if host.place(kind) == place)
            everybody = len(found)
        if self.quantifier == "all" or not found:
            return found
        wanted = min(self.size(everybody), len(found))
        order = stream.sample(found, wanted if spare is None else len(found))
        chosen = order if spare is None else islice((host for host in order if spare(host)), wanted)
        return tuple(sorted(chosen, key=lambda host: host.index))


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """The links from every host of one side to every host of the other, and back if `both`."""

    text: str
    source: Target
    target: Target
    both: bool


@dataclass(frozen=True, slots=True)
class MeshTarget:
    """A router, or the link of the mesh between two names, in both directions if `both`."""

    text: str
    names: tuple[str, ...]
    both: bool = True

    @property
    def parts(self) -> tuple[str | tuple[str, str], ...]:
        """What fails in the mesh: the node, or each direction of the link."""
        if len(self.names) == 1:
            return self.names
        source, target = self.names
        return ((source, target), (target, source)) if self.both else ((source, target),)


def parse_mesh(value: object, *, links: bool) -> tuple[MeshTarget, ...]:
    """Routers, or links of the mesh with `links`: one, or a list; raises `Refusal`."""
    phrases = value if isinstance(value, (list, tuple)) else [value]
    if not 0 < len(phrases) <= TARGETS_MAX:
        raise Refusal(f"a list of targets has 1 to {TARGETS_MAX:,} entries, not {len(phrases):,}")
    return tuple(_mesh_target(phrase, links) for phrase in phrases)


def _mesh_target(phrase: object, links: bool) -> MeshTarget:
    text = " ".join(phrase.split()) if isinstance(phrase, str) else ""
    match = _LINK.match(text)
    names = (match[1], match[3]) if match else (text,)
    if bool(match) != links or not all(_PLAIN.match(name) and " " not in name for name in names):
        wanted = "a link of the graph, `paris <-> london` or `paris -> london`" if links else "the name of a router"
        raise Refusal(f"this fault is aimed at {wanted}, not at {quoted(phrase)}")
    return MeshTarget(text, names, match is None or match[2] == "<->")


def parse_target(text: object) -> Target:
    """Read a target expression; raises `Refusal`."""
    if not isinstance(text, str) or not text.strip():
        raise Refusal("a target is a phrase such as `workers-2`, `workers`, `any 2 of workers` or `zone eu`")
    phrase = " ".join(text.split())
    if match := _BUT.match(phrase):
        if _BUT.match(match[2]):
            raise Refusal(f"target {quoted(phrase)} leaves out more than once; leave out one group, zone or host")
        return replace(parse_target(match[1]), text=phrase, but=parse_target(match[2]))
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
    if phrase == "there":
        return There()
    if match := _ANY_PLACE.match(phrase):
        return AnyPlace(_PLACES[match[2]], match[1])
    if match := _PLACE.match(phrase):
        return InPlace(_PLACES[match[1]], match[2])
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


def resolve_all(
    targets: Sequence[Target],
    roster: Roster,
    stream: Stream,
    present: Present | None = None,
    spare: Spare | None = None,
) -> tuple[HostEntry, ...]:
    """The hosts of several targets, each host once, in roster order."""
    found = {host.index: host for target in targets for host in target.resolve(roster, stream, present, spare)}
    return tuple(found[index] for index in sorted(found))
