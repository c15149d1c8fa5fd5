"""From nodes to pydantic models, with every complaint at its line and in our words.

Models are validated as JSON is, strictly: a list may become a tuple and text a date, but `no` never becomes false nor
`"5"` a number. Deliberately not a second schema: what a model accepts is decided by the model alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simkit.language.documented import models_in
from simkit.language.problem import Position, Problem, Refusal, listed, nearest_name, quoted
from simkit.language.quantity import kind_of
from simkit.language.text import MappingNode, Node, ScalarNode, SequenceNode, plain_of

DETAILS = 50
"""Complaints of one model that are looked at; a file with more has shown enough."""

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED: Mapping[str, str] = {
    "bool": "`true` or `false`", "int": "a whole number", "float": "a number", "string": "text", "none": "nothing",
    "dict": "a map", "model": "a map", "dataclass": "a map", "list": "a list", "tuple": "a list", "set": "a list",
    "date": "a date such as 2026-03-01", "datetime": "a date and time such as 2026-03-01T12:00:00Z",
}  # fmt: skip
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("above", "gt"), "greater_than_equal": ("at least", "ge"), "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"), "multiple_of": ("a multiple of", "multiple_of"),
}  # fmt: skip
_RIGHT_WORDS: Mapping[str, str] = {
    "latency": "rtt` (there and back) or `one_way",
    "delay": "rtt` (there and back) or `one_way",
    "nodes": "hosts",
    "replicas": "count",
    "loads": "load",
    "expectations": "expect",
}
"""Words that are no slip of the pen but a neighbour's name for the thing."""


def bind(model: type[Model], node: Node, where: str, problems: list[Problem]) -> Model | None:
    """Validate `node` as `model`; on failure note the problems, return None. `where` is the path of the node."""
    try:
        return model.model_validate_json(json.dumps(plain_of(node)), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)[:DETAILS]
        found = {_problem(model, node, where, detail): detail for detail in details}
        slips = {problem.nearest for problem in found}
        for problem, detail in found.items():
            # `host:` for `hosts:` is one mistake, not an unknown key and a missing one.
            slipped = detail["type"] == "missing" and quoted(detail["loc"][-1]) in slips
            if not slipped and problem not in problems:
                problems.append(problem)
    return None


def _problem(model: type[BaseModel], root: Node, where: str, detail: ErrorDetails) -> Problem:
    place = _follow(root, detail["loc"])
    path = ".".join([*([where] if where else []), *place.path])
    kind = detail["type"]
    if kind == "extra_forbidden":
        key = place.path[-1] if place.path else "?"
        path = ".".join([*([where] if where else []), *place.path[:-1]])
        return unknown_key(key, path, _keys_at(model, place.path[:-1]), place.key_position)
    if kind == "missing":
        inside = f" in {quoted(path)}" if path else ""
        return Problem(place.key_position, f"{quoted(detail['loc'][-1])} is missing{inside}")
    refusal = detail.get("ctx", {}).get("error")
    if isinstance(refusal, Refusal):
        return refusal.at(place.node.position)
    message, near = _in_our_words(kind, detail, place.node)
    return Problem(place.node.position, f"{quoted(path)}: {message}" if path else message, near)


def unknown_key(key: str, path: str, known: Iterable[str], position: Position) -> Problem:
    """The problem of a key that means nothing where it stands."""
    inside = f" in {quoted(path)}" if path else ""
    names = [name for name in known if name]
    if key in _RIGHT_WORDS and _RIGHT_WORDS[key].split("`")[0] in names:
        return Problem(position, f"unknown key {quoted(key)}{inside}", f"`{_RIGHT_WORDS[key]}`")
    near = nearest_name(key, names)
    if near:
        return Problem(position, f"unknown key {quoted(key)}{inside}", quoted(near))
    there = f"; there are {listed(names, 20)}" if names else ""
    return Problem(position, f"unknown key {quoted(key)}{inside}{there}")


class _Place:
    """Where an error's location leads in the tree: as far as it can be followed."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.key_position = node.position
        self.path: list[str] = []

    def step(self, part: str | int) -> None:
        node = self.node
        if isinstance(node, MappingNode) and str(part) in node.entries:
            entry = node.entries[str(part)]
            self.key_position, self.node = entry.key_position, entry.node
            self.path.append(str(part))
        elif isinstance(node, SequenceNode) and isinstance(part, int) and 0 <= part < len(node.items):
            self.node = node.items[part]
            self.key_position = self.node.position
            self.path.append(str(part))


def _follow(root: Node, location: Sequence[str | int]) -> _Place:
    place = _Place(root)
    for part in location:
        place.step(part)
    return place


def _keys_at(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """The keys a model knows at a path inside it."""
    current: list[type[BaseModel]] = [model]
    for part in path:
        inner = [models_in(field.annotation) for each in current for field in _fields_called(each, part)]
        found = [candidate for group in inner for candidate in group]
        found = found or [candidate for each in current for candidate in _models_of_other_keys(each)]
        current = found or current
    return [field.alias or name for each in current for name, field in each.model_fields.items()]


def _fields_called(model: type[BaseModel], key: str) -> list[Any]:
    return [field for name, field in model.model_fields.items() if key in (name, field.alias)]


def _models_of_other_keys(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The models of what stands under keys that are names, where a model takes any."""
    if model.model_config.get("extra") != "allow":
        return []
    return models_in(get_type_hints(model).get("__pydantic_extra__"))


def _in_our_words(kind: str, detail: ErrorDetails, node: Node) -> tuple[str, str | None]:
    found = kind_of(node.value) if isinstance(node, ScalarNode) else kind_of(plain_of(node))
    context = detail.get("ctx", {})
    if kind in ("literal_error", "enum"):
        words = [word.strip("'") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ")]
        near = nearest_name(node.text, words) if isinstance(node, ScalarNode) else None
        return f"expected one of {listed(words, 20)}, found {found}", quoted(near) if near else None
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return f"must be {word} {context.get(key)}, found {found}", None
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        return f"must have {f'at least {least}' if least is not None else f'at most {most}'} entries or letters", None
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error") or detail["msg"]), None
    expected = _EXPECTED.get(kind.split("_")[0])
    if expected:
        return f"expected {expected}, found {found}", None
    return detail["msg"][:1].lower() + detail["msg"][1:], None
