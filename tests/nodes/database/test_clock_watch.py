"""A store whose clock is wrong notices it, and serves nobody until it is right again."""

from pathlib import Path

from simkit.explore.run import run_scenario
from simkit.node import event_name
from simkit_nodes.database.events import ClockMeasured

SCENARIO = """
title: A clock that jumps
system: database
duration: 30s
hosts:
  stores:   {role: store, count: 3, disk: nvme}
  gateways: {role: gateway}
  clients:  {role: client}
load:
  keys: {workload: ycsb_a, from: clients, rate: 20/s total, start: 4s, until: 28s, keys: 10}
faults:
  jump: {clock_offset: stores-1, by: OFFSET, at: 10s, for: 8s}
expect:
  - always linearizable
"""


def told(directory: Path, offset: str) -> tuple[int, str]:
    """Whether the store said that it does not trust its clock, and the verdict."""
    file = directory / "jump.yaml"
    file.write_text(SCENARIO.replace("OFFSET", offset))
    document = run_scenario(file)
    assert document.error is None
    return document.first_events.get(event_name(ClockMeasured), 0), document.verdict


def test_a_clock_beyond_four_fifths_of_max_offset_is_not_trusted(tmp_path: Path) -> None:
    seen_ns, verdict = told(tmp_path, "230ms")
    assert 10e9 < seen_ns < 12e9
    assert verdict == "pass"


def test_a_clock_within_it_is(tmp_path: Path) -> None:
    assert told(tmp_path, "150ms") == (0, "pass")
