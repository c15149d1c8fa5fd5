"""The run document: built from a watched run, written, read back, and refused when it is not one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from simkit.kernel.world import World
from simkit.observe.document import FaultEntry, HostEntry, StoryStep, read_document, schema, tell
from simkit.observe.observation import Observation

At = Callable[[float], None]
S = 10**9


def watched(world: World, at: At) -> Observation:
    hosts = [HostEntry(name="broker", group="broker"), HostEntry(name="workers-0", group="workers", zone="a")]
    observation = Observation(world, hosts, 100 * S, 10 * S, trace_hashes=True)
    world.records.write("host", "broker", "boot")
    observation.metrics_of("broker").gauge("queue.depth", unit="tasks").set(3)
    at(40)
    world.records.write("fault", "", "gc", "begin")
    world.records.write("host", "broker", "kill")
    at(50)
    world.records.write("fault", "", "gc", "end")
    world.records.write("log", "broker", "INFO", "node", "awake")
    at(100)
    observation.close()
    return observation


def test_a_watched_run_becomes_a_document_and_back(world: World, at: At, tmp_path: Path) -> None:
    fault = FaultEntry(name="gc", fault="kill", targets=("broker",), begin_ns=40 * S, end_ns=50 * S)
    document = watched(world, at).document(scenario="a/b", seed=7, verdict="pass", as_declared=True, faults=[fault])
    document.write(tmp_path / "run.json")
    again = read_document(tmp_path / "run.json")
    assert again.to_json() == document.to_json()
    assert again.windows.faults == (40 * S, 50 * S)
    assert again.host_states == {"broker": ((0, "up"), (40 * S, "down")), "workers-0": ((0, "down"),)}
    assert again.digest == world.records.digest()
    assert again.events == 4
    [depth] = again.metrics
    assert depth.values[94] == 3
    assert depth.values[96] is None
    assert depth.windows["steady"] == {"mean": 3, "minimum": 3, "maximum": 3, "last": 3}


def test_the_document_is_plain_json(world: World, at: At) -> None:
    document = watched(world, at).document(scenario="a/b", seed=7, verdict="pass", as_declared=True)
    plain = json.loads(document.to_json())
    assert plain["format"] == 1
    assert plain["hosts"][1]["zone"] == "a"
    assert set(plain) == set(schema()["$defs"]["Document"]["properties"])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"[]", "is not a run document"),
        (b'{"format": 2}', "has format 2; this simkit reads format 1"),
        (b'{"format": 1, "scenario": "a", "seed": "x", "verdict": "pass"}', r"Expected `int`.*seed"),
        (b"", "is not a run document"),
    ],
)
def test_what_is_not_a_document_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_document(data)


def test_a_story_tells_which_faults_touched_it() -> None:
    steps = [
        StoryStep(time_ns=10, host="workers-1", text="lease"),
        StoryStep(time_ns=50, host="workers-1", text="late"),
    ]
    faults = [
        FaultEntry(name="gc", fault="pause", targets=("workers-1", "workers-4"), begin_ns=20, end_ns=40, line=14),
        FaultEntry(name="other", fault="pause", targets=("workers-4",), begin_ns=20, end_ns=40),
        FaultEntry(name="slow", fault="latency", begin_ns=5, end_ns=None),
        FaultEntry(name="early", fault="pause", targets=("workers-1",), begin_ns=1, end_ns=5),
        FaultEntry(name="late", fault="pause", targets=("workers-1",), begin_ns=51, end_ns=None),
    ]
    violation = tell(50, "workers-1", "twice", steps, faults)
    assert [(step.time_ns, step.fault, step.violation) for step in violation.story] == [
        (5, "slow", False),
        (10, None, False),
        (20, "gc", False),
        (50, None, True),
    ]


@pytest.mark.parametrize(("other", "told"), [("workers-1", True), ("workers-2", False)])
def test_a_fault_of_a_link_touches_both_of_its_ends(other: str, told: bool) -> None:
    steps = [StoryStep(time_ns=10, host="workers-1", text="asks")]
    links = ((("broker",), (other,), True),)
    cut = FaultEntry(name="cut", fault="partition", targets=("broker <-> x",), links=links, begin_ns=20, end_ns=40)
    violation = tell(50, "workers-1", "no answer", steps, [cut])
    assert ("cut" in {step.fault for step in violation.story}) == told


def test_a_violation_without_a_story_tells_itself() -> None:
    violation = tell(50, "workers-1", "task took effect twice", [], [])
    assert [(step.text, step.violation) for step in violation.story] == [("task took effect twice", True)]
