"""An injection: one entry of `faults:`, which is a fault with its targets and its timing.

The one key of the entry that names a registered fault says which; `at every for until forever times` say when; all
other keys are the fault's own. Deliberately without effect: a world carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pydantic import BaseModel

from simkit.language.binding import bind, unknown_key
from simkit.language.moment import Every, Moment, parse_every, parse_moment
from simkit.language.problem import Position, Problem, Refusal, ScenarioError, listed, nearest_quoted, quoted
from simkit.language.target import LinkTarget, MeshTarget, Target, parse_groups, parse_links, parse_mesh, parse_targets
from simkit.language.text import Entry, MappingNode, Node, ScalarNode, plain_of
from simkit.language.units import Duration, format_duration
from simkit.language.vocabulary import FaultKind, fault_kind, target_kind

TIMING = ("at", "every", "for", "until", "forever", "times")
STRIKES_MAX = 1_000_000
OPTIONS_CHARACTERS = 60

Aim: TypeAlias = tuple[Target, ...] | tuple[LinkTarget, ...] | tuple[tuple[Target, ...], ...] | tuple[MeshTarget, ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """When a fault strikes and how long it holds.

    `at` is the first strike; without it the first comes one interval of `every` after the start. `until` ends a
    condition, or, with `every`, the repetition. `times` bounds the number of strikes.
    """

    at: Moment | None = None
    every: Every | None = None
    lasts: Duration | None = None
    until: Moment | None = None
    forever: bool = False
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault of the file. `aim` holds hosts, links, groups, or parts of the mesh, as `target_kind` says."""

    name: str
    fault: BaseModel
    word: str
    kind: FaultKind
    target_kind: str
    aim: Aim
    timing: Timing
    position: Position = field(compare=False)
    aim_position: Position = field(compare=False)
    places: Mapping[str, Position] = field(compare=False)
    options: str = field(default="", compare=False)  # the fault's own, in words

    @property
    def stream_name(self) -> str:
        """The stream that its targets and its times are drawn from."""
        return f"fault/{self.name}"

    @property
    def host_targets(self) -> tuple[Target, ...]:
        """Every host target in it, whatever the kind."""
        found: list[Target] = []
        for item in self.aim:
            if isinstance(item, Target):
                found.append(item)
            elif isinstance(item, LinkTarget):
                found += [item.source, item.target]
            elif isinstance(item, tuple):
                found += item
        return tuple(found)

    def described(self, names: Iterable[str] | None = None) -> str:
        """`latency broker (add: 50ms) for 90 s`; without names of whom it struck, as the file says it."""
        whom = ", ".join(names) if names is not None else self.aim_text
        whom += f" ({self.options})" if self.options else ""
        timing = self.timing
        if timing.lasts is not None:
            return f"{self.word} {whom} for {format_duration(timing.lasts)}"
        if timing.until is not None and timing.every is None:
            return f"{self.word} {whom} until {timing.until.text}"
        return f"{self.word} {whom} for ever" if timing.forever else f"{self.word} {whom}"

    @property
    def aim_text(self) -> str:
        """The targets as the file says them."""
        if self.target_kind == "groups":
            groups = [", ".join(target.text for target in group) for group in self.aim if isinstance(group, tuple)]
            return " | ".join(groups) if len(groups) > 1 else f"{groups[0]} | the rest"
        return ", ".join(item.text for item in self.aim if not isinstance(item, tuple))


def read_injection(
    name: str, entry: Entry, faults: Mapping[str, type[BaseModel]], problems: list[Problem]
) -> Injection | None:
    """Read one entry of `faults:`; notes what is wrong and returns None if it cannot be used."""
    node = entry.node
    if not isinstance(node, MappingNode):
        message = f"fault {quoted(name)} is a map such as {{kill: workers-2, at: 5min, for: 30s}}"
        problems.append(Problem(node.position, message))
        return None
    word = _word_of(name, node, faults, entry.key_position, problems)
    if word is None:
        return None
    fault_class = faults[word]
    before = len(problems)
    fault = _own_fields(name, word, node, fault_class, problems)
    aim_kind = _aim_kind(fault_class, node.entries[word].node)
    aim = _aim(node.entries[word].node, aim_kind, problems)
    kind = fault_kind(fault_class)
    timing = _timing(name, kind, node, entry.key_position, problems)
    if fault is None or aim is None or len(problems) > before:
        return None
    places = {key: below.node.position for key, below in node.entries.items()}
    aim_position = node.entries[word].node.position
    options = _options(word, node)
    return Injection(name, fault, word, kind, aim_kind, aim, timing, entry.key_position, aim_position, places, options)


def injection_of(name: str, fault: BaseModel, targets: Node, place: Position) -> Injection:
    """Return a fault that was made in Python, aimed at targets as a file writes them; when it strikes is not said.

    Raises `ScenarioError` for targets that cannot be read.
    """
    problems: list[Problem] = []
    fault_class = type(fault)
    aim_kind = _aim_kind(fault_class, targets)
    aim = _aim(targets, aim_kind, problems)
    if aim is None:
        raise ScenarioError(problems)
    word = fault_class.word  # type: ignore[attr-defined]
    return Injection(name, fault, word, fault_kind(fault_class), aim_kind, aim, Timing(), place, place, {})


def _word_of(
    name: str, node: MappingNode, faults: Mapping[str, type[BaseModel]], place: Position, problems: list[Problem]
) -> str | None:
    """The key that names the fault. A word that is also a field of the other one is a field."""
    words = [key for key in node.entries if key in faults]
    if len(words) > 1:
        words = [word for word in words if not _is_field_of(word, words, faults)]
    if len(words) == 1:
        return words[0]
    if words:
        second = node.entries[words[1]].key_position
        message = f"{quoted(name)} names two faults, {listed(words)}; give each an entry of its own"
        problems.append(Problem(second, message))
        return None
    others = [key for key in node.entries if key not in TIMING]
    near = [(key, found) for key in others if (found := nearest_quoted(key, faults))]
    if near or others:
        key = near[0][0] if near else others[0]
        there = "" if near else f"; there are {listed(sorted(faults), 30)}"
        message = f"unknown fault {quoted(key)} in `faults.{name}`{there}"
        problems.append(Problem(node.entries[key].key_position, message, near[0][1] if near else None))
    else:
        problems.append(Problem(place, f"`faults.{name}` names no fault; there are {listed(sorted(faults), 30)}"))
    return None


def _is_field_of(word: str, words: Sequence[str], faults: Mapping[str, type[BaseModel]]) -> bool:
    return any(word in faults[other].model_fields for other in words if other != word)


def _own_fields(
    name: str, word: str, node: MappingNode, fault_class: type[BaseModel], problems: list[Problem]
) -> BaseModel | None:
    fields = [field.alias or key for key, field in fault_class.model_fields.items()]
    own: dict[str, Entry] = {}
    for key, entry in node.entries.items():
        if key == word or key in TIMING:
            continue
        if key not in fields:
            problems.append(unknown_key(key, f"faults.{name}", [*fields, *TIMING], entry.key_position))
            continue
        own[key] = entry
    return bind(fault_class, MappingNode(node.position, own), f"faults.{name}", problems)


def _options(word: str, node: MappingNode) -> str:
    """What the entry says besides targets and times, in few words: ``add: 50ms``, or ``silent``."""
    own = {key: plain_of(entry.node) for key, entry in node.entries.items() if key != word and key not in TIMING}
    text = ", ".join(key if value is True else f"{key}: {_in_words(value)}" for key, value in own.items())
    return text if len(text) <= OPTIONS_CHARACTERS else f"{text[: OPTIONS_CHARACTERS - 3]}..."


def _in_words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_in_words(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(_in_words(each) for each in value)
    return str(value)


def _aim_kind(fault_class: type[BaseModel], node: Node) -> str:
    """What the targets are: a fault that cuts groups from each other may be aimed at links too, `a <-> b`, `a -> b`."""
    kind = target_kind(fault_class)
    values = plain_of(node)
    phrases = values if isinstance(values, (list, tuple)) else [values]
    cuts_links = kind == "groups" and all(isinstance(phrase, str) and "->" in phrase for phrase in phrases)
    return "links" if cuts_links and phrases else kind


def _aim(node: Node, kind: str, problems: list[Problem]) -> Aim | None:
    try:
        value = plain_of(node)
        if kind == "groups":
            return parse_groups(value)
        if kind in ("routers", "wires"):
            return parse_mesh(value, links=kind == "wires")
        return parse_links(value) if kind == "links" else parse_targets(value)
    except Refusal as refusal:
        problems.append(refusal.at(node.position))
    return None


class _TimingReader:
    """Reads the timing keys of one entry one by one, noting what is wrong with each."""

    def __init__(self, node: MappingNode, problems: list[Problem]) -> None:
        self.node = node
        self.problems = problems

    def read(self, key: str, reader: Any) -> Any:
        entry = self.node.entries.get(key)
        if entry is None:
            return None
        try:
            return reader(plain_of(entry.node))
        except Refusal as refusal:
            self.problems.append(refusal.at(entry.node.position))
        return None


def _timing(name: str, kind: FaultKind, node: MappingNode, place: Position, problems: list[Problem]) -> Timing:
    reader = _TimingReader(node, problems)
    timing = Timing(
        at=reader.read("at", parse_moment),
        every=reader.read("every", parse_every),
        lasts=reader.read("for", _lasting),
        until=reader.read("until", parse_moment),
        forever=bool(reader.read("forever", _forever)),
        times=reader.read("times", _times),
    )
    given = set(node.entries)
    slipped = any(problem.nearest in [quoted(key) for key in TIMING] for problem in problems)
    for message, where in () if slipped else _timing_faults(name, kind, given):
        problems.append(Problem(node.entries[where].key_position if where else place, message))
    return timing


def _timing_faults(name: str, kind: FaultKind, given: set[str]) -> Sequence[tuple[str, str | None]]:
    """What is wrong with the choice of timing keys, each with the key to point at."""
    found: list[tuple[str, str | None]] = []
    repeated = "every" in given
    lasting = [key for key in ("for", "until", "forever") if key in given and not (repeated and key == "until")]
    if not given & {"at", "every"}:
        found.append((f"`faults.{name}` does not say when; write `at: 5min` or `every: 10min`", None))
    if "times" in given and not repeated:
        found.append(("`times` needs `every`", "times"))
    if kind == "condition" and not lasting:
        until = "; `until` says when the repetition ends" if repeated and "until" in given else ""
        words = "`for: 30s` or `forever: true`" if repeated else "`for: 30s`, `until: 10min` or `forever: true`"
        found.append((f"`faults.{name}` lasts, so it needs {words}{until}", None))
    if len(lasting) > 1:
        found.append((f"`faults.{name}` says twice how long it lasts: {listed(lasting)}", lasting[1]))
    if kind != "condition":
        own = "strikes once and has nothing to heal" if kind == "act" else "ends by itself"
        message = f"`faults.{name}` {own}"
        found += [(f"{message}; {quoted(key)} has no meaning", key) for key in lasting]
    return found


def _lasting(value: object) -> Duration:
    if value == "forever":
        raise Refusal("`for` takes a duration", quoted("forever: true"))
    lasts = Duration.parse(value)
    if lasts == 0:
        raise Refusal("a fault that lasts no time does nothing")
    return lasts


def _forever(value: object) -> bool:
    if value is None or value is True:
        return True
    raise Refusal("`forever` takes `true`; leave it out otherwise")


def _times(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= STRIKES_MAX:
        return value
    raise Refusal(f"`times` takes a whole number from 1 to {STRIKES_MAX:,}")


def is_empty(node: Node | None) -> bool:
    """True where a section is left out or left empty."""
    return node is None or (isinstance(node, ScalarNode) and node.value is None)
