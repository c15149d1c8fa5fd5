"""The JSON Schema as an editor uses it: what is right has no red line, a slip has one, and every word is offered.

`offered` follows references, alternatives and the branch of the file's own system, as language servers do.
Deliberately without a server: what it adds is drawing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from simkit.language.library import Library
from simkit.language.scenario import dump, load_scenario
from simkit.language.schema import language_schema
from simkit.language.text import plain_of, read_text
from simkit.registry import Registry

REGISTRY = Registry()
SCHEMA = language_schema(REGISTRY)
EDITOR = jsonschema.Draft202012Validator(SCHEMA)
FILE = """
title: x
system: task_queue
duration: 5min
hosts:
  broker:  {role: broker, disk: ssd}
  effects: {role: effects}
  workers: {role: worker, count: 6, zones: [a, b], racks: [r1, r2]}
  clients: {role: client}
config:
  broker: {fsync: always}
load:
  work: {from: clients, rate: 3/s total, service: exp(1s)}
budget: {workers: {down: minority, settle: 5s}}
swarm: {keep: 50%}
faults:
  gc:   {pause: any 2 of workers, at: 1min, for: 30s}
  cut:  {partition: [[a], [b]], at: when task.redelivered, for: 5s}
  lie:  {lie: workers-0, message: task_queue.apply_effect/1, set: {token: 0}, at: 1min, until: 2min}
expect:
  - always effect_once
  - eventually queue_drained within 2min
  - sometimes task.redelivered
  - task.latency p99 < 2s in steady
variants:
  other: {set: {config.broker.fsync: never}, faults: {gc: {for: 10s}, cut: null}, expect: [fails effect_once]}
"""


def tree(text: str) -> Any:
    return plain_of(read_text(text, "my.yaml"))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", Library().names())
def test_every_scenario_of_the_library_has_no_red_line(name: str) -> None:
    source = Library().find(name)
    assert source is not None
    document = tree(source.path.read_text(encoding="utf-8"))
    assert [f"{list(error.path)}: {error.message}" for error in EDITOR.iter_errors(document)] == []


def test_what_the_reader_writes_has_no_red_line_either() -> None:
    scenario = load_scenario("task_queue/everything", variant="swarm", registry=REGISTRY)
    assert list(EDITOR.iter_errors(tree(dump(scenario)))) == []


def test_a_whole_file_has_no_red_line() -> None:
    assert list(EDITOR.iter_errors(tree(FILE))) == []


@pytest.mark.parametrize(
    ("right", "wrong", "path"),
    [
        ("role: broker", "role: brokr", ["hosts", "broker", "role"]),
        ("fsync: always", "fsync: allways", ["config", "broker"]),
        ("fsync: always", "fync: always", ["config", "broker"]),
        ("rate: 3/s total", "rate: 3", ["load", "work"]),
        ("service: exp(1s)", "servce: exp(1s)", ["load", "work"]),
        ("pause: any 2", "puase: any 2", ["faults", "gc"]),
        ("for: 30s", "for: 30", ["faults", "gc"]),
        ("at: 1min, for: 30s", "att: 1min, for: 30s", ["faults", "gc"]),
        ("always effect_once", "always effect_onc", ["expect", 0]),
        ("sometimes task.redelivered", "sometimes task.redeliverd", ["expect", 2]),
        ("task.latency p99", "task.latency p98", ["expect", 3]),
        ("down: minority", "down: most", ["budget", "workers"]),
        ("title: x", "tittle: x", []),
        ("system: task_queue", "system: task_queu", ["system"]),
        ("[fails effect_once]", "[fails effect_onc]", ["variants", "other"]),
        ("gc: {for: 10s}", "gc: {for: 10}", ["variants", "other"]),
    ],
)
def test_a_slip_has_a_red_line_where_it_is(right: str, wrong: str, path: list[Any]) -> None:
    assert right in FILE
    errors = list(EDITOR.iter_errors(tree(FILE.replace(right, wrong, 1))))
    assert any(list(error.absolute_path)[: len(path)] == path for error in errors), [str(error) for error in errors]


# -- completion


def parts(schema: Any, document: Any) -> Iterator[dict[str, Any]]:
    """Everything that a schema says of a value: itself, what it refers to, its alternatives, its branches."""
    if not isinstance(schema, dict):
        return
    yield schema
    if "$ref" in schema:
        yield from parts(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], document)
    for word in ("anyOf", "allOf", "oneOf"):
        for inner in schema.get(word, ()):
            yield from parts(inner, document)
    if "if" in schema:
        condition = jsonschema.Draft202012Validator({**schema["if"], "$defs": SCHEMA["$defs"]})
        yield from parts(schema.get("then" if condition.is_valid(document) else "else"), document)


def offered(path: list[Any], document: Any) -> set[str]:
    """What is offered at a place: keys of a map, words of a value."""
    here = [(SCHEMA, document)]
    for key in path:
        below = []
        for schema, value in here:
            inner = value.get(key) if isinstance(value, dict) else value[key] if isinstance(value, list) else None
            for part in parts(schema, value):
                found = part.get("properties", {}).get(key, part.get("additionalProperties"))
                found = part.get("items") if isinstance(key, int) else found
                below.append((found, inner))
        here = below
    words: set[str] = set()
    for schema, value in here:
        for part in parts(schema, value):
            words |= set(part.get("properties", {})) | {str(each) for each in part.get("enum", ())}
            words |= {str(each) for each in part.get("examples", ())}
    return words


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ([], {"title", "hosts", "faults", "budget", "swarm", "variants", "expect"}),
        (["system"], {"task_queue"}),
        (["hosts", "workers"], {"role", "count", "zones", "racks", "clock"}),
        (["hosts", "workers", "role"], {"broker", "worker", "client", "effects"}),
        (["config"], {"broker", "worker", "client"}),
        (["config", "worker"], {"lease", "slots", "lease_token", "retry"}),
        (["config", "worker", "retry"], {"base", "cap", "jitter"}),
        (["config", "worker", "retry", "jitter"], {"none", "equal", "full", "decorrelated"}),
        (["config", "broker", "fsync"], {"always", "everysec", "never"}),
        (["load", "work"], {"from", "rate", "service", "priority"}),
        (["faults", "gc"], {"pause", "kill", "at", "for", "every", "factor", "set"}),
        (["faults", "gc", "at"], {"when task.redelivered", "when broker.recovered"}),
        (["faults", "gc", "torn"], {"none", "some", "all"}),
        (["expect", 0], {"always effect_once", "sometimes task.redelivered", "task.latency p99 < 2s in steady"}),
        (["budget", "workers"], {"down", "settle"}),
        (["variants", "other"], {"set", "expect", "faults", "config"}),
        (["variants", "other", "config", "worker"], {"lease", "slots"}),
        (["variants", "other", "faults", "gc"], {"pause", "for"}),
        (["variants", "other", "expect", 0], {"fails effect_once"}),
    ],
)
def test_an_editor_offers_every_word(path: list[Any], words: set[str]) -> None:
    assert words - offered(path, tree(FILE)) == set()


def test_another_system_offers_other_words() -> None:
    assert offered(["config"], {"system": "nothing"}) == set()
