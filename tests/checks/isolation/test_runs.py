"""From a scenario to the page: a system's transactions are judged, and a cycle is told and drawn."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from simkit.checks.isolation import IsolationCheck
from simkit.explore.run import run_scenario
from simkit.observe.document import CycleEntry, Document, ViolationEntry, read_document
from simkit.registry import Registry
from simkit.report.cycles import draw_cycle
from simkit.report.page import page

FILE = Path(__file__).with_name("duty_roster.yaml")


@pytest.fixture(scope="module")
def registry() -> Registry:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FILE.parent))
        return Registry(["duty_roster:card"])


@pytest.fixture(scope="module")
def careful(registry: Registry) -> Document:
    return run_scenario(FILE, registry=registry)


@pytest.fixture(scope="module")
def skewed(registry: Registry) -> Document:
    return run_scenario(FILE, variant="snapshots", registry=registry)


def drawn(document: Document) -> CycleEntry:
    cycle = failed(document).cycle
    assert cycle
    return cycle


def failed(document: Document) -> ViolationEntry:
    return next(each for each in document.expectations if each.verdict == "fail").violations[0]


def test_a_serializable_store_passes_and_says_what_was_judged(careful: Document) -> None:
    assert [each.verdict for each in careful.expectations] == ["pass", "pass"]
    summary = careful.expectations[0].summary
    counted = re.match(
        r"([\d,]+) transactions committed, ([\d,]+) aborted, ([\d,]+) unknown, \d keys, 0 anomal", summary
    )
    assert counted, summary
    assert all(int(count.replace(",", "")) > 5 for count in counted.groups()[:2])


def test_snapshots_fail_as_declared_by_write_skew_alone(skewed: Document) -> None:
    assert skewed.as_declared
    found = {each.subject: each for each in skewed.expectations}
    assert found["snapshot_isolated"].verdict == "pass"
    assert "write skew (G2-item): T" in found["strict_serializable"].summary


def test_the_story_gives_a_reason_for_every_edge_and_ends_with_the_cycle(skewed: Document) -> None:
    violation = failed(skewed)
    reasons = [step.text for step in violation.story if " before T" in step.text]
    assert len(reasons) == len(drawn(skewed).edges)
    assert all("not yet" in reason for reason in reasons)
    assert violation.story[-1].violation
    assert violation.story[-1].text == violation.text


def test_the_cycle_survives_the_run_document(skewed: Document) -> None:
    assert read_document(skewed.to_json()) == skewed


def test_the_page_draws_the_cycle_with_an_arrow_for_every_edge(skewed: Document) -> None:
    assert draw_cycle(drawn(skewed)) in page(skewed)
    picture = ElementTree.fromstring(draw_cycle(drawn(skewed)))
    names = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert [f"rw {edge.key}" in names for edge in drawn(skewed).edges] == [True] * len(drawn(skewed).edges)
    assert {each.name for each in drawn(skewed).transactions} <= set(names)
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}polygon"))) == len(drawn(skewed).edges)


def test_names_of_the_run_cannot_break_out_of_the_drawing(skewed: Document) -> None:
    text = skewed.to_json().replace(b"shift-", b'<script>\\"&').decode()
    hostile = drawn(read_document(text.encode()))
    ElementTree.fromstring(draw_cycle(hostile))
    assert "<script>" not in draw_cycle(hostile)


def test_a_run_without_transactions_is_undecided(registry: Registry) -> None:
    document = run_scenario(FILE, overrides=["load.change.until=0s"], registry=registry)
    assert document.error is None
    assert [each.verdict for each in document.expectations] == ["unknown", "unknown"]
    assert document.expectations[0].summary == "no transaction was invoked"


def test_a_check_without_a_known_level_says_so_when_it_is_made() -> None:
    class Slip(IsolationCheck):
        name, level = "slip", "serialisable"

    with pytest.raises(ValueError, match="nearest: 'serializable'"):
        Slip()
