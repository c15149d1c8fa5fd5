"""The scenarios, smaller than life: every file and every variant comes out as it declares."""

from functools import cache
from pathlib import Path

import pytest

from simkit.explore.run import run_scenario
from simkit.observe.document import Document

LIBRARY = Path(__file__).parents[3] / "scenarios" / "database"

SMALLER: dict[str, list[str]] = {
    "ycsb_steady": [
        "duration=12s",
        "config.store.ranges=4",
        "load.half.until=10s",
        "load.reads.until=10s",
        "load.both.until=10s",
    ],
    "bank_faults": [
        "duration=30s",
        "load.transfers.until=20s",
        "load.lists.until=20s",
        "load.totals.until=28s",
        "config.store.ranges=2",
        "config.store.election_timeout=1s",
        *(f"faults.{name}.every=exp(12s)" for name in ("crash", "outage", "split", "slow", "skew")),
        *(f"faults.{name}.until=18s" for name in ("crash", "outage", "split", "slow", "skew")),
        *(f"faults.{name}.for=3s" for name in ("crash", "outage", "split", "slow", "skew")),
    ],
}


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
