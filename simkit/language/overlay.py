"""Putting one tree over another: `extends:`, `variants:` and `--set` are this one operation.

Maps merge by name, `null` removes, a list or scalar replaces what it covers; `expect:` merges by subject, since its
lines have no names. Trees are never changed: every operation returns a new one, and every node keeps the place where
it was written. Deliberately knows nothing of what the keys mean.
"""

from __future__ import annotations

from collections.abc import Sequence

from simkit.language.expectation import is_about, subject_of
from simkit.language.problem import Position, Problem, Refusal, ScenarioError, nearest_quoted, quoted
from simkit.language.text import Entry, MappingNode, Node, ScalarNode, SequenceNode

NAMED_SECTIONS = ("hosts", "faults", "load", "variants")
"""Sections whose first-level keys are names that the file itself gives."""
SEGMENTS = 32


def overlay(base: Node, over: Node, path: tuple[str, ...] = ()) -> Node:
    """`over` put over `base`. Depth is bounded by the reader's limit."""
    if path == ("expect",) and isinstance(base, SequenceNode) and isinstance(over, SequenceNode):
        return merge_expectations(base, over)
    if not (isinstance(base, MappingNode) and isinstance(over, MappingNode)):
        return over
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if below is None:
            entries[key] = entry
        elif is_null(entry.node):
            del entries[key]
        else:
            entries[key] = Entry(entry.key_position, overlay(below.node, entry.node, (*path, key)))
    return MappingNode(over.position, entries, base.flow)


def is_null(node: Node) -> bool:
    """True for `null`, `~` or nothing at all."""
    return isinstance(node, ScalarNode) and node.value is None


def merge_expectations(base: SequenceNode, over: SequenceNode) -> SequenceNode:
    """Lines of `over` replace lines of `base` about the same subject; `drop SUBJECT` removes them; others are added."""
    problems: list[Problem] = []
    kept = list(base.items)
    added: list[Node] = []
    for line in over.items:
        text = line.text if isinstance(line, ScalarNode) else ""
        dropped = " ".join(text.split()[1:]) if text.split()[:1] == ["drop"] else None
        if dropped is None:
            kept = [old for old in kept if _subject(old) != _subject(line)]
            added.append(line)
            continue
        left = [old for old in kept if not (isinstance(old, ScalarNode) and is_about(old.text, dropped))]
        if len(left) == len(kept):
            subjects = [subject_of(old.text).split()[1] for old in kept if isinstance(old, ScalarNode)]
            message = f"{quoted(text)}: no inherited expectation is about {quoted(dropped)}"
            problems.append(Problem(line.position, message, nearest_quoted(dropped, subjects)))
        kept = left
    if problems:
        raise ScenarioError(problems)
    return SequenceNode(over.position, (*kept, *added), base.flow)


def _subject(line: Node) -> object:
    return subject_of(line.text) if isinstance(line, ScalarNode) else id(line)


def set_path(root: MappingNode, path: str, value: Node, position: Position) -> MappingNode:
    """`root` with the value at a dotted path replaced or added; `null` removes. Raises `ScenarioError`."""
    segments = path.split(".")
    if not path or len(segments) > SEGMENTS or any(not segment.strip() for segment in segments):
        raise ScenarioError(Problem(position, f"{quoted(path)} is not a path such as `config.worker.lease`"))
    try:
        changed = _set(root, [segment.strip() for segment in segments], 0, value, position)
    except Refusal as refusal:
        raise ScenarioError(refusal.at(position)) from None
    assert isinstance(changed, MappingNode)
    return changed


def _set(node: Node, segments: Sequence[str], depth: int, value: Node, position: Position) -> Node:
    if depth == len(segments):
        return overlay(node, value, tuple(segments))
    segment, so_far = segments[depth], ".".join(segments[:depth])
    if isinstance(node, SequenceNode):
        return _set_item(node, segments, depth, value, position)
    if not isinstance(node, MappingNode):
        raise Refusal(f"{quoted(so_far)} is a single value; {quoted('.'.join(segments))} leads nowhere")
    entries = dict(node.entries)
    entry = entries.get(segment)
    last = depth == len(segments) - 1
    if entry is None:
        if depth == 1 and segments[0] in NAMED_SECTIONS and not (last and isinstance(value, MappingNode)):
            message = f"there is no {quoted(segment)} under {quoted(so_far)}"
            raise Refusal(message, nearest_quoted(segment, entries))
        if last and is_null(value):
            raise Refusal(f"{quoted('.'.join(segments))} is not there to be removed", nearest_quoted(segment, entries))
        below: Node = value if last else MappingNode(position, {})
        entries[segment] = Entry(position, below if last else _set(below, segments, depth + 1, value, position))
    elif last and is_null(value):
        del entries[segment]
    else:
        entries[segment] = Entry(position, _set(entry.node, segments, depth + 1, value, position))
    return MappingNode(node.position, entries, node.flow)


def _set_item(node: SequenceNode, segments: Sequence[str], depth: int, value: Node, position: Position) -> Node:
    segment, items = segments[depth], list(node.items)
    number = int(segment) if segment.isdecimal() and len(segment) < 10 else -1
    if not 0 <= number < len(items):
        raise Refusal(f"{quoted('.'.join(segments[:depth]))} is a list of {len(items)}; {quoted(segment)} is not in it")
    items[number] = _set(items[number], segments, depth + 1, value, position)
    return SequenceNode(node.position, tuple(items), node.flow)
