"""What `simkit check` and the documentation show: the timeline, the JSON Schema, the reference page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from simkit.language.reference import reference_page
from simkit.language.scenario import Scenario
from simkit.language.schema import language_schema
from simkit.language.timeline import spans, timeline, timeline_rows

Loader = Callable[..., Scenario]

PICTURE = """\
my · seed 7 · 10 hosts · 20 min virtual after 1 min of warm-up
who
  broker   broker
  workers  worker  workers-0 .. workers-5  zones a, b
  clients  client  clients-0 .. clients-2
load
  resize  17/s total  from clients
when
  05:00.000        gc      pause any 2 of workers for 90 s (DRAWN)          my.yaml:19
  10:00.000        split   partition a | b for 20 s                         my.yaml:21
  10:05.000        again   power_cut broker for 3 s                         my.yaml:22
  every exp(2min)  losses  kill any 1 of workers for 30 s, about 10 times   my.yaml:20
  losses may still hold when the run ends: `eventually` is then unknown
expect
  always no_acked_task_lost
  always effect_once
  eventually queue_drained within 2min
  sometimes task.redelivered
  task.latency p99 < 2s in steady"""


def squeezed(text: str) -> str:
    return re.sub(r" +", " ", re.sub(r"\(workers-\d, workers-\d\)", "(DRAWN)", text))


def test_the_timeline(load: Loader, steady: str) -> None:
    assert squeezed(timeline(load(steady))) == squeezed(PICTURE)


def test_targets_are_drawn_as_the_seed_draws_them(load: Loader, steady: str) -> None:
    drawn = {timeline_rows(load(steady, seed=seed))[0].drawn for seed in range(20)}
    assert len(drawn) > 5
    assert timeline_rows(load(steady))[0].drawn == timeline_rows(load(steady))[0].drawn


def test_what_only_a_run_can_tell_comes_last(load: Loader, steady: str) -> None:
    rows = timeline_rows(load(steady.replace("at: 5min", "at: 12th plan.apply on broker")))
    assert [row.name for row in rows] == ["split", "again", "gc", "losses"]
    assert rows[2].when == "12th plan.apply on broker"


def test_the_timeline_tells_what_an_outage_file_says_of_itself(load: Loader, steady: str) -> None:
    text = steady + "source: https://example.org\nclaims: [two stood, one fell]\nsimplified: no load balancer\n"
    lines = timeline(load(text)).splitlines()
    first = lines.index("source")
    assert lines[first : first + 7] == [
        "source", "  https://example.org", "claims", "  two stood", "  one fell", "simplified", "  no load balancer",
    ]  # fmt: skip


def test_the_timeline_tells_of_budget_and_swarm_and_of_what_outlasts_the_run(load: Loader, steady: str) -> None:
    more = "budget: {workers: {down: minority, settle: 5s}}\nswarm: {keep: 0%}\n"
    text = timeline(load(more + steady.replace("at: 5min, for: 90s", "at: 19min, for: 90s")))
    assert "  gc still holds when the run ends: `eventually` is then unknown" in text
    assert "  at most 2 of workers at once, 5 s longer than the fault" in text
    assert "  the swarm leaves out `gc`, `losses`, `split`, `again` with seed 7" in text


def test_spans(load: Loader, steady: str) -> None:
    minute = 60 * 10**9
    found = {span.name: span for span in spans(load(steady))}
    assert (found["gc"].begin_ns, found["gc"].end_ns) == (5 * minute, 6.5 * minute)
    assert (found["again"].begin_ns, found["again"].end_ns) == (10 * minute + 5 * 10**9, 10 * minute + 8 * 10**9)
    assert (found["losses"].begin_ns, found["losses"].end_ns) == (2 * minute, 20 * minute)
    assert found["losses"].repeats_ns == 2 * minute
    assert [name for name, span in found.items() if span.outlasts(20 * minute)] == ["losses"]
    text = steady.replace("at: 5min, for: 90s", "at: when plan.apply, until: 12min")
    gc = spans(load(text))[0]
    assert (gc.begin_ns, gc.end_ns, gc.outlasts(20 * minute)) == (None, 12 * minute, False)


def test_a_quiet_scenario(load: Loader) -> None:
    text = "title: x\nsystem: task_queue\nduration: 90s\nhosts: {broker: {role: broker}}\n"
    assert timeline(load(text)).splitlines() == [
        "my · seed 1 · 1 hosts · 90 s virtual",
        "who",
        "  broker  broker",
        "when",
        "  nothing goes wrong",
        "expect",
        "  nothing",
    ]


def references(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
        return own.union(*(references(inner) for inner in schema.values()))
    return set().union(*map(references, schema)) if isinstance(schema, list) else set()


def test_the_schema_is_whole(registry: Any) -> None:
    schema = language_schema(registry)
    assert json.loads(json.dumps(schema)) == schema
    assert references(schema) <= {f"#/$defs/{name}" for name in schema["$defs"]}
    assert set(schema["properties"]) >= {"title", "system", "hosts", "network", "config", "load", "faults", "expect"}
    assert schema["additionalProperties"] is False


def test_the_schema_depends_on_the_system(registry: Any) -> None:
    schema = language_schema(registry)
    branches = {branch["if"]["properties"]["system"]["const"]: branch["then"] for branch in schema["allOf"][:-1]}
    assert set(branches) == {"task_queue", "raft"}
    then = branches["task_queue"]["properties"]
    assert set(then["config"]["properties"]) == {"broker", "worker", "client"}
    assert "always effect_once" in then["expect"]["items"]["anyOf"][0]["enum"]
    worker = schema["$defs"]["task_queue.config.worker"]["properties"]
    assert set(worker) == {"lease", "slots", "lease_token", "service"}


def test_the_schema_knows_every_fault(registry: Any) -> None:
    definitions = language_schema(registry)["$defs"]
    assert definitions["fault.pause"]["required"] == ["pause"]
    assert definitions["fault.loss"]["required"] == ["loss", "share"]
    assert "for" not in definitions["fault.clock_step"]["properties"]
    assert {"at", "every", "for", "until", "forever", "times"} <= set(definitions["fault.pause"]["properties"])


def test_the_reference_names_everything(registry: Any) -> None:
    page = reference_page(registry)
    for word in (
        "`lease_token`",
        "`power_cut`",
        "`a <-> b`",
        "`task.redelivered`",
        "`file_size`",
        "`exp(1s)`",
        "`leader`",
        "(always, everysec, never)",
        "| `recovery` | from there to the end of the run |",
        "`any zone`",
        "`there`",
        "| `down` |",
    ):
        assert word in page
    assert page.endswith("\n")
    assert not page.endswith("\n\n")
