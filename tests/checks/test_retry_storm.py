"""A system that really goes metastable, from the scenario file to the verdict and its story."""

from pathlib import Path

import pytest

from simkit.explore.run import run_scenario
from simkit.observe.document import Document, ExpectationEntry, read_document
from simkit.registry import Registry

HERE = Path(__file__).parent
S = 1_000_000_000
FILE = HERE / "retry_storm.yaml"


@pytest.fixture(scope="module")
def registry() -> Registry:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        return Registry(["retry_storm:card"])


@pytest.fixture(scope="module")
def with_budget(registry: Registry) -> Document:
    return run_scenario(FILE, registry=registry)


@pytest.fixture(scope="module")
def storm(registry: Registry) -> Document:
    return run_scenario(FILE, variant="storm", registry=registry)


def entry(document: Document, text: str) -> ExpectationEntry:
    return next(each for each in document.expectations if each.text == text)


def test_with_a_retry_budget_the_server_recovers(with_budget: Document) -> None:
    assert with_budget.verdict == "pass"
    assert with_budget.error is None
    assert entry(with_budget, "always recovers_by_itself").summary.startswith("recovered once, at the slowest ")
    assert with_budget.event_counts["storm.retried"] > 50  # there was something to recover from


def test_without_one_it_stays_down_although_the_fault_has_gone(storm: Document) -> None:
    assert storm.as_declared
    failed = entry(storm, "fails recovers_by_itself")
    assert "after slow had gone" in failed.summary
    assert failed.summary.endswith("; not back when the run ended, after 54 s")


def test_the_story_goes_from_the_steady_state_over_the_trigger_to_the_violation(storm: Document) -> None:
    [violation] = entry(storm, "fails recovers_by_itself").violations
    kinds = [step.fault or step.text.split()[0].rstrip(":") for step in violation.story]
    assert kinds == ["steady", "slow", "slow", "goodput"]
    assert violation.story[1].line is not None
    assert violation.story[-1].violation
    assert read_document(storm.to_json()) == storm


def test_the_objective_fails_with_it_and_says_when_somebody_would_have_been_woken(storm: Document) -> None:
    failed = entry(storm, "fails answered_in_time")
    [violation] = failed.violations
    assert violation.text.endswith(" to the end")
    [fired] = [step for step in violation.story if step.text == "page (over 2x for 20 s and 5 s) fires"]
    assert 30 * S < fired.time_ns < violation.time_ns
    assert any("bad while slow held (server)" in step.text for step in violation.story)
    assert "slow" in {step.fault for step in violation.story}


def test_a_burst_of_users_does_the_same_without_any_fault(registry: Registry) -> None:
    document = run_scenario(FILE, variant="burst", registry=registry)
    assert document.as_declared
    assert not document.faults
    [violation] = entry(document, "fails recovers_by_itself").violations
    assert "after the overload had gone" in violation.text
    assert [step.time_ns / S for step in violation.story if step.text == "the overload has gone"] == [36]


def test_a_run_that_is_too_short_decides_nothing(registry: Registry) -> None:
    document = run_scenario(FILE, variant="short", registry=registry)
    assert [each.verdict for each in document.expectations] == ["unknown", "unknown", "pass"]
    assert "before the bound" in document.expectations[0].summary
