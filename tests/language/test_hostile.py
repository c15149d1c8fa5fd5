"""Whatever a stranger sends: a scenario or a ScenarioError, never a traceback, never without bound."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simkit.language.expectation import parse_expectation
from simkit.language.library import Library
from simkit.language.moment import parse_every, parse_moment
from simkit.language.problem import Refusal, ScenarioError
from simkit.language.scenario import dump, load_scenario
from simkit.language.target import parse_groups, parse_link, parse_target
from simkit.language.text import plain_of, read_bytes, read_text, write_text
from simkit.language.timeline import timeline

MEGABYTE = 1 << 20
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 7)
)
HEAD = b"title: x\nsystem: task_queue\nduration: 1s\nhosts: {w: {role: worker}}\n"
CORPUS: dict[str, bytes] = {
    "ten megabytes of nesting": b"[" * (10 * MEGABYTE),
    "a megabyte of nesting": b"[" * (MEGABYTE - 1),
    "nested maps": b"{a: " * 200_000,
    "nested dashes": b"- " * 500_000,
    "nested keys": b"? " * 500_000,
    "a billion laughs": BOMB.encode(),
    "a billion hosts": b"title: x\nsystem: task_queue\nduration: 1s\nhosts: {w: {role: worker, count: 1000000000}}",
    "many groups of hosts": b"title: x\nsystem: task_queue\nduration: 1s\nhosts:\n"
    + b"".join(b"  h%d: {role: worker, count: 9999}\n" % n for n in range(2000)),
    "one long scalar": b"x" * (MEGABYTE - 1),
    "one long quoted scalar": b'"' + b"\\n" * 500_000 + b'"',
    "one long number": b"seed: " + b"9" * 100_000,
    "one long key": b"k" * 100_000 + b": 1",
    "many keys": b"".join(b"k%d: 1\n" % n for n in range(90_000)),
    "many unknown keys": b"".join(b"title%d: 1\n" % n for n in range(20_000)),
    "many items": b"[" + b"a," * 500_000 + b"]",
    "many bad expectations": HEAD + b"expect:\n" + b"- always effect_onc\n" * 900,
    "many bad faults": HEAD + b"faults:\n" + b"".join(b"  f%d: {puase: wo, at: 1}\n" % n for n in range(900)),
    "many comments": b"#\n" * 500_000,
    "many anchors": b"&a " * 300_000,
    "many duplicates": b"a: 1\n" * 100_000,
    "zeros": bytes(MEGABYTE),
    "noise": bytes(range(256)) * 100,
    "an infinite seed": HEAD + b"seed: .inf",
    "not a number": b"title: x\nsystem: task_queue\nduration: 1s\nhosts: {w: {role: worker, count: .nan}}",
    "half a surrogate": b'title: "\\ud800"\nsystem: task_queue',
    "a key that is null": b"~: 1\n",
    "numbers as keys": b"{1: 2, 010: 3}",
    "code": b"!!python/object/apply:os.system ['true']",
    "a section of the wrong kind": HEAD + b"faults: [1]\n",
    "a section that is one word": b"title: x\nsystem: task_queue\nduration: 1s\nhosts: workers\nvariants: 5\n",
    "variants of the wrong kind": HEAD + b"variants: {a: 5}\n",
    "extends itself": b"extends: my.yaml",
    "many exceptions": HEAD + b"faults: {f: {kill: " + b"w but " * 2500 + b"w, at: 1s, for: 1s}}\n",
    "many budgets": HEAD + b"budget:\n" + b"".join(b"  w%d: {down: 1}\n" % n for n in range(2000)),
    "a budget of everything": HEAD + b"budget: {w: {down: 99999999999999999999}}\nfaults: 5\n",
    "a swarm of strangers": HEAD + b"swarm: {of: [" + b"x, " * 5000 + b"x]}\n",
    "a sweep without bound": HEAD
    + b"sweep: {vary: {"
    + b", ".join(b"hosts.w.x%d: [1, 2, 3, 4, 5, 6, 7, 8, 9]" % n for n in range(60))
    + b"}}\n",
    "a point without end": HEAD + b"faults: {f: {kill: w, at: 999999999999th point x on w, for: 1s}}\n",
    "links by the million": b"title: x\nsystem: task_queue\nduration: 1min\nhosts:\n"
    b"  l: {role: worker, count: 5000}\n  r: {role: worker, count: 5000}\n"
    b"faults: {f: {loss: l <-> r, share: 1%, at: 1s, for: 1s}, g: {partition: [[l], [r]], at: 1s, for: 1s}}\n",
    "only extends": b"extends: {}",
}


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_refused(load: Any, name: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load(CORPUS[name])
    assert len(str(error.value)) < 10_000
    assert all(line.isprintable() for line in str(error.value).splitlines())


def test_overlapping_faults_on_many_hosts_stay_cheap(load: Any) -> None:
    faults = "".join(
        f"  f{n}: {{{'wipe' if n % 2 else 'pause'}: {'left' if n % 2 else 'right'}, at: 1s, for: 1s}}\n"
        for n in range(1000)
    )
    text = "title: x\nsystem: task_queue\nduration: 1min\nhosts:\n"
    text += "  left: {role: worker, count: 5000}\n  right: {role: worker, count: 5000}\n"
    assert len(load(f"{text}faults:\n{faults}").faults) == 1000


VOCABULARY = """
    title system seed duration hosts role count zones network default rtt config worker lease load from rate faults gc
    pause kill partition at every for until forever times expect always variants set sweep vary seeds extends limits
    budget swarm keep of down settle minority rack racks zone any but there when point on 3rd after settle source claims
    start warmup null true false 5 -1 1.5 60s 17/s exp(1s) workers broker a b a<->b task_queue leader x.yaml . ~ {} []
"""
WORDS = st.sampled_from(VOCABULARY.split())
TREES = st.recursive(
    WORDS | st.integers() | st.text(max_size=8) | st.none() | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=5),
    max_leaves=25,
)
QUICK = settings(
    max_examples=int(os.environ.get("SIMKIT_FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def as_flow(value: object) -> str:
    """Any tree as flow YAML; text in double quotes or bare, so that both are tried."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_flow(str(key))}: {as_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_flow, value)) + "]"
    text = "~" if value is None else str(value)
    return text if text.isalnum() else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@QUICK
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with suppress(ScenarioError):
        root = read_bytes(data, "my.yaml")
        assert repr(plain_of(read_text(write_text(root), "my.yaml"))) == repr(plain_of(root))


@QUICK
@given(st.text(alphabet="ab01 :-,[]{}&*!?|>'\"#%@`\n\t~.<", max_size=60))
def test_any_punctuation(text: str) -> None:
    with suppress(ScenarioError):
        root = read_text(text, "my.yaml")
        assert repr(plain_of(read_text(write_text(root), "my.yaml"))) == repr(plain_of(root))


@QUICK
@given(st.dictionaries(WORDS, TREES, max_size=8))
def test_any_tree(load: Any, tree: dict[str, object]) -> None:
    with suppress(ScenarioError):
        load(as_flow(tree))


@QUICK
@given(
    section=st.sampled_from(["hosts", "network", "config", "load", "faults", "expect", "variants", "sweep"]), tree=TREES
)
def test_any_section_over_a_good_scenario(load: Any, section: str, tree: object) -> None:
    with suppress(ScenarioError):
        scenario = load(f"extends: task_queue/steady\n{section}: {as_flow(tree)}\n")
        assert dump(load(dump(scenario))) == dump(scenario)


@QUICK
@given(path=st.lists(WORDS, min_size=1, max_size=4), tree=TREES)
def test_any_override(load: Any, steady: str, path: list[str], tree: object) -> None:
    with suppress(ScenarioError):
        load(steady, overrides=[f"{'.'.join(path)}={as_flow(tree)}"])


@QUICK
@given(place=st.integers(0, 1400), length=st.integers(0, 12), inserted=st.text(max_size=6) | WORDS)
def test_any_slip_in_a_good_file(load: Any, steady: str, place: int, length: int, inserted: str) -> None:
    with suppress(ScenarioError):
        load((steady[:place] + inserted + steady[place + length :]).encode(errors="replace"))


GRAMMAR = """
    any all of in on but there zone rack minority majority 2 50% 0% 1000000000 workers workers-2 broker a b leader 7
    range <-> -> when point after 3rd 0th 12st 5s 1h 5 exp(1s) uniform(1s, each every ends begins split plan.apply
    always eventually sometimes fails drop effect_once within p99 < = 2s steady ( ) ,
"""
PHRASES = st.lists(
    st.sampled_from(GRAMMAR.split()) | st.text(max_size=3),
    max_size=9,
).map(" ".join)


@QUICK
@given(PHRASES)
def test_any_phrase(phrase: str) -> None:
    for read in (parse_target, parse_link, parse_groups, parse_moment, parse_every, parse_expectation):
        with suppress(Refusal):
            read(phrase)


@QUICK
@given(
    word=st.sampled_from(["pause", "kill", "wipe", "partition", "loss", "clock_step"]),
    aim=PHRASES,
    timing=st.dictionaries(st.sampled_from(["at", "every", "for", "until", "times", "forever"]), PHRASES | WORDS),
)
def test_any_fault_that_is_read_can_be_drawn(
    load: Any, steady: str, word: str, aim: str, timing: dict[str, str]
) -> None:
    fault = {
        word: aim,
        **timing,
        **({"share": "1%"} if word == "loss" else {}),
        **({"by": "1s"} if word == "clock_step" else {}),
    }
    with suppress(ScenarioError):
        scenario = load(steady.replace("faults:\n", f"faults:\n  it: {as_flow(fault)}\n"))
        assert timeline(scenario)
        assert dump(load(dump(scenario))) == dump(scenario)


@QUICK
@given(st.text(max_size=40))
def test_any_name(registry: Any, library: Library, name: str) -> None:
    with suppress(ScenarioError):
        load_scenario(name, registry=registry, library=library)


def test_a_device_is_not_read(registry: Any, library: Library, tmp_path: Path) -> None:
    os.symlink("/dev/zero", tmp_path / "zero.yaml")
    with pytest.raises(ScenarioError, match="is not a regular file"):
        load_scenario(tmp_path / "zero.yaml", registry=registry, library=library)
