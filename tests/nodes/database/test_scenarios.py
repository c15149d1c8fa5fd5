"""The scenarios, smaller than life: every file and every variant comes out as it declares."""

from functools import cache
from pathlib import Path

import pytest

from simkit.card import Switch
from simkit.explore.run import run_scenario
from simkit.observe.document import Document
from simkit_nodes.database.card import card

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
    "coordinator_death": [
        "duration=45s",
        "load.transfers.until=30s",
        "load.totals.until=40s",
        "load.lists.until=30s",
        "faults.deaths.until=30s",
    ],
    "commit_latency": [],
    "github_2018": [
        "duration=50s",
        *(f"load.{name}.until=44s" for name in ("keys", "inserts", "readbacks")),
        "faults.hub_lost.at=10s",
        "faults.hub_lost.for=20s",
    ],
    "scale": [
        "duration=45s",
        "config.store.ranges=5",
        *(f"load.{name}.until=12s" for name in ("transfers", "lists", "totals")),
        "load.transfers.rate=20/s total",
        "load.lists.rate=10/s total",
        *(f"faults.{name}.every=5s" for name in ("crash", "split", "slow", "skew")),
        *(f"faults.{name}.for=2s" for name in ("crash", "split", "slow", "skew")),
        *(f"faults.{name}.until=10s" for name in ("crash", "split", "slow", "skew")),
    ],
    "ranges_split": [
        "duration=22s",
        *(f"load.{name}.until=16s" for name in ("keys", "transfers", "lists")),
        "load.totals.until=18s",
        "faults.crash.every=exp(6s)",
        "faults.crash.until=14s",
    ],
    "skewed_clocks": ["duration=16s", "load.keys.until=14s", "load.lists.until=14s"],
    "cloudflare_2020": ["duration=60s", "load.keys.until=55s", "faults.switch.for=25s"],
    "disk_faults": [
        "duration=50s",
        *(f"load.{name}.until=44s" for name in ("keys", "transfers", "totals", "inserts", "readbacks")),
        "faults.blackout.at=15s",
        "faults.rot.at=25s",
        "faults.full.at=35s",
        "faults.full.for=4s",
    ],
}
VARIANTS = [
    ("coordinator_death", "no_query"),
    ("skewed_clocks", "no_refresh"),
    ("disk_faults", "no_fsync"),
    ("github_2018", "async"),
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
