"""The words of scenario files: each leads to its fault, says where it was seen, and reads as the guide writes it.

It deliberately reads the project's own table of entry points, so that a fault that is not registered is found here.
"""

import ast
import inspect
import tomllib
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from pkgutil import iter_modules

import pytest

import simkit_faults
from simkit.fault import Act, Condition, Fault, Plan
from simkit.kernel import Constant
from simkit.language.injection import read_injection
from simkit.language.text import read_text

PROJECT = Path(__file__).parents[2]


def faults_of(module):
    return [
        found
        for found in vars(module).values()
        if inspect.isclass(found)
        and issubclass(found, Fault)
        and found.__module__ == module.__name__
        and not found.__name__.startswith("_")  # what several have in common
    ]


MODULES = [import_module(f"simkit_faults.{found.name}") for found in iter_modules(simkit_faults.__path__)]
FAULTS = [fault for module in MODULES for fault in faults_of(module)]
BY_WORD = {fault.word: fault for fault in FAULTS}


def test_every_word_is_registered_and_leads_to_its_fault():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["simkit.faults"] == {
        fault.word: f"{fault.__module__}:{fault.__name__}" for fault in FAULTS
    }
    assert len(BY_WORD) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.word)
def test_every_fault_says_what_it_does_and_where_it_was_seen(fault):
    text = inspect.getdoc(fault)
    assert text.partition("\n")[0].endswith(".")
    assert "\nSeen: " in text
    assert issubclass(fault, Condition | Act | Plan)
    assert fault.target in ("hosts", "links", "groups", "routers", "wires")


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.model_fields], ids=lambda fault: fault.word)
def test_every_field_has_a_line_of_its_own(fault):
    told = {}
    for part in fault.__mro__:
        if part.__module__.startswith("simkit_faults"):
            (body,) = ast.parse(inspect.getsource(part)).body
            for field, after in pairwise(body.body):
                if isinstance(field, ast.AnnAssign):
                    told[field.target.id] = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    assert told == dict.fromkeys(fault.model_fields, True)


WRITTEN = [
    ("kill: any 1 of workers, every: exp(2min), for: 30s", "kill", {}),
    ("stop: workers-2, at: 5min, for: 30s, grace: 3s", "stop", {"grace": 3 * 10**9}),
    ("stop: workers-2, at: 5min, for: 30s", "stop", {"grace": 10 * 10**9}),
    ("power_cut: broker, at: 5s after split, for: 3s", "power_cut", {"torn": "some"}),
    ("power_cut: broker, torn: all, at: 5min, for: 3s", "power_cut", {"torn": "all"}),
    ("suspend: workers-2, clock: behind, at: 5min, for: 1h", "suspend", {"clock": "behind"}),
    ("isolate: any 1 of stores, at: 5min, for: 1h", "isolate", {"direction": "both", "reject": False}),
    ("bridge: stores, at: 5min, for: 1h", "bridge", {}),
    ("ring: stores, reach: 1, at: 5min, for: 1h", "ring", {"reach": 1}),
    ("swizzle: 50% of stores, keep: 1s, at: 5min", "swizzle", {"over": 10 * 10**9, "keep": 10**9}),
    ("wipe: broker, at: 5min, for: 3s", "wipe", {}),
    ("pause: any 2 of workers, at: 5min, for: 90s", "pause", {}),
    ("partition: [[a], [b]], at: 10min, for: 20s", "partition", {"reject": False}),
    ("partition: minority of brokers, at: 10min, for: 20s, reject: true", "partition", {"reject": True}),
    ("loss: a -> b, add: 5%, at: 1min, for: 20s", "loss", {"add": 0.05}),
    ("bandwidth: a <-> b, limit: 10Mbit/s, at: 1min, for: 20s", "bandwidth", {"limit": 10**7}),
    ("duplicate: a <-> b, share: 1%, at: 1min, for: 20s", "duplicate", {"share": 0.01, "after": Constant(0.0)}),
    ("reorder: a -> b, share: 5%, by: 10ms, at: 1min, for: 20s", "reorder", {"share": 0.05, "by": Constant(1e7)}),
    ("corrupt: a -> b, share: 1%, at: 1min, for: 20s", "corrupt", {"share": 0.01, "unnoticed": 2.0**-16}),
    ("loss_bursts: a -> b, loss: 1%, length: 8, at: 1min, for: 20s", "loss_bursts", {"loss": 0.01, "length": 8.0}),
    ("mtu: a <-> b, limit: 1400B, silent: true, at: 1min, for: 20s", "mtu", {"limit": 1400, "silent": True}),
    ("dns_down: workers, fails: true, at: 1min, for: 20s", "dns_down", {"names": None, "fails": True}),
    ("dns_missing: workers, names: [broker], at: 1min, for: 20s", "dns_missing", {"names": ("broker",)}),
    ("dns_slow: workers, add: 2s, at: 1min, for: 20s", "dns_slow", {"names": None, "add": Constant(2e9)}),
    ("dns_stale: workers, at: 1min, for: 20s", "dns_stale", {"names": None}),
    (
        "dns_poisoned: workers, to: effects, at: 1min, for: 20s",
        "dns_poisoned",
        {"names": None, "to": "effects", "ttl": 30 * 10**9},
    ),
    ("link_down: paris <-> london, at: 1min, for: 20s", "link_down", {}),
    ("router_down: [paris, london], at: 1min, for: 20s", "router_down", {}),
    ("disk_slow: broker, factor: 20, at: 1min, for: 20s", "disk_slow", {"factor": 20.0}),
    ("sync_fails: broker, at: 1min, for: 20s", "sync_fails", {"mode": "error"}),
    ("sync_fails: broker, mode: lie, at: 1min, for: 20s", "sync_fails", {"mode": "lie"}),
    ("clock_offset: workers-1, by: -10min, at: 1min, for: 20s", "clock_offset", {"by": -600 * 10**9}),
    ("clock_drift: workers-1, by: 200ppm, at: 1min, for: 20s", "clock_drift", {"by": 200_000}),
    ("cpu_slow: workers, factor: 1.5, at: 1min, forever: true", "cpu_slow", {"factor": 1.5}),
]


def read(line, problems):
    root = read_text(f"it: {{{line}}}\n", "test.yaml")
    return read_injection("it", root.entries["it"], BY_WORD, problems)


@pytest.mark.parametrize(("line", "word", "fields"), WRITTEN)
def test_a_fault_reads_as_the_guide_writes_it(line, word, fields):
    problems = []
    injection = read(line, problems)
    assert problems == []
    assert injection.word == word
    assert type(injection.fault) is BY_WORD[word]
    assert {name: getattr(injection.fault, name) for name in type(injection.fault).model_fields} == fields


def test_latency_takes_a_duration_or_a_distribution():
    for text, mean_ns in (("200ms", 2e8), ("exp(1s)", 1e9), ('"uniform(1s, 2s)"', 1.5e9)):
        problems = []
        injection = read(f"latency: a <-> b, add: {text}, at: 1min, for: 20s", problems)
        assert problems == []
        assert injection.fault.add.mean == mean_ns


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("disk_slow: broker, at: 1min, for: 20s", "`factor` is missing"),
        ("disk_slow: broker, factor: 0.5, at: 1min, for: 20s", "at least"),
        ("sync_fails: broker, mode: lies, at: 1min, for: 20s", "expected one of"),
        ("clock_offset: broker, by: 600, at: 1min, for: 20s", "needs a unit"),
        ("kill: broker, grace: 3s, at: 1min, for: 20s", "unknown key `grace`"),
        ("pause: broker, at: 1min", "lasts, so it needs"),
    ],
)
def test_what_a_fault_does_not_understand_is_refused_with_a_reason(line, complaint):
    problems = []
    read(line, problems)
    assert any(complaint in str(problem) for problem in problems), problems
