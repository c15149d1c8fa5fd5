"""Liveness counts from the last healing, checks hear of faults, and what a run did not reach is unknown."""

from pathlib import Path

import pytest

from simkit.card import Card
from simkit.checks import Check
from simkit.explore.run import run_scenario
from simkit.observe.document import Document, ExpectationEntry
from simkit.registry import Registry

HERE = Path(__file__).parent

YAML = """
title: Faults and goals
system: greetings
seed: 7
duration: 60s
warmup: 5s
hosts:
  server: {{role: server}}
  clients: {{role: client, count: 2}}
load:
  hello: {{from: clients, rate: 5/s total, until: 40s}}
faults:
  {faults}
expect:
  - {expect}
"""


class Calm(Check):
    """No fault is there, and none went less than three seconds ago."""

    name = "calm"
    heard: list[tuple[float, str, str, tuple[str, ...]]]

    def __init__(self) -> None:
        super().__init__()
        type(self).heard = []
        self.there = 0
        self.gone_ns = 0
        self.now_ns = 0

    def observe(self, time_ns: int, host: str, event: object) -> None:
        self.now_ns = time_ns

    @property
    def holds(self) -> bool:
        return not self.there and self.now_ns >= self.gone_ns + 3 * 10**9

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self.there += 1
        self.heard.append((time_ns / 1e9, "began", name, targets))

    def fault_ended(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self.there -= 1
        self.now_ns = self.gone_ns = time_ns
        self.heard.append((time_ns / 1e9, "ended", name, targets))


class Clumsy(Calm):
    """Cannot bear a fault."""

    name = "clumsy"

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        raise LookupError("what was that?")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(str(HERE))
    registry = Registry(["greetings:card"])
    card: Card = registry.card("greetings")
    monkeypatch.setitem(card.checks, "calm", Calm)  # type: ignore[arg-type]
    monkeypatch.setitem(card.checks, "clumsy", Clumsy)  # type: ignore[arg-type]
    return registry


def ran(registry: Registry, folder: Path, faults: str, expect: str) -> Document:
    file = folder / "scenario.yaml"
    file.write_text(YAML.format(faults=faults, expect=expect), encoding="utf-8")
    return run_scenario(file, registry=registry)


def judged(registry: Registry, folder: Path, faults: str, expect: str) -> ExpectationEntry:
    [entry] = ran(registry, folder, faults, expect).expectations
    return entry


def test_a_check_hears_when_faults_begin_and_end(registry: Registry, tmp_path: Path) -> None:
    faults = (
        "cut: {partition: [[server], [clients-0]], at: 10s, for: 5s}\n  leap: {clock_step: server, by: 1s, at: 12s}"
    )
    judged(registry, tmp_path, faults, "always calm")
    assert Calm.heard == [
        (10.0, "began", "cut", ("server | clients-0",)),
        (12.0, "began", "leap", ("server",)),
        (12.0, "ended", "leap", ("server",)),
        (15.0, "ended", "cut", ("server | clients-0",)),
    ]


def test_time_to_recover_counts_from_the_last_healing(registry: Registry, tmp_path: Path) -> None:
    faults = "first: {kill: server, at: 10s, for: 2s}\n  last: {kill: clients-1, at: 20s, for: 2s}"
    entry = judged(registry, tmp_path, faults, "eventually calm within 10s")
    assert entry.verdict == "pass"
    assert entry.summary.endswith(" after the last fault healed")
    assert 3 <= float(entry.summary.split()[0]) < 4


def test_too_little_time_fails_and_the_bound_is_named(registry: Registry, tmp_path: Path) -> None:
    entry = judged(registry, tmp_path, "one: {kill: server, at: 10s, for: 2s}", "eventually calm within 2s")
    assert (entry.verdict, entry.violations[0].time_ns) == ("fail", 14 * 10**9)


def test_a_fault_that_had_no_time_to_heal_leaves_liveness_open(registry: Registry, tmp_path: Path) -> None:
    # Counted from the beginning of the fault, the goal of that very moment would pass.
    entry = judged(
        registry, tmp_path, "late: {kill: clients-1, at: 50s, for: 20s}", "eventually answers_fit within 30s"
    )
    assert entry.verdict == "unknown"
    assert entry.summary == "the run ended while `late` held: no time to recover"
    assert not entry.as_declared


def test_a_fault_that_stays_for_ever_is_lived_with(registry: Registry, tmp_path: Path) -> None:
    entry = judged(
        registry,
        tmp_path,
        "stays: {cpu_slow: server, factor: 2, at: 10s, forever: true}",
        "eventually answers_fit within 9s",
    )
    assert entry.verdict == "pass"
    assert entry.summary == "0 s after the last fault began"


def test_an_act_is_said_to_have_struck(registry: Registry, tmp_path: Path) -> None:
    entry = judged(registry, tmp_path, "leap: {clock_step: server, by: 1s, at: 9s}", "eventually calm within 9s")
    assert entry.summary.endswith("after the last fault struck")


def test_faults_of_the_warmup_count_too(registry: Registry, tmp_path: Path) -> None:
    entry = judged(registry, tmp_path, "early: {kill: server, at: 1s, for: 2s}", "eventually calm within 9s")
    assert entry.summary.endswith("after the last fault healed")


def test_a_check_that_cannot_bear_a_fault_is_an_error(registry: Registry, tmp_path: Path) -> None:
    entry = judged(registry, tmp_path, "one: {kill: server, at: 10s, for: 2s}", "always clumsy")
    assert entry.verdict == "error"
    assert "what was that?" in entry.summary


def test_an_event_that_never_came_is_unknown(registry: Registry, tmp_path: Path) -> None:
    entry = judged(registry, tmp_path, "one: {kill: server, at: 0s, for: 59s}", "sometimes greeting.answered")
    assert (entry.verdict, entry.summary) == ("unknown", "never seen in this run")
