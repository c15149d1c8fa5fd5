"""The scenarios, smaller than life: every file and every variant comes out as it declares, and twice the same."""

from functools import cache
from pathlib import Path

import pytest
from smaller_scenarios import TASK_QUEUE as SMALLER

from simkit.explore.run import run_scenario
from simkit.observe.document import Document
from simkit_nodes.task_queue.card import card

LIBRARY = Path(__file__).parents[3] / "scenarios" / "task_queue"

VARIANTS = [
    ("slow_is_not_dead", "no_token"),
    ("worker_crashes", "ack_early"),
    ("worker_crashes", "no_sweeper"),
    ("broker_power_cut", "no_fsync"),
]
"""One for each switch of the card."""

ELSEWHERE = [("bad_network", "no_token"), ("rerouted", "no_token")]
"""Further ways to miss a protection."""


def play(scenario: str, variant: str | None = None, seed: int | None = None) -> Document:
    return run_scenario(LIBRARY / f"{scenario}.yaml", variant=variant, overrides=SMALLER[scenario], seed=seed)


@cache
def played(scenario: str, variant: str | None = None) -> Document:
    """The same, once for all tests: a document is a frozen value."""
    return play(scenario, variant)


def said(document: Document) -> list[tuple[str, str, str]]:
    return [(each.verdict, each.text, each.summary) for each in document.expectations]


@pytest.mark.parametrize("scenario", list(SMALLER))
def test_the_scenario_passes_with_its_protections_on(scenario: str) -> None:
    document = played(scenario)
    assert document.error is None
    assert document.as_declared, said(document)
    assert document.verdict == "pass"


@pytest.mark.parametrize(("scenario", "variant"), VARIANTS + ELSEWHERE)
def test_without_a_protection_exactly_the_declared_checks_fail(scenario: str, variant: str) -> None:
    document = played(scenario, variant)
    assert document.error is None
    assert document.as_declared, said(document)
    assert document.verdict == "fail"


def test_every_switch_of_the_card_is_shown_by_a_variant() -> None:
    shown = {(switch.scenario.removeprefix("task_queue/"), switch.variant) for switch in card.switches}
    assert shown == set(VARIANTS)
    for switch in card.switches:
        document = played(switch.scenario.removeprefix("task_queue/"), switch.variant)
        failed = {each.subject for each in document.expectations if each.declared == "fails"}
        assert switch.check in failed


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    digests = [play("broker_power_cut", seed=seed).digest for seed in (11, 11, 12)]
    assert digests[0] == digests[1] != digests[2]


def test_a_second_effect_tells_who_did_what() -> None:
    document = played("slow_is_not_dead", "no_token")
    (expectation,) = [each for each in document.expectations if each.subject == "effect_once"]
    story = [step.text for step in expectation.violations[0].story]
    words = ("stored", "lease", "expired, queued again", "attempt 2", "took place", "attempt 1")
    positions = [next(index for index, text in enumerate(story) if word in text) for word in words[:3]]
    assert positions == sorted(positions)
    assert all(any(word in text for text in story) for word in words)


@pytest.mark.audit
@pytest.mark.parametrize("scenario", list(SMALLER))
def test_the_scenario_as_it_stands_in_the_library(scenario: str) -> None:
    assert run_scenario(LIBRARY / f"{scenario}.yaml").as_declared


@pytest.mark.audit
@pytest.mark.parametrize(("scenario", "variant"), VARIANTS + ELSEWHERE)
def test_the_variant_as_it_stands_in_the_library(scenario: str, variant: str) -> None:
    assert run_scenario(LIBRARY / f"{scenario}.yaml", variant=variant).as_declared


@pytest.mark.audit
@pytest.mark.parametrize("scenario", list(SMALLER))
@pytest.mark.parametrize("seed", range(100, 150))
def test_no_false_alarm_over_fifty_seeds(scenario: str, seed: int) -> None:
    document = play(scenario, seed=seed)
    failed = [text for verdict, text, _ in said(document) if verdict in ("fail", "error")]
    assert document.error is None
    assert failed == []
