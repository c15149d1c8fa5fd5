"""The hosts of a scenario, by name, group and zone.

Groups are what a file declares under `hosts:`; a group of six is `workers-0` to `workers-5`, a host without a count
carries its group's name alone. Zones are handed out in turn. Host, group and zone names share one namespace, so that a
bare word in a target means one thing. Deliberately not simulated machines: this is the list they are made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from simkit.language.model import ClockModel
from simkit.language.problem import Position, Refusal, nearest_name, quoted

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}\Z")
RESERVED = frozenset(
    {
        "all",
        "any",
        "of",
        "in",
        "on",
        "but",
        "there",
        "zone",
        "rack",
        "region",
        "minority",
        "majority",
        "default",
        "after",
        "when",
        "begins",
        "ends",
        "point",
    }
)


@dataclass(frozen=True, slots=True)
class HostEntry:
    """One machine to be made. `index` counts over the whole scenario, `number` within the group."""

    name: str
    group: str
    index: int
    number: int
    role: str
    zone: str | None
    disk: str
    cores: int
    clock: ClockModel
    rack: str | None = None
    region: str | None = None

    def place(self, kind: str) -> str | None:
        """Its zone, rack or region."""
        return {"zone": self.zone, "rack": self.rack, "region": self.region}[kind]


@dataclass(frozen=True)
class Roster:
    """All hosts in file order, and where each group was declared."""

    hosts: tuple[HostEntry, ...]
    positions: Mapping[str, Position] = field(compare=False)

    def __len__(self) -> int:
        return len(self.hosts)

    def __contains__(self, word: str) -> bool:
        return word in self.groups or word in self.by_name or word in self.places

    @cached_property
    def by_name(self) -> dict[str, HostEntry]:
        return {host.name: host for host in self.hosts}

    @cached_property
    def groups(self) -> dict[str, tuple[HostEntry, ...]]:
        return _collected((host.group, host) for host in self.hosts)

    @cached_property
    def zones(self) -> dict[str, tuple[HostEntry, ...]]:
        return _collected((host.zone, host) for host in self.hosts if host.zone is not None)

    @cached_property
    def racks(self) -> dict[str, tuple[HostEntry, ...]]:
        return _collected((host.rack, host) for host in self.hosts if host.rack is not None)

    @cached_property
    def regions(self) -> dict[str, tuple[HostEntry, ...]]:
        return _collected((host.region, host) for host in self.hosts if host.region is not None)

    @cached_property
    def places(self) -> dict[str, tuple[HostEntry, ...]]:
        """Zones, racks and regions by their names."""
        return {**self.regions, **self.racks, **self.zones}

    def named(self, word: str, within: str) -> tuple[HostEntry, ...]:
        """The hosts a bare word stands for; `within` is the text to show if it stands for none."""
        if word in self.groups:
            return self.groups[word]
        if word in self.by_name:
            return (self.by_name[word],)
        if word in self.places:
            return self.places[word]
        raise self._unknown(word, within)

    def in_place(self, name: str, within: str, kind: str | None = None) -> tuple[HostEntry, ...]:
        """The hosts of a zone, rack or region; with `kind` only of that kind."""
        places = {"zone": self.zones, "rack": self.racks, "region": self.regions}.get(kind or "", self.places)
        if name in places:
            return places[name]
        near = nearest_name(name, places)
        noun = kind or "zone"
        known = f"{noun}s are {', '.join(sorted(places))}" if places else f"no host has a {noun}"
        raise Refusal(f"unknown {noun} {quoted(name)} in {quoted(within)}; {known}", near and self.described(near))

    def described(self, word: str) -> str:
        """A word with its size: `workers` (6 hosts)."""
        found = self.groups.get(word) or self.places.get(word)
        if found is None:
            return f"{quoted(word)} (a host)"
        return f"{quoted(word)} ({len(found)} host{'s' * (len(found) != 1)})"

    def _unknown(self, word: str, within: str) -> Refusal:
        inside = f" in {quoted(within)}" if word != within else ""
        message = f"unknown target {quoted(word)}{inside}"
        group, dash, number = word.rpartition("-")
        if dash and number.isdigit() and group in self.groups:
            names = [host.name for host in self.groups[group]]
            span = names[0] if len(names) == 1 else f"{names[0]} .. {names[-1]}"
            return Refusal(f"{message}; {quoted(group)} is {span}", quoted(names[-1]))
        near = nearest_name(word, [*self.groups, *self.places])
        if near is None and len(self.hosts) <= 1000:
            near = nearest_name(word, self.by_name)
        return Refusal(message, near and self.described(near))


def _collected(pairs: Iterable[tuple[str, HostEntry]]) -> dict[str, tuple[HostEntry, ...]]:
    lists: dict[str, list[HostEntry]] = {}
    for key, host in pairs:
        lists.setdefault(key, []).append(host)
    return {key: tuple(members) for key, members in lists.items()}


def check_name(name: str, noun: str) -> None:
    """Raise `Refusal` unless `name` can be used as a word of the language."""
    if not NAME.match(name):
        message = f"{quoted(name)} cannot name a {noun}: letters, digits, _ and -, at most 63, a letter first"
        raise Refusal(message)
    if name in RESERVED:
        raise Refusal(f"{quoted(name)} is a word of the language and cannot name a {noun}")
