"""Checks of histories in whole runs: from a scenario file to the verdict and its picture."""

from pathlib import Path

import pytest

from simkit.explore.run import run_scenario
from simkit.observe.document import Document, read_document
from simkit.registry import Registry
from simkit.report.page import page
from simkit.report.terminal import terminal

HERE = Path(__file__).parent
FILE = HERE / "shelf.yaml"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.syspath_prepend(str(HERE))
    return Registry(["shelf:card"])


def verdicts(document: Document) -> dict[str, str]:
    return {each.text: each.verdict for each in document.expectations}


def test_a_store_that_reads_from_the_primary_keeps_its_promises(registry: Registry) -> None:
    document = run_scenario(FILE, registry=registry)
    assert verdicts(document) == {
        "always linearizable": "pass",
        "always reads_never_go_back": "pass",
        "eventually copies_agree within 5s": "pass",
    }
    summary = document.expectations[0].summary
    assert "on 2 keys" in summary
    assert "of unknown end" in summary  # the partition left some


def test_a_lagging_copy_breaks_them_and_the_operations_are_shown(registry: Registry) -> None:
    document = run_scenario(FILE, variant="lagging", registry=registry)
    assert document.as_declared
    violation = next(each for each in document.expectations if each.subject == "linearizable").violations[0]
    assert sum(each.blamed for each in violation.operations) == 1
    assert 2 <= len(violation.operations) <= 4
    lines = terminal(document, width=100)
    assert "  <--" in lines
    assert "var(--fail)" in page(document)
    assert read_document(document.to_json()) == document


def test_a_budget_that_does_not_suffice_makes_the_run_unknown(registry: Registry) -> None:
    document = run_scenario(FILE, variant="poor", registry=registry)
    assert verdicts(document)["always unaffordable"] == "unknown"
    assert document.verdict == "unknown"
    assert not document.as_declared


def test_copies_that_are_kept_apart_are_told(registry: Registry) -> None:
    document = run_scenario(FILE, variant="apart", registry=registry)
    [entry] = [each for each in document.expectations if each.subject == "copies_agree"]
    assert entry.verdict == "fail"
    assert entry.violations[0].text == "2 replicas are in 2 states after 2 s of quiet"
    assert document.as_declared
