"""From one merged tree to a resolved scenario.

Section by section: the file's own models first, then what the system's card and the faults add, then whether it makes
sense together. Problems are noted and reading goes on while that is cheap, so one run of the reader shows many.
Deliberately ignorant of files: `scenario.py` finds, merges and overrides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NoReturn

from pydantic import BaseModel

from simkit.fault import Reconfiguring
from simkit.hosts.disk_model import MODELS as DISKS
from simkit.language.binding import bind
from simkit.language.budget import Allowance
from simkit.language.change import check_change
from simkit.language.expectation import Expected, check_names, parse_expectation
from simkit.language.injection import Injection, is_empty, read_injection
from simkit.language.library import Source, without
from simkit.language.limits import Limits
from simkit.language.model import HostModel, ScenarioModel
from simkit.language.overlay import set_path
from simkit.language.problem import Position, Problem, Problems, Refusal, ScenarioError, listed, nearest_quoted, quoted
from simkit.language.resolved import LoadSpec, Scenario, Swarm, Sweep
from simkit.language.roster import HostEntry, Roster, check_name
from simkit.language.sense import Setting, allowance_of, check_injections, check_target, static_hosts
from simkit.language.target import Target, parse_targets
from simkit.language.text import Entry, MappingNode, Node, ScalarNode, SequenceNode, moved, plain_of, write_text
from simkit.language.units import Duration, exact_duration
from simkit.language.vocabulary import CardWords, Registry, family
from simkit.language.wiring import Wiring, check_keys, read_wiring
from simkit.registry import NotInstalled

_DURATION_MAX = Duration(2**63 - 1)
"""The length of a run that could not be read: nothing is too late for it."""

_LIMITS = {"load": "loads", "network": "links", "expect": "expectations", "budget": "budgets"}
"""What the limit of a section's entries is called, where that is another word."""


class Reader:
    """Reads one tree into a scenario, noting every problem on the way."""

    def __init__(self, source: Source, registry: Registry, limits: Limits) -> None:
        self.source = source
        self.registry = registry
        self.limits = limits
        self.problems = Problems(limits.problems)
        self._rosters: list[tuple[Node, CardWords, Roster]] = []

    def read(self, tree: MappingNode, variant: str | None) -> Scenario:
        """The scenario that a merged tree means; raises `ScenarioError`."""
        self.problems = Problems(self.limits.problems)
        self._check_sizes(tree)
        model = bind(ScenarioModel, without(tree, "extends"), "", self.problems)
        card = self._card(tree)
        if self.problems:
            self._read_on(card, tree)
        assert model is not None
        assert card is not None
        roster = self._roster(model, card, tree)
        if self.problems:
            self._read_on(card, tree)
        scenario = self._resolved(model, card, roster, tree, variant)
        self._stop_if_wrong()
        return scenario

    def _read_on(self, card: CardWords | None, tree: MappingNode) -> NoReturn:
        """Note what can still be told of a file whose frame or whose hosts are wrong, and raise `ScenarioError`."""
        self._injections(tree)
        if card is not None:
            self._config(card, (), tree)
            self._expectations(card, tree, _DURATION_MAX)
        raise ScenarioError(self.problems, self.limits.problems)

    def _resolved(
        self, model: ScenarioModel, card: CardWords, roster: Roster, tree: MappingNode, variant: str | None
    ) -> Scenario:
        self._check_lengths(model, tree)
        self._stop_if_wrong()
        wiring = read_wiring(model.network, _section(tree, "network"), roster, self.problems)
        seed = ScalarNode(tree.position, str(model.seed))
        entries = {**tree.entries, "seed": tree.entries.get("seed", Entry(tree.position, seed))}
        faults = self._faults(card, roster, wiring, tree, model.duration)
        return Scenario(
            name=self.source.name,
            file=self.source.shown,
            title=model.title,
            system=model.system,
            seed=model.seed,
            variant=variant,
            start_ns=model.start,
            duration=model.duration,
            warmup=model.warmup,
            roster=roster,
            wiring=wiring,
            config=MappingProxyType(self._config(card, roster.hosts, tree)),
            loads=self._loads(card, roster, tree, model.duration),
            faults=faults,
            budget=tuple(self._budget(model, roster, tree, faults)),
            swarm=self._swarm(model, tree, faults),
            expectations=self._expectations(card, tree, model.duration),
            variants=tuple(model.variants),
            sweep=self._sweep(tree),
            supervise=model.supervise,
            source=_lines(model.source),
            claims=_lines(model.claims),
            simplified=_lines(model.simplified),
            limits=model.limits,
            document=MappingNode(tree.position, entries, tree.flow),
        )

    def _stop_if_wrong(self) -> None:
        if self.problems:
            raise ScenarioError(self.problems, self.limits.problems)

    def _refuse(self, position: Position, message: str, nearest: str | None = None) -> None:
        self.problems.append(Problem(position, message, nearest))

    def _check_sizes(self, tree: MappingNode) -> None:
        """Counts first, so that nothing large is ever built."""
        for key, limit in (
            ("faults", self.limits.faults), ("load", self.limits.loads), ("network", self.limits.links),
            ("expect", self.limits.expectations), ("variants", self.limits.variants), ("budget", self.limits.budgets),
        ):  # fmt: skip
            node = tree.get(key)
            size = len(node.entries) if isinstance(node, MappingNode) else len(getattr(node, "items", ()))
            if node is not None and size > limit:
                name = _LIMITS.get(key, key)
                self._refuse(node.position, f"the limit {name} of {limit:,} is exceeded")
            if isinstance(node, MappingNode) and key == "network":
                check_keys(node, self.problems)
            elif isinstance(node, MappingNode) and key != "budget":
                self._check_names(node, {"faults": "fault", "variants": "variant"}.get(key, key))
        self._stop_if_wrong()

    def _check_names(self, section: MappingNode, noun: str) -> None:
        for name, entry in section.entries.items():
            try:
                check_name(name, noun)
            except Refusal as refusal:
                self.problems.append(refusal.at(entry.key_position))

    def _card(self, tree: MappingNode) -> CardWords | None:
        node = tree.get("system")
        if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
            return None
        known = self.registry.systems()
        if node.value not in known:
            there = f"; there are {listed(known, 40)}" if known else "; none is installed"
            there += "; name a system of your own with --system MODULE:CARD"
            near = nearest_quoted(node.value, known)
            self._refuse(node.position, f"unknown system {quoted(node.value)}{there}", near)
            return None
        try:
            return self.registry.card(node.value)
        except NotInstalled as error:
            self._refuse(node.position, str(error))
        return None

    def _check_lengths(self, model: ScenarioModel, tree: MappingNode) -> None:
        if model.duration == 0:
            self._refuse(tree.entries["duration"].node.position, "a run that lasts no time shows nothing")
        elif model.warmup >= model.duration:
            end = f"`duration: {exact_duration(model.duration)}`"
            self._refuse(tree.entries["warmup"].node.position, f"the warm-up is not over before the run ends ({end})")

    def _roster(self, model: ScenarioModel, card: CardWords, tree: MappingNode) -> Roster:
        section = _section(tree, "hosts")
        assert section is not None
        for node, known, roster in self._rosters:
            # Most variants leave the hosts alone: the same section is the same roster.
            if node is section and known is card:
                return roster
        total = sum(host.count or 1 for host in model.hosts.values())
        if total > self.limits.hosts:
            self._refuse(section.position, f"{total:,} hosts; the limit hosts of {self.limits.hosts:,} is exceeded")
            self._stop_if_wrong()
        for name, host in model.hosts.items():
            self._check_host(name, host, card, section.entries[name])
        roster = _roster_of(model.hosts, section)
        self._check_one_namespace(roster, section)
        for name, host in model.hosts.items():
            self._check_time_servers(name, host, roster, section.entries[name])
        if not self.problems:
            self._rosters.append((section, card, roster))
        return roster

    def _check_host(self, name: str, host: HostModel, card: CardWords, entry: Entry) -> None:
        try:
            check_name(name, "host")
        except Refusal as refusal:
            self.problems.append(refusal.at(entry.key_position))
        for kind in ("zone", "rack", "region"):
            one, several = getattr(host, kind), getattr(host, f"{kind}s")
            for name_of_place in several or ((one,) if one else ()):
                try:
                    check_name(name_of_place, kind)
                except Refusal as refusal:
                    self.problems.append(refusal.at(_place(entry, f"{kind}s" if several else kind)))
        if host.role not in card.roles:
            message = f"unknown role {quoted(host.role)}; {card.name} has {listed(card.roles)}"
            self._refuse(_place(entry, "role"), message, nearest_quoted(host.role, card.roles))
        if host.disk not in DISKS:
            message = f"unknown disk {quoted(host.disk)}; there are {listed(DISKS)}"
            self._refuse(_place(entry, "disk"), message, nearest_quoted(host.disk, DISKS))

    def _check_time_servers(self, name: str, host: HostModel, roster: Roster, entry: Entry) -> None:
        for server in host.clock.ntp.servers if host.clock.ntp else ():
            known = {**roster.groups, **roster.by_name}
            if server not in known:
                message = f"unknown host or group {quoted(server)} in `ntp`"
                self._refuse(_place(entry, "clock"), message, nearest_quoted(server, known))
            elif server == name or roster.by_name.get(server) in roster.groups[name]:
                self._refuse(_place(entry, "clock"), f"{quoted(name)} cannot ask itself for the time")

    def _check_one_namespace(self, roster: Roster, section: MappingNode) -> None:
        kinds = (("zone", roster.zones), ("rack", roster.racks), ("region", roster.regions))
        for name, entry in section.entries.items():
            if name in roster.by_name and roster.by_name[name].group != name:
                other = roster.by_name[name].group
                self._refuse(entry.key_position, f"{quoted(name)} is already a host of group {quoted(other)}")
            for kind, places in kinds:
                if name in places:
                    message = f"{quoted(name)} names both hosts and a {kind}; one of them must change"
                    self._refuse(entry.key_position, message)
        for kind, places in kinds:
            for place, hosts in places.items():
                if place in roster.by_name and place not in section.entries:
                    position = section.entries[hosts[0].group].key_position
                    self._refuse(position, f"{quoted(place)} is a {kind} and a host")
        for kind, places, around in (("rack", roster.racks, "zone"), ("zone", roster.zones, "region")):
            self._check_nesting(kind, places, around, roster, section)
        for region in roster.regions.keys() & {*roster.zones, *roster.racks}:
            position = section.entries[roster.regions[region][0].group].key_position
            self._refuse(position, f"{quoted(region)} is a region and a zone or rack")

    def _check_nesting(
        self, kind: str, places: Mapping[str, tuple[HostEntry, ...]], around: str, roster: Roster, section: MappingNode
    ) -> None:
        """A rack stands in one zone, a zone in one region."""
        for name, hosts in places.items():
            position = section.entries[hosts[0].group].key_position
            found = list(dict.fromkeys(place for host in hosts if (place := host.place(around)) is not None))
            if kind == "rack" and name in roster.zones:
                self._refuse(position, f"{quoted(name)} is a rack and a zone")
            elif len(found) > 1:
                message = f"{kind} {quoted(name)} would stand in {around}s {listed(found)}; a {kind} stands in one"
                self._refuse(position, message)

    def _config(self, card: CardWords, hosts: Sequence[HostEntry], tree: MappingNode) -> dict[str, BaseModel]:
        section = _section(tree, "config")
        given = section.entries if section else {}
        for role, entry in given.items():
            if role not in card.roles:
                message = f"unknown role {quoted(role)} in `config`; {card.name} has {listed(card.roles)}"
                self._refuse(entry.key_position, message, nearest_quoted(role, card.roles))
        played = {host.role for host in hosts}
        bound: dict[str, BaseModel] = {}
        for role, words in card.roles.items():
            if role not in given and role not in played:
                continue
            node = given[role].node if role in given else MappingNode(tree.position, {})
            config = bind(words.config, node, f"config.{role}", self.problems)
            if config is not None:
                bound[role] = config
        return bound

    def _loads(self, card: CardWords, roster: Roster, tree: MappingNode, duration: Duration) -> tuple[LoadSpec, ...]:
        section = _section(tree, "load")
        if section is None:
            return ()
        if card.load is None:
            self._refuse(section.position, f"nothing arrives at {card.name} from outside; leave `load` out")
            return ()
        found: list[LoadSpec] = []
        checked: set[str] = set()
        for name, entry in section.entries.items():
            model = bind(card.load, entry.node, f"load.{name}", self.problems)
            origin = entry.node.get("from") if isinstance(entry.node, MappingNode) else None
            if model is None or origin is None:
                continue
            targets = self._origins(origin, card, roster, checked)
            begin = getattr(model, "start", None)
            if isinstance(begin, Duration) and begin >= duration:
                self._refuse(_place(entry, "start"), f"{quoted(name)} starts after the end")
            found.append(LoadSpec(name, model, targets, entry.key_position))
        return tuple(found)

    def _origins(self, node: Node, card: CardWords, roster: Roster, checked: set[str]) -> tuple[Target, ...]:
        try:
            targets = parse_targets(plain_of(node))
            for target in targets:
                if target.text in checked:
                    continue
                checked.add(target.text)
                check_target(target, card, roster)
                indices = static_hosts(target, roster)
                if indices is None:
                    raise Refusal(f"load comes from fixed hosts; {quoted(target.text)} is drawn at random")
                for role in dict.fromkeys(roster.hosts[index].role for index in sorted(indices)):
                    if not getattr(card.roles[role], "takes_load", True):
                        takers = [word for word, other in card.roles.items() if getattr(other, "takes_load", True)]
                        raise Refusal(f"role {quoted(role)} offers no load; {listed(takers) or 'no role'} can")
        except Refusal as refusal:
            self.problems.append(refusal.at(node.position))
            return ()
        return targets

    def _faults(
        self, card: CardWords, roster: Roster, wiring: Wiring, tree: MappingNode, duration: Duration
    ) -> tuple[Injection, ...]:
        before = len(self.problems)
        found, unread = self._injections(tree)
        check_injections(Setting(card, roster, duration, found, wiring, unread), self.problems)
        if len(self.problems) == before:
            for injection in found.values():
                if isinstance(injection.fault, Reconfiguring):
                    check_change(injection, injection.fault, card, roster, tree, self.problems)
        return tuple(found.values())

    def _injections(self, tree: MappingNode) -> tuple[dict[str, Injection], frozenset[str]]:
        """Read the entries of `faults:` each by itself; return them by name, and the names of those that are wrong."""
        section = _section(tree, "faults")
        entries = section.entries if section else {}
        known = self.registry.faults()
        read = {name: read_injection(name, entry, known, self.problems) for name, entry in entries.items()}
        found = {name: injection for name, injection in read.items() if injection is not None}
        return found, frozenset(read.keys() - found.keys())

    def _budget(
        self, model: ScenarioModel, roster: Roster, tree: MappingNode, faults: tuple[Injection, ...]
    ) -> Iterator[Allowance]:
        section = _section(tree, "budget")
        for phrase, budget in model.budget.items() if section else ():
            assert section is not None
            place = section.entries[phrase].key_position
            try:
                yield allowance_of(phrase, budget.down, int(budget.settle), roster, faults)
            except Refusal as refusal:
                self.problems.append(refusal.at(place))
            except ScenarioError as error:
                self.problems += error.problems

    def _swarm(self, model: ScenarioModel, tree: MappingNode, faults: tuple[Injection, ...]) -> Swarm | None:
        if model.swarm is None:
            return None
        section = _section(tree, "faults")
        names = tuple(section.entries) if section else ()
        for name in model.swarm.of or ():
            if name not in names:
                message = f"unknown fault {quoted(name)} in `swarm`"
                self._refuse(tree.entries["swarm"].node.position, message, nearest_quoted(name, names))
        chosen = [each for each in faults if model.swarm.of is None or each.name in model.swarm.of]
        if model.swarm.by == "family":
            lots = {each.name: f"swarm/family {family(type(each.fault))}" for each in chosen}
        else:
            lots = {each.name: f"swarm/{each.name}" for each in chosen}
        return Swarm(float(model.swarm.keep), lots)

    def _expectations(self, card: CardWords, tree: MappingNode, duration: Duration) -> tuple[Expected, ...]:
        section = tree.get("expect")
        found: dict[str, Expected] = {}
        for item in section.items if isinstance(section, SequenceNode) else ():
            try:
                expectation = parse_expectation(plain_of(item))
                check_names(expectation, card)
                if expectation.kind == "eventually" and expectation.within > duration:
                    raise Refusal(f"{quoted(expectation.text)} waits longer than the run lasts")
                if expectation.text in found:
                    raise Refusal(f"{quoted(expectation.text)} is expected twice")
                found[expectation.text] = Expected(expectation, item.position)
            except Refusal as refusal:
                self.problems.append(refusal.at(item.position))
        return tuple(found.values())

    def _sweep(self, tree: MappingNode) -> Sweep | None:
        section = _section(tree, "sweep")
        if section is None:
            return None
        vary = section.get("vary")
        entries = vary.entries if isinstance(vary, MappingNode) else {}
        for path, entry in entries.items():
            values = entry.node.items if isinstance(entry.node, SequenceNode) else ()
            if not values:
                self._refuse(entry.node.position, f"{quoted(path)} varies over no value")
            for value in values:
                try:
                    set_path(without(tree, "sweep"), path, value, entry.key_position)
                except ScenarioError as error:
                    self.problems += error.problems
                    break
        sweep = Sweep(tuple((path, _values(entry.node)) for path, entry in entries.items()), _seeds(section))
        if sweep.runs > self.limits.sweep:
            self._refuse(section.position, f"{sweep.runs:,} runs; the limit sweep of {self.limits.sweep:,} is exceeded")
        return sweep


def _section(tree: MappingNode, key: str) -> MappingNode | None:
    node = tree.get(key)
    return node if isinstance(node, MappingNode) and not is_empty(node) else None


def _place(entry: Entry, key: str) -> Position:
    node = entry.node.get(key) if isinstance(entry.node, MappingNode) else None
    return node.position if node is not None else entry.key_position


def _lines(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _values(node: Node) -> tuple[str, ...]:
    """The values of a list as `--set` takes them: one line of YAML each."""
    items = node.items if isinstance(node, SequenceNode) else ()
    return tuple(" ".join(write_text(moved(item, item.position)).split()).removesuffix(" ...") for item in items)


def _seeds(section: MappingNode) -> int:
    node = section.get("seeds")
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, int) else 1


def _roster_of(models: Mapping[str, HostModel], section: MappingNode) -> Roster:
    hosts = tuple(_hosts(models))
    return Roster(hosts, {name: section.entries[name].key_position for name in models})


def _hosts(models: Mapping[str, HostModel]) -> Iterator[HostEntry]:
    index = 0
    for group, model in models.items():
        zones = model.zones or (model.zone,)
        racks = model.racks or (model.rack,)
        regions = model.regions or (model.region,)
        for number in range(model.count or 1):
            yield HostEntry(
                name=group if model.count is None else f"{group}-{number}",
                group=group,
                index=index,
                number=number,
                role=model.role,
                zone=zones[number % len(zones)],
                rack=racks[number % len(racks)],
                region=regions[number % len(regions)],
                disk=model.disk,
                cores=model.cores,
                clock=model.clock,
            )
            index += 1
