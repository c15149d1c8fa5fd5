"""Every fault with whatever a stranger writes into its fields: a scenario or a refusal, never a traceback.

What is accepted is also drawn, as `simkit check` does. It deliberately runs none of them.
"""

import os
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simkit.language.problem import ScenarioError
from simkit.language.scenario import load_scenario
from simkit.language.timeline import timeline
from simkit.registry import Registry
from simkit.report.forecast import strips

REGISTRY = Registry()
HEAD = """
title: x
system: task_queue
duration: 5min
hosts:
  broker: {role: broker}
  effects: {role: effects}
  workers: {role: worker, count: 5, zones: [a, b], racks: [r1, r2]}
  clients: {role: client}
budget: {workers: {down: minority}}
faults:
"""
KEYS = sorted({key for fault in REGISTRY.faults().values() for key in fault.model_fields})
WORDS = """
    0 1 -1 1.5 1e308 .inf .nan 60s 0s -1s 1ns 100% 0% 150% 50ppm 64MiB 1Mbit/s exp(1s) exp(0s) workers broker token
    attempt task_queue.apply_effect/1 lease slots lease_token retry none some all lie lost true ~ next both out step
"""
TIMES = "1s 2min exp(9s) 7"
VALUES = st.recursive(
    st.sampled_from(WORDS.split()) | st.text(max_size=4),
    lambda inner: (
        st.dictionaries(st.sampled_from(["token", "lease", "retry", "base", "x"]), inner, max_size=3)
        | st.lists(inner, max_size=3)
    ),
    max_leaves=5,
)
AIMS = st.sampled_from(
    ["workers", "any 2 of workers", "workers <-> broker", "a -> b", "[[a], [b]]", "broker", "any rack", "workers but b",
     "there", "leader", "70% of workers", "[workers-0, workers-1]"]
)  # fmt: skip


def flow(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    plain = value and all(each.isalnum() or each in "./%()-_~" for each in value)
    return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize(("fault", "needed"), [("bridge: broker", 3), ("ring: any 3 of workers", 4)])
def test_a_shape_needs_hosts_enough(tmp_path, fault, needed):
    file = tmp_path / "my.yaml"
    file.write_text(f"{HEAD}  it: {{{fault}, at: 1s, for: 1s}}\n")
    with pytest.raises(ScenarioError, match=f"makes sense for {needed} hosts or more"):
        load_scenario(file, registry=REGISTRY)


@settings(
    max_examples=int(os.environ.get("SIMKIT_FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    word=st.sampled_from(sorted(REGISTRY.faults())),
    aim=AIMS,
    own=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
    timing=st.dictionaries(
        st.sampled_from(["at", "every", "for", "until", "times"]),
        st.sampled_from(TIMES.split()),
        max_size=3,
    ),
)
def test_any_fault_with_any_fields(tmp_path_factory, word, aim, own, timing):
    entry = ", ".join([f"{word}: {aim}", *(f"{flow(key)}: {flow(value)}" for key, value in {**own, **timing}.items())])
    file = tmp_path_factory.getbasetemp() / "hostile.yaml"
    file.write_bytes(f"{HEAD}  it: {{{entry}}}\n".encode(errors="replace"))
    with suppress(ScenarioError):
        scenario = load_scenario(file, registry=REGISTRY)
        assert timeline(scenario)
        assert strips(scenario)
