"""Whether the faults of a scenario make sense together, with its hosts and with its length.

Asked before anything runs: a target that matches no host, a fault after the end, an event nobody emits, faults that
wait for each other or cannot both hold. What only a run can tell (who leads, when an event comes) is deliberately left
to the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from simkit.language.budget import Allowance
from simkit.language.injection import Injection
from simkit.language.moment import FaultEdge, Moment, Occurrence, PointReached
from simkit.language.problem import Position, Problem, Refusal, ScenarioError, listed, nearest_quoted, quoted
from simkit.language.roster import Roster
from simkit.language.target import (
    WELL_KNOWN_ROLES,
    DynamicRole,
    LinkTarget,
    MeshTarget,
    Target,
    There,
    parse_target,
)
from simkit.language.units import Duration, exact_duration, format_duration
from simkit.language.vocabulary import CardWords, dynamic_roles, event_names, point_names, role_scope
from simkit.language.wiring import Wiring

LINKS_MAX = 1_000_000
"""Links that one strike may be about."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the faults are judged against."""

    card: CardWords
    roster: Roster
    duration: Duration
    injections: Mapping[str, Injection]
    wiring: Wiring | None = None
    unread: frozenset[str] = frozenset()  # faults that are wrong: whoever waits for one makes no second mistake
    masks: dict[str, int] = field(default_factory=dict, compare=False)

    def mask(self, target: Target) -> int:
        """The hosts of a target as bits, 0 if only a run can tell; each text is worked out once."""
        if target.text not in self.masks:
            indices = static_hosts(target, self.roster) or ()
            self.masks[target.text] = sum(1 << index for index in indices)
        return self.masks[target.text]


def check_target(target: Target, card: CardWords, roster: Roster) -> int:
    """Raise `Refusal` unless the target can be resolved, now or by the running system; return how many hosts it is."""
    if isinstance(target.domain, There):
        return 1
    if isinstance(target.domain, DynamicRole) and target.dynamic(roster):
        _check_role(target, target.domain, card, roster)
        return 1
    plain = replace(target, but=None)
    size = target.size(len(plain.candidates(roster)))
    if target.but is None:
        return size
    spared = check_target(target.but, card, roster)
    if not target.but.dynamic(roster) and not target.but.drawn:
        left = len(target.candidates(roster))
    else:
        left = len(plain.candidates(roster)) - spared
    if left < 1:
        raise Refusal(f"target {quoted(target.text)} matches no host")
    return min(size, left)


def _check_role(target: Target, domain: DynamicRole, card: CardWords, roster: Roster) -> None:
    role, known = domain.role, dynamic_roles(card)
    if role not in known:
        if role in WELL_KNOWN_ROLES or known:
            there = f"has {listed(known)}" if known else "has none"
            message = f"{quoted(target.text)} is a role that hosts take while the system runs; {card.name} {there}"
            raise Refusal(message, nearest_quoted(role, [*known, *roster.groups]))
        raise Refusal(f"cannot read target {quoted(target.text)}; write for example `any 2 of workers`")
    noun = role_scope(card, role)
    if noun is None:
        return
    if noun and (domain.scope is None or domain.scope.split()[0] != noun):
        raise Refusal(f"{quoted(target.text)}: there is one {role} for each {noun}", quoted(f"{role} of {noun} 1"))
    if not noun and domain.scope is not None:
        raise Refusal(f"{quoted(target.text)}: {card.name} has one {role}", quoted(role))


def static_hosts(target: Target, roster: Roster) -> frozenset[int] | None:
    """The indices of the hosts meant, if the file alone decides that."""
    if target.drawn or target.dynamic(roster):
        return None
    return frozenset(host.index for host in target.candidates(roster))


def check_injections(setting: Setting, problems: list[Problem]) -> None:
    """Note everything about the faults that cannot be meant."""
    before = len(problems)
    for injection in setting.injections.values():
        _note(problems, injection.aim_position, _check_aim, injection, setting)
        for key, moment in (("at", injection.timing.at), ("until", injection.timing.until)):
            if moment is not None:
                _note(problems, injection.places.get(key, injection.position), _check_moment, moment, setting)
    if len(problems) > before or setting.unread:
        return
    begins = begin_times(setting.injections, problems)
    for injection in setting.injections.values():
        place = injection.places.get("at", injection.position)
        _note(problems, place, _check_times, injection, begins, setting)
    if len(problems) == before:
        _check_pairs(setting, begins, problems)


def _note(problems: list[Problem], place: Position, judge: Callable[..., None], *judged: object) -> None:
    try:
        judge(*judged)
    except Refusal as refusal:
        problems.append(refusal.at(place))


def _check_mesh(injection: Injection, setting: Setting) -> None:
    """Routers and links that there are."""
    nodes = setting.wiring.mesh_nodes if setting.wiring is not None else ()
    if not nodes:
        raise Refusal(f"{injection.word} strikes routers and links of `network.graph`, and there is none")
    assert setting.wiring is not None
    for item in injection.aim:
        assert isinstance(item, MeshTarget)
        for name in item.names:
            if name not in nodes:
                raise Refusal(f"{quoted(name)} is not in the graph", nearest_quoted(name, nodes))
        for part in item.parts:
            if isinstance(part, tuple) and not setting.wiring.in_mesh(*part):
                raise Refusal(f"there is no link from {quoted(part[0])} to {quoted(part[1])} in the graph")


def _check_aim(injection: Injection, setting: Setting) -> None:
    if injection.target_kind in ("routers", "wires"):
        _check_mesh(injection, setting)
        return
    size = 0
    _check_links(injection, setting)
    for target in injection.host_targets:
        if uses_there(target) and not waits_somewhere(injection.timing.at):
            message = "is the host of the event or point that `at:` waits for, and this fault waits for none"
            raise Refusal(f"{quoted('there')} {message}")
        size += check_target(target, setting.card, setting.roster)
    wanted = getattr(type(injection.fault), "hosts_min", 1)
    if size < wanted:
        raise Refusal(
            f"{injection.word} makes sense for {wanted} hosts or more; {quoted(injection.aim_text)} is {size}"
        )
    every = injection.timing.every
    if every is not None and every.each:
        if injection.target_kind != "hosts":
            raise Refusal("`each` repeats for every host by itself, and this fault is not aimed at hosts")
        drawn = [target.text for target in injection.host_targets if not setting.mask(target)]
        if drawn:
            raise Refusal(f"`each` repeats for every host by itself; {quoted(drawn[0])} is not a fixed set of hosts")
    if injection.target_kind == "groups":
        _check_groups(injection, setting)


def _check_links(injection: Injection, setting: Setting) -> None:
    """A strike is worked out link by link, so there is a limit to them."""
    if injection.target_kind == "hosts":
        return

    def size(targets: Sequence[Target]) -> int:
        return sum(check_target(target, setting.card, setting.roster) for target in targets)

    groups = [size(item) for item in injection.aim if isinstance(item, tuple)]
    if len(groups) == 1:
        groups.append(len(setting.roster) - groups[0])
    links = sum(one * other for place, one in enumerate(groups) for other in groups[place + 1 :])
    links += sum(size([link.source]) * size([link.target]) for link in injection.aim if isinstance(link, LinkTarget))
    if links > LINKS_MAX:
        raise Refusal(f"{quoted(injection.aim_text)} is {links:,} links; the limit of one fault is {LINKS_MAX:,}")


def _check_groups(injection: Injection, setting: Setting) -> None:
    """One host on two sides of a partition is two faults that cannot both hold."""
    seen = 0
    for group in injection.aim:
        assert isinstance(group, tuple)
        inside = 0
        for target in group:
            inside |= setting.mask(target)
        if both := seen & inside:
            host = setting.roster.hosts[(both & -both).bit_length() - 1]
            raise Refusal(f"{quoted(host.name)} is in two groups of {injection.word}")
        seen |= inside
    if len(injection.aim) == 1 and seen.bit_count() == len(setting.roster):
        raise Refusal(f"{quoted(injection.aim_text)}: there is no host left on the other side")


def _check_moment(moment: Moment, setting: Setting) -> None:
    anchor = moment.anchor
    if isinstance(anchor, FaultEdge):
        other = setting.injections.get(anchor.fault)
        if anchor.fault in setting.unread:
            return
        if other is None:
            raise _unknown_anchor(anchor.fault, moment, setting)
        if anchor.edge == "ends" and (other.kind == "act" or other.timing.forever):
            raise Refusal(f"{quoted(moment.text)}: {quoted(anchor.fault)} never ends")
    if isinstance(anchor, Occurrence | PointReached):
        if isinstance(anchor, Occurrence):
            _check_event(anchor.event, moment, setting)
        else:
            _check_point(anchor.point, moment, setting)
        if anchor.target is not None:
            check_target(anchor.target, setting.card, setting.roster)
            if anchor.target.drawn:
                raise Refusal(f"{quoted(moment.text)}: an event is watched on fixed hosts, not on drawn ones")
            if anchor.target.dynamic(setting.roster):
                message = "an event is watched on fixed hosts, not on whoever holds a role"
                raise Refusal(f"{quoted(moment.text)}: {message}")


def _check_event(name: str, moment: Moment, setting: Setting) -> None:
    events, points = event_names(setting.card), point_names(setting.card)
    if name in points and name not in events:
        raise Refusal(f"{quoted(name)} in {quoted(moment.text)} is a fault point", quoted(f"point {name}"))
    if name not in events:
        there = f"; {setting.card.name} has {listed(events)}" if events else ""
        near = nearest_quoted(name, events)
        raise Refusal(f"unknown event {quoted(name)} in {quoted(moment.text)}{there}", near)


def _check_point(name: str | None, moment: Moment, setting: Setting) -> None:
    points = point_names(setting.card)
    declared = bool(getattr(setting.card, "points", ()))
    if name is not None and name not in points and (declared or name.startswith("disk.")):
        there = f"; {setting.card.name} has {listed(points)}"
        near = nearest_quoted(name, points)
        raise Refusal(f"unknown fault point {quoted(name)} in {quoted(moment.text)}{there}", near)


def uses_there(target: Target) -> bool:
    """Whether the target means the host that the fault waits for."""
    return isinstance(target.domain, There) or (target.but is not None and uses_there(target.but))


def waits_somewhere(moment: Moment | None) -> bool:
    """Whether a moment is at a host."""
    return moment is not None and isinstance(moment.anchor, Occurrence | PointReached)


def allowance_of(
    phrase: str, down: int | str, settle_ns: int, roster: Roster, injections: Sequence[Injection]
) -> Allowance:
    """Read one entry of `budget:`; raises `Refusal`, or `ScenarioError` at a fault that would always go beyond it."""
    target = parse_target(phrase)
    if target.drawn or target.dynamic(roster):
        raise Refusal(f"a budget is of fixed hosts; {quoted(phrase)} is not")
    members = frozenset(host.name for host in target.candidates(roster))
    most = (len(members) - 1) // 2 if down == "minority" else int(down)
    if most < 1:
        hosts = f"{len(members)} host{'s' * (len(members) != 1)}"
        raise Refusal(f"{quoted(phrase)} is {hosts}, whose largest minority is nobody")
    for injection in injections:
        if not getattr(type(injection.fault), "disables", True) or injection.target_kind != "hosts":
            continue
        for each in injection.host_targets:
            if not each.dynamic(roster) and not each.drawn:
                struck = sum(host.name in members for host in each.candidates(roster))
                if struck > most:
                    message = f"{quoted(injection.name)} strikes {struck} of {quoted(phrase)} at once"
                    problem = Problem(injection.aim_position, f"{message}; the budget allows {most}")
                    raise ScenarioError(problem)
    return Allowance(phrase, members, most, settle_ns)


def _unknown_anchor(name: str, moment: Moment, setting: Setting) -> Refusal:
    if name in event_names(setting.card):
        return Refusal(f"{quoted(name)} in {quoted(moment.text)} is an event", quoted(f"when {name}"))
    near = nearest_quoted(name, setting.injections)
    return Refusal(f"unknown fault {quoted(name)} in {quoted(moment.text)}", near)


def begin_times(injections: Mapping[str, Injection], problems: list[Problem] | None = None) -> dict[str, int | None]:
    """When each fault first strikes, in ns, or None if chance or an event decides; notes circles of waiting."""
    known: dict[str, int | None] = {}
    for name in injections:
        chain: list[str] = []
        waiting: str | None = name
        while waiting is not None and waiting not in known and waiting not in chain:
            chain.append(waiting)
            waiting = _waits_for(injections, waiting)
        if waiting in chain:
            _note_circle(injections, chain[chain.index(waiting) :], problems)
            known.update(dict.fromkeys(chain))
        for link in reversed(chain):
            if link not in known:
                known[link] = _begin(injections[link], known, injections)
    return known


def _waits_for(injections: Mapping[str, Injection], name: str) -> str | None:
    """The fault whose edge another one begins after, if any."""
    moment = injections[name].timing.at
    if moment is None or not isinstance(moment.anchor, FaultEdge) or moment.anchor.fault not in injections:
        return None
    return moment.anchor.fault


def _note_circle(injections: Mapping[str, Injection], circle: Sequence[str], problems: list[Problem] | None) -> None:
    if problems is not None:
        first = injections[circle[0]]
        message = f"faults wait for each other in a circle: {listed([*circle, circle[0]])}"
        problems.append(Problem(first.places.get("at", first.position), message))


def _begin(injection: Injection, known: Mapping[str, int | None], injections: Mapping[str, Injection]) -> int | None:
    return time_of(injection.timing.at, known, injections) if injection.timing.at is not None else None


def time_of(moment: Moment, begins: Mapping[str, int | None], injections: Mapping[str, Injection]) -> int | None:
    """The time of a moment since the start of the run, in ns, if the file alone decides it."""
    if isinstance(moment.anchor, FaultEdge):
        begin = begins.get(moment.anchor.fault)
        if begin is None or moment.anchor.edge == "begins":
            return None if begin is None else begin + moment.delay_ns
        lasts = injections[moment.anchor.fault].timing.lasts
        return None if lasts is None else begin + lasts + moment.delay_ns
    return moment.time_ns


def _check_times(injection: Injection, begins: Mapping[str, int | None], setting: Setting) -> None:
    begin = begins[injection.name]
    if begin is not None and begin >= setting.duration:
        end = f"the end (`duration: {exact_duration(setting.duration)}`)"
        raise Refusal(f"{quoted(injection.name)} begins at {exact_duration(begin)}, after {end}")
    every = injection.timing.every
    if every is not None and begin is None and injection.timing.at is None and every.interval.mean >= setting.duration:
        message = f"{quoted(injection.name)} repeats every {quoted(every.text)}, longer than the run"
        raise Refusal(f"{message} of {format_duration(setting.duration)}")
    until = injection.timing.until
    heals = time_of(until, begins, setting.injections) if until is not None else None
    if begin is not None and heals is not None and heals <= begin:
        message = f"{quoted(injection.name)} ends at {exact_duration(heals)}"
        raise Refusal(f"{message}, not after it begins ({exact_duration(begin)})")


def _check_pairs(setting: Setting, begins: Mapping[str, int | None], problems: list[Problem]) -> None:
    """Faults whose classes exclude each other and that would surely hold at one time on one host."""
    spans: list[tuple[int, int, int, Injection]] = []
    for injection in setting.injections.values():
        begin = begins[injection.name]
        if begin is not None and injection.kind == "condition" and injection.timing.every is None:
            spans.append((begin, _end(injection, begin, begins, setting), _struck(injection, setting), injection))
    spans.sort(key=lambda span: (span[0], span[1], span[3].name))
    for place, (_, end, hosts, earlier) in enumerate(spans):
        for begin, _, others, later in spans[place + 1 :]:
            if begin >= end:
                break
            if hosts & others and _excluded(earlier, later):
                both = f"{quoted(later.name)} ({later.word}) and {quoted(earlier.name)} ({earlier.word})"
                problems.append(Problem(later.position, f"{both} cannot both hold at {exact_duration(begin)}"))


def _end(injection: Injection, begin: int, begins: Mapping[str, int | None], setting: Setting) -> int:
    if injection.timing.lasts is not None:
        return begin + injection.timing.lasts
    until = injection.timing.until
    end = time_of(until, begins, setting.injections) if until is not None else int(setting.duration)
    return end if end is not None else begin


def _excluded(one: Injection, other: Injection) -> bool:
    """A fault class may name, in `excludes`, faults that cannot hold beside it."""
    these, those = getattr(type(one.fault), "excludes", ()), getattr(type(other.fault), "excludes", ())
    return other.word in these or one.word in those


def _struck(injection: Injection, setting: Setting) -> int:
    """The hosts that are surely struck, as bits."""
    hosts = 0
    for target in injection.host_targets:
        hosts |= setting.mask(target)
    return hosts
