"""YAML 1.2 text to a tree of nodes that know where they stand.

Only the core schema of YAML 1.2 (section 10.3) is read: `no`, `off` and `1:30` are words, `010` is ten. PyYAML gives
the events, nothing of its constructors is used. Deliberately not here: tags, merge keys, several documents, complex
keys, other encodings than UTF-8; each is refused by name. Building is iterative and every growth has a named limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import yaml

from simkit.language.limits import DEFAULT_LIMITS, Limits
from simkit.language.problem import Position, Problem, ScenarioError, quoted

PARSER: Any = getattr(yaml, "CLoader", yaml.Loader)
EMITTER: Any = getattr(yaml, "CDumper", yaml.Dumper)

NUMBER_LENGTH = 100
_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_TRUE = re.compile(r"(?:true|True|TRUE)\Z")
_FALSE = re.compile(r"(?:false|False|FALSE)\Z")
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_BASED = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Plain: TypeAlias = Any
"""What a node means without its place: dict, list, str, int, float, bool or None."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One scalar as written. `plain` is False for quoted and block scalars, which are always text."""

    position: Position
    text: str
    plain: bool = True

    @property
    def value(self) -> str | int | float | bool | None:
        """The scalar under the core schema of YAML 1.2."""
        return core_value(self.text) if self.plain else self.text


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list; `flow` remembers `[a, b]` against dashes."""

    position: Position
    items: Sequence[Node]
    flow: bool = False


class Entry(NamedTuple):
    """A value of a map with the place of its key."""

    key_position: Position
    node: Node


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A map in file order; keys are the text of the key as written."""

    position: Position
    entries: Mapping[str, Entry]
    flow: bool = False

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry.node if entry else None


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def core_value(text: str) -> str | int | float | bool | None:
    """Resolve a plain scalar by the core schema of YAML 1.2."""
    if _NULL.match(text):
        return None
    if _TRUE.match(text):
        return True
    if _FALSE.match(text):
        return False
    if len(text) > NUMBER_LENGTH:
        return text
    if _INTEGER.match(text):
        return int(text)
    if _BASED.match(text):
        return int(text, 0)
    if _FLOAT.match(text):
        return float(text)
    return float(text.replace(".", "")) if _INFINITE.match(text) else text


def read_bytes(data: bytes, file: str, limits: Limits = DEFAULT_LIMITS) -> Node:
    """Read one document of UTF-8 YAML; `file` is the name that positions and errors show."""
    if len(data) > limits.file_size:
        raise ScenarioError(_limit(Position(file, 1, 1), "file_size", limits.file_size, "bytes"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise ScenarioError(Problem(Position(file, line, column), "the file is not UTF-8 text")) from None
    return read_text(text, file, limits)


def read_text(text: str, file: str, limits: Limits = DEFAULT_LIMITS) -> Node:
    """Read one document of YAML from a string."""
    if len(text) > limits.file_size:
        raise ScenarioError(_limit(Position(file, 1, 1), "file_size", limits.file_size, "bytes"))
    if odd := _UNPRINTABLE.search(text):
        place = _position_of(text, odd.start(), file)
        raise ScenarioError(Problem(place, f"control character U+{ord(odd.group()):04X}; YAML text is printable"))
    builder = _Builder(file, limits)
    try:
        for event in yaml.parse(text, Loader=PARSER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(file, mark.line + 1, mark.column + 1) if mark else Position(file, 1, 1)
        tab = text[mark.index : mark.index + 1] == "\t" if mark else False
        reason = "a tab cannot indent; use spaces" if tab else f"not YAML: {error.problem or error.context}"
        builder.problems.append(Problem(place, reason))
    except yaml.YAMLError as error:
        builder.problems.append(Problem(Position(file, 1, 1), f"not YAML: {str(error).splitlines()[0]}"))
    except RecursionError:
        builder.problems.append(_limit(Position(file, 1, 1), "depth", limits.depth, "levels"))
    if builder.problems:
        raise ScenarioError(builder.problems, limits.problems)
    if builder.root is None:
        raise ScenarioError(Problem(Position(file, 1, 1), "the file is empty"))
    return builder.root


def plain_of(node: Node) -> Plain:
    """The node without places. Depth was bounded when the node was read, so plain recursion is safe."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, SequenceNode):
        return [plain_of(item) for item in node.items]
    return {key: plain_of(entry.node) for key, entry in node.entries.items()}


def scalar(text: str, position: Position) -> ScalarNode:
    """A scalar node that means exactly this text."""
    return ScalarNode(position, text, plain=isinstance(core_value(text), str))


def moved(node: Node, place: Position) -> Node:
    """The same value standing at one place, written in one line: an option has no lines."""
    if isinstance(node, ScalarNode):
        return ScalarNode(place, node.text, node.plain)
    if isinstance(node, SequenceNode):
        return SequenceNode(place, tuple(moved(item, place) for item in node.items), flow=True)
    entries = {key: Entry(place, moved(entry.node, place)) for key, entry in node.entries.items()}
    return MappingNode(place, entries, flow=True)


def write_text(node: Node) -> str:
    """The node as YAML again; it reads as the same (comments, anchors and layout are not kept)."""
    written: str = yaml.emit(_events(node), Dumper=EMITTER, allow_unicode=True, width=100)
    return written


def _events(root: Node) -> Iterator[yaml.Event]:
    yield yaml.StreamStartEvent()
    yield yaml.DocumentStartEvent(explicit=False)
    pending: list[Node | yaml.Event] = [root]
    while pending:
        item = pending.pop()
        if isinstance(item, yaml.Event):
            yield item
        elif isinstance(item, ScalarNode):
            style = None if item.plain else '"'
            text = "null" if item.plain and not item.text else item.text  # an emitter would put nothing in quotes
            yield yaml.ScalarEvent(None, None, (item.plain, True), text, style=style)
        elif isinstance(item, SequenceNode):
            yield yaml.SequenceStartEvent(None, None, True, flow_style=item.flow)
            pending.append(yaml.SequenceEndEvent())
            pending.extend(reversed(item.items))
        else:
            yield yaml.MappingStartEvent(None, None, True, flow_style=item.flow)
            pending.append(yaml.MappingEndEvent())
            for key, entry in reversed(list(item.entries.items())):
                pending += [entry.node, scalar(key, entry.key_position)]
    yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


def _limit(position: Position, name: str, most: int, unit: str) -> Problem:
    return Problem(position, f"the limit {name} of {most:,} {unit} is exceeded")


def _position_of(text: str, index: int, file: str) -> Position:
    return Position(file, text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1)


@dataclass(slots=True)
class _Frame:
    """A map or list that is still open."""

    position: Position
    anchor: str | None
    flow: bool
    items: list[Node] | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    key: tuple[str, Position] | None = None
    skipped: bool = False
    weight: int = 1
    height: int = 1


class _Anchored(NamedTuple):
    node: Node
    weight: int
    height: int


class _Builder:
    """Turns parser events into nodes with an explicit stack."""

    def __init__(self, file: str, limits: Limits) -> None:
        self.file = file
        self.limits = limits
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._nodes = 0
        self._aliases = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            self._open(event)
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event)

    def _place(self, event: yaml.Event) -> Position:
        mark = event.start_mark
        return Position(self.file, mark.line + 1, mark.column + 1) if mark else Position(self.file, 1, 1)

    def _refuse(self, position: Position, message: str) -> None:
        """Note a problem and go on reading, until there are enough of them."""
        self.problems.append(Problem(position, message))
        if len(self.problems) >= self.limits.problems:
            raise ScenarioError(self.problems, self.limits.problems)

    def _exceeded(self, position: Position, name: str, most: int, unit: str) -> ScenarioError:
        return ScenarioError([*self.problems, _limit(position, name, most, unit)], self.limits.problems)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        place = self._place(event)
        if self._documents > 1:
            raise ScenarioError([*self.problems, Problem(place, "a second document; a scenario is one document")])
        if event.version and tuple(event.version) != (1, 2):
            self._refuse(place, "only YAML 1.2 is read")
        if event.tags:
            self._refuse(place, "tags are not allowed in a scenario")

    def _open(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        place = self._place(event)
        if len(self._frames) >= self.limits.depth:
            raise self._exceeded(place, "depth", self.limits.depth, "levels")
        self._check_tag(event, place)
        self._count(place, 1)
        is_list = isinstance(event, yaml.SequenceStartEvent)
        self._frames.append(_Frame(place, event.anchor, bool(event.flow_style), [] if is_list else None))

    def _close(self) -> None:
        frame = self._frames.pop()
        node: Node
        if frame.items is not None:
            node = SequenceNode(frame.position, tuple(frame.items), frame.flow)
        else:
            node = MappingNode(frame.position, frame.entries, frame.flow)
        self._add(node, frame.weight, frame.height, frame.anchor)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = self._place(event)
        if len(event.value) > self.limits.scalar_length:
            raise self._exceeded(place, "scalar_length", self.limits.scalar_length, "characters")
        self._check_tag(event, place)
        self._count(place, 1)
        plain = not event.style  # libyaml says "", the pure parser None
        if plain and len(event.value) > NUMBER_LENGTH and (_INTEGER.match(event.value) or _FLOAT.match(event.value)):
            self._refuse(place, f"a number of {len(event.value)} characters; at most {NUMBER_LENGTH} are read")
        self._add(ScalarNode(place, event.value, plain), 1, 0, event.anchor)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event)
        self._aliases += 1
        if self._aliases > self.limits.aliases:
            raise self._exceeded(place, "aliases", self.limits.aliases, "uses")
        name = event.anchor or ""
        target = self._anchors.get(name)
        if target is None:
            problem = Problem(place, f"alias {quoted('*' + name)} stands for nothing that is complete above it")
            raise ScenarioError([*self.problems, problem])
        if len(self._frames) + target.height > self.limits.depth:
            raise self._exceeded(place, "depth", self.limits.depth, "levels")
        self._count(place, target.weight)
        self._add(target.node, target.weight, target.height, None)

    def _check_tag(self, event: Any, place: Position) -> None:
        if event.tag is not None:
            self._refuse(place, f"tag {quoted(event.tag)}; tags are not allowed in a scenario")

    def _count(self, place: Position, weight: int) -> None:
        self._nodes += weight
        if self._nodes > self.limits.nodes:
            raise self._exceeded(place, "nodes", self.limits.nodes, "maps, lists and scalars")

    def _add(self, node: Node, weight: int, height: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = _Anchored(node, weight, height)
        if not self._frames:
            self.root = node
            return
        frame = self._frames[-1]
        frame.weight += weight
        frame.height = max(frame.height, height + 1)
        if frame.items is not None:
            frame.items.append(node)
        elif frame.key is not None:
            key, place = frame.key
            if not frame.skipped:
                frame.entries[key] = Entry(place, node)
            frame.key, frame.skipped = None, False
        else:
            self._key(frame, node)

    def _key(self, frame: _Frame, node: Node) -> None:
        frame.skipped = True
        if not isinstance(node, ScalarNode):
            frame.key = ("", node.position)
            self._refuse(node.position, "a key must be one word or phrase, not a map or list")
            return
        frame.key = (node.text, node.position)
        if node.plain and node.text == "<<":
            self._refuse(node.position, "merge key `<<`; use `extends:` or write the keys out")
        elif len(node.text) > self.limits.key_length:
            self._refuse(node.position, f"the limit key_length of {self.limits.key_length} characters is exceeded")
        elif earlier := frame.entries.get(node.text):
            line = earlier.key_position.line
            self._refuse(node.position, f"key {quoted(node.text)} is given twice; first in line {line}")
        else:
            frame.skipped = False
