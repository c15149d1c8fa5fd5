"""The scenarios, smaller than life: every file and every variant comes out as it declares."""

from functools import cache
from pathlib import Path

import pytest
from smaller_scenarios import DATABASE as SMALLER

from simkit.card import Switch
from simkit.explore.run import run_scenario
from simkit.observe.document import Document
from simkit_nodes.database.card import card

LIBRARY = Path(__file__).parents[3] / "scenarios" / "database"

VARIANTS = [
    ("coordinator_death", "no_query"),
    ("skewed_clocks", "no_refresh"),
    ("slow_leader", "no_guard"),
    ("disk_faults", "no_fsync"),
    ("github_2018", "async"),
    ("ranges_merge", "no_arbiter"),
    ("replaced_store", "not_replaced"),
    ("follower_reads", "no_wait"),
]


@cache
def played(scenario: str, variant: str | None = None) -> Document:
    """The document of a run, once for all tests: it is a frozen value."""
    return run_scenario(LIBRARY / f"{scenario}.yaml", variant=variant, overrides=SMALLER[scenario])


def said(document: Document) -> list[tuple[str, str, str]]:
    return [(each.verdict, each.text, each.summary) for each in document.expectations]


@pytest.mark.parametrize("scenario", list(SMALLER))
def test_the_scenario_passes_with_its_protections_on(scenario: str) -> None:
    document = played(scenario)
    assert document.error is None
    assert document.as_declared, said(document)
    assert document.verdict == "pass", said(document)


@pytest.mark.parametrize(("scenario", "variant"), VARIANTS)
def test_without_a_protection_exactly_the_declared_checks_fail(scenario: str, variant: str) -> None:
    document = played(scenario, variant)
    assert document.error is None
    assert document.as_declared, said(document)
    assert document.verdict == "fail", said(document)


@pytest.mark.audit
@pytest.mark.parametrize("switch", card.switches, ids=lambda switch: switch.variant)
def test_every_switch_breaks_its_check(switch: Switch) -> None:
    document = run_scenario(LIBRARY.parent / f"{switch.scenario}.yaml", variant=switch.variant)
    assert document.error is None
    assert document.as_declared, said(document)
    failed = [each.text for each in document.expectations if each.verdict == "fail"]
    assert f"fails {switch.check}" in failed
