"""The JSON Schema of the language, for editors: completion and a red line under a slip, before `simkit check`.

It is generated from the same models that read files. What depends on the system (roles, config, load, names of checks,
events and metrics) hangs on `system:` by if/then. It deliberately promises less than the reader: a file that passes
can still be refused, for a target that matches no host or a fault after the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from simkit.language.documented import field_lines, first_sentence, models_in
from simkit.language.expectation import STATISTICS, WINDOWS
from simkit.language.injection import TIMING
from simkit.language.model import ScenarioModel
from simkit.language.roster import NAME
from simkit.language.units import Duration
from simkit.language.vocabulary import CardWords, Registry, event_names, fault_kind, point_names, target_kind
from simkit.registry import NotInstalled

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

_TARGET: Schema = {
    "description": "whom: `workers-2`, `workers`, `any 2 of workers`, `70% of workers in eu`, `zone eu`, `leader`",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
}
_LINKS: Schema = {
    "description": "which links: `a <-> b` both ways, `a -> b` one way",
    "anyOf": [
        {"type": "string", "pattern": "->"},
        {"type": "array", "items": {"type": "string", "pattern": "->"}, "minItems": 1},
    ],
}
_ROUTERS: Schema = {
    "description": "which routers of `network.graph`, by their names",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
}
_GROUPS: Schema = {
    "description": "groups cut from each other: `[[a], [b]]`; one alone stands against the rest",
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "array", "items": {"type": "string"}, "minItems": 1}, "minItems": 1},
    ],
}
_AIMS: Mapping[str, Schema] = {"links": _LINKS, "wires": _LINKS, "groups": _GROUPS, "routers": _ROUTERS}
_MOMENT: Schema = {
    "type": "string",
    "examples": ["5min", "5s after split", "when plan.apply", "12th plan.apply on enactors-1"],
}
_TIMING: Mapping[str, Schema] = {
    "at": {**_MOMENT, "description": "when it first strikes"},
    "every": {"type": "string", "description": "how often", "examples": ["10s", "exp(10min)", "exp(10min) each"]},
    "for": {"type": "string", "pattern": Duration.schema["pattern"], "description": "how long it lasts"},
    "until": {**_MOMENT, "description": "when it ends, or with `every` when the repetition ends"},
    "forever": {"enum": [True, None], "description": "it never heals"},
    "times": {"type": "integer", "minimum": 1, "description": "how many strikes at most"},
}


def language_schema(registry: Registry) -> Schema:
    """One JSON Schema document for every installed system and fault."""
    definitions: dict[str, Schema] = {}
    root = _hoisted(ScenarioModel, "", definitions)
    properties: dict[str, Schema] = root["properties"]
    properties["hosts"]["propertyNames"] = {"pattern": _ecma(NAME.pattern)}
    properties["system"]["enum"] = list(registry.systems())
    for section in ("hosts", "config", "load", "variants", "budget"):
        properties[section]["additionalProperties"] = _or_null(properties[section]["additionalProperties"])
    links = definitions["NetworkModel"]
    links["additionalProperties"] = _or_null(links["additionalProperties"])
    definitions["faults"] = _faults(registry, definitions)
    definitions["change"] = _change(registry)
    changes: Schema = {"additionalProperties": _or_null({"anyOf": [_ref("faults"), _ref("change")]})}
    variant: Schema = definitions["VariantModel"]["properties"]
    variant["faults"]["anyOf"] = [{"type": "object", **changes}, {"type": "null"}]
    whole: Schema = {
        "if": {"required": ["extends"]},
        "then": {"properties": {"faults": changes}},
        "else": {"properties": {"faults": {"additionalProperties": _or_null(_ref("faults"))}}},
    }
    required = root.pop("required")
    return {
        "$schema": DIALECT,
        "title": "simkit scenario",
        **{key: value for key, value in root.items() if key != "title"},
        "anyOf": [{"required": ["extends"]}, {"required": required}],
        "allOf": [
            *(branch for system in registry.systems() if (branch := _branch(system, registry, definitions))),
            whole,
        ],
        "$defs": definitions,
    }


def _hoisted(model: type[BaseModel], prefix: str, definitions: dict[str, Schema]) -> Schema:
    """The model's schema with its definitions moved to the document's, under names of their own."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    inner = schema.pop("$defs", {})
    _describe(model, schema, inner)
    for name, definition in inner.items():
        definitions[f"{prefix}{name}"] = definition
    return schema


def _describe(model: type[BaseModel], schema: Schema, inner: Mapping[str, Schema]) -> None:
    """Give every property the line that its field carries, in nested models too."""
    for key, line in field_lines(model).items():
        if key in schema.get("properties", {}):
            schema["properties"][key]["description"] = line
    for field in model.model_fields.values():
        for nested in models_in(field.annotation):
            if nested.__name__ in inner and nested is not model:
                _describe(nested, inner[nested.__name__], {key: inner[key] for key in inner if key != nested.__name__})


def _or_null(schema: Schema) -> Schema:
    """`null` removes an inherited entry."""
    return {"anyOf": [schema, {"type": "null"}]}


def _ecma(pattern: str) -> str:
    return "^" + re.sub(r"\\Z$", "$", pattern)


def _faults(registry: Registry, definitions: dict[str, Schema]) -> Schema:
    """One of the faults, told apart by the key that names it."""
    words = []
    for word, fault in registry.faults().items():
        schema = _hoisted(fault, f"fault.{word}.", definitions)
        aim = _AIMS.get(target_kind(fault), _TARGET)
        timing = {key: _TIMING[key] for key in TIMING if fault_kind(fault) != "act" or key not in ("for", "forever")}
        definitions[f"fault.{word}"] = {
            "type": "object",
            "description": first_sentence(fault),
            "properties": {word: aim, **schema.get("properties", {}), **timing},
            "required": [word, *schema.get("required", [])],
            "additionalProperties": False,
        }
        words.append({"$ref": f"#/$defs/fault.{word}"})
    return {"anyOf": words} if words else {"type": "object"}


def _change(registry: Registry) -> Schema:
    """A change to a fault that is inherited: any of its keys, but not the one that would make it a fault of its own."""
    words: list[Schema] = [{"required": [word]} for word in registry.faults()]
    return {
        "type": "object",
        "description": "changes to an inherited fault of this name",
        "properties": dict(_TIMING),
        "not": {"anyOf": words},
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _branch(system: str, registry: Registry, definitions: dict[str, Schema]) -> Schema | None:
    """What holds if `system:` is this one; None if its libraries are missing."""
    try:
        card = registry.card(system)
    except NotInstalled:
        return None
    properties: dict[str, Schema] = {
        "hosts": {"additionalProperties": {"properties": {"role": {"enum": list(card.roles)}}}},
        "config": {
            "properties": {role: _config(system, role, card, definitions) for role in card.roles},
            "additionalProperties": False,
        },
        "expect": {"items": _expectation(card)},
        "faults": {"additionalProperties": {"properties": {"at": _moments(card), "until": _moments(card)}}},
    }
    if card.load is not None:
        definitions[f"{system}.load"] = _hoisted(card.load, f"{system}.load.", definitions)
        properties["load"] = {"additionalProperties": _or_null(_ref(f"{system}.load"))}
    # A variant changes parts of these sections; a load in it need not be whole.
    variant = {key: properties[key] for key in ("hosts", "config", "expect", "faults")}
    properties["variants"] = {"additionalProperties": {"properties": variant}}
    return {
        "if": {"properties": {"system": {"const": system}}, "required": ["system"]},
        "then": {"properties": properties},
    }


def _moments(card: CardWords) -> Schema:
    """A moment, with the events and fault points of the system for whoever asks for a completion."""
    events = [f"when {event}" for event in event_names(card)]
    points = [f"when point {point}" for point in point_names(card)]
    return {"anyOf": [{"enum": [*events, *points]}, {"type": "string"}]}


def _config(system: str, role: str, card: CardWords, definitions: dict[str, Schema]) -> Schema:
    prefix = f"{system}.config.{role}"
    definitions[prefix] = _hoisted(card.roles[role].config, f"{prefix}.", definitions)
    # A file that extends another may say only part of it.
    definitions[prefix].pop("required", None)
    return _or_null({"$ref": f"#/$defs/{prefix}"})


def _expectation(card: CardWords) -> Schema:
    """Whole lines where there are few, patterns where the rest is free."""
    checks, events, metrics = list(card.checks), list(event_names(card)), list(card.metrics)
    forms: list[Schema] = [
        {"enum": [f"{word} {check}" for word in ("always", "fails") for check in checks] or ["always"]},
        {"enum": [f"sometimes {event}" for event in events] or ["sometimes"]},
        {
            "pattern": rf"^eventually ({_any(checks)}) within \S+$",
            "examples": [f"eventually {check} within 2min" for check in checks],
        },
        {
            "pattern": rf"^({_any(metrics)}) ({_any(STATISTICS)}) ?(<|<=|>|>=|==|!=) ?[^ ]+( in ({_any(WINDOWS)}))?$",
            "examples": [f"{metric} p99 < 2s in steady" for metric in metrics],
        },
        {"pattern": "^drop "},
    ]
    return {"type": "string", "anyOf": forms}


def _any(words: Any) -> str:
    return "|".join(re.escape(word) for word in words)
