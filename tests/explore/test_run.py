"""Runs of a small system, from the file to the verdict."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from simkit.explore.run import Run, run_scenario
from simkit.language.problem import ScenarioError
from simkit.language.scenario import load_scenario
from simkit.observe.document import Document, read_document
from simkit.registry import Registry
from simkit.report.terminal import terminal

HERE = Path(__file__).parent
FILE = HERE / "greetings.yaml"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(str(HERE))
    return Registry(["greetings:card"])


def verdicts(document: Document) -> dict[str, str]:
    return {each.text: each.verdict for each in document.expectations}


def test_a_run_ends_with_a_verdict_for_every_expectation(registry: Registry) -> None:
    document = run_scenario(FILE, registry=registry)
    assert document.verdict == "pass"
    assert document.as_declared
    assert verdicts(document) == {
        "always answers_fit": "pass",
        "sometimes greeting.answered": "pass",
        "greeting.latency p99 < 1s": "pass",
    }


def test_a_variant_that_must_fail_fails_by_the_check_it_names(registry: Registry) -> None:
    document = run_scenario(FILE, variant="forgetful", registry=registry)
    assert document.verdict == "fail"
    assert document.as_declared
    [failed] = [each for each in document.expectations if each.verdict == "fail"]
    assert failed.text == "fails answers_fit"
    assert failed.violations[0].story[-1].violation


def test_a_check_that_should_fail_and_holds_is_not_as_declared(registry: Registry) -> None:
    document = run_scenario(FILE, overrides=['expect=["fails answers_fit"]'], registry=registry)
    assert not document.as_declared


def test_what_is_missing_from_the_card_is_a_warning(registry: Registry) -> None:
    assert run_scenario(FILE, registry=registry).warnings == ()
    whole = registry.card("greetings")
    poor = replace(whole, events=whole.events[:1], metrics={})
    overrides = ['expect=["drop greeting.answered", "drop greeting.latency"]']
    document = run_scenario(FILE, overrides=overrides, registry=Registry(cards=[poor]))
    assert document.warnings == (
        "event greeting.answered is missing from the card of greetings: no scenario can name it",
        "metric greeting.latency is missing from the card of greetings: no scenario can name it",
        "metric greetings is missing from the card of greetings: no scenario can name it",
    )
    assert document.verdict == "pass"
    assert "  warning  event greeting.answered is missing from the card" in terminal(document)


def test_an_exception_in_an_arrival_is_an_error_and_ends_the_run(registry: Registry) -> None:
    document = run_scenario(FILE, overrides=["config.client.rude_at=5"], registry=registry)
    assert document.verdict == "error"
    assert document.error is not None
    assert document.error.text == "LookupError: no manners"
    assert document.ended_ns is not None
    assert "greetings.py" in document.error.traceback


def test_a_crashed_program_boots_again_when_the_file_says_so(registry: Registry) -> None:
    overrides = ["config.client.rude_at=5", "supervise=restart"]
    document = run_scenario(FILE, overrides=overrides, registry=registry)
    assert document.verdict == "pass"
    assert [state for _, state in document.host_states["clients-0"]][:3] == ["up", "down", "up"]


def test_faults_are_told_with_their_targets_and_times(registry: Registry) -> None:
    document = run_scenario(FILE, registry=registry)
    loss, cut = document.faults
    assert (loss.fault, loss.targets, loss.begin_ns, loss.end_ns) == ("kill", ("server",), 20 * 10**9, 25 * 10**9)
    assert (cut.fault, cut.begin_ns) == ("partition", 30 * 10**9)
    assert document.host_states["server"] == ((0, "up"), (20 * 10**9, "down"), (25 * 10**9, "up"))
    assert document.windows.steady == (0, 20 * 10**9)
    assert document.windows.recovery == (35 * 10**9, 60 * 10**9)


def test_a_run_folder_holds_what_somebody_else_needs_to_run_it_again(registry: Registry, tmp_path: Path) -> None:
    first = run_scenario(FILE, registry=registry, folder=tmp_path, trace="file")
    assert {path.name for path in tmp_path.iterdir()} >= {"run.json", "scenario.yaml", "trace.bin", "junit.xml"}
    assert read_document(tmp_path / "run.json").digest == first.digest
    again = run_scenario(tmp_path / "scenario.yaml", registry=registry)
    assert again.digest == first.digest


def test_another_seed_is_another_run(registry: Registry) -> None:
    assert run_scenario(FILE, seed=8, registry=registry).digest != run_scenario(FILE, registry=registry).digest


def test_an_event_limit_makes_the_verdict_unknown(registry: Registry) -> None:
    document = run_scenario(FILE, overrides=["limits.events=500"], registry=registry)
    assert document.verdict == "unknown"
    assert not document.as_declared


def test_nothing_runs_when_the_file_is_wrong(registry: Registry) -> None:
    with pytest.raises(ScenarioError, match=r"unknown target `sever`.*nearest: `server`"):
        run_scenario(FILE, overrides=["faults.loss.kill=sever"], registry=registry)


def test_interrupting_keeps_what_was_measured(registry: Registry) -> None:
    run = Run(load_scenario(FILE, registry=registry), registry.card("greetings"))
    run.world.post(10**10, run.world.control, run.interrupt)
    document = run.execute()
    assert document.verdict == "unknown"
    assert document.event_counts["greeting.answered"] > 10


def test_a_worker_lets_go_of_the_world_of_a_run(registry: Registry) -> None:
    gc.freeze()  # as a worker does, which says that it keeps what it has
    try:
        run = Run(load_scenario(FILE, registry=registry), registry.card("greetings"))
        run.execute()
        world = weakref.ref(run.world)
        del run
        gc.collect()
        assert world() is None
    finally:
        gc.unfreeze()
