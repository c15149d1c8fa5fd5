"""Expectations: one line each, every name known to the card."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.language.expectation import (
    Always,
    Eventually,
    Fails,
    MetricBound,
    Sometimes,
    check_names,
    is_about,
    parse_expectation,
    subject_of,
)
from simkit.language.problem import Refusal
from simkit.language.units import Duration


@pytest.mark.parametrize(
    "expected",
    [
        Always("always effect_once", "effect_once"),
        Eventually("eventually queue_drained within 2min", "queue_drained", Duration.parse("2min")),
        Sometimes("sometimes task.redelivered", "task.redelivered"),
        Fails("fails effect_once", "effect_once"),
        MetricBound("task.latency p99 < 2s in steady", "task.latency", "p99", "<", 2.0, "s", "steady"),
        MetricBound("task.latency max<=350ms", "task.latency", "max", "<=", 0.35, "s", "all"),
        MetricBound("queue.depth last == 0 in recovery", "queue.depth", "last", "==", 0.0, "", "recovery"),
        MetricBound("task.done rate > 90/min", "task.done", "rate", ">", 1.5, "/s", "all"),
        MetricBound("disk.used max < 1MiB", "disk.used", "max", "<", 1048576.0, "B", "all"),
        MetricBound("errors mean < 0.1%", "errors", "mean", "<", 0.001, "", "all"),
    ],
)
def test_read(expected: object) -> None:
    assert parse_expectation(expected.text) == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "refusal", "nearest"),
    [
        ("allways effect_once", "cannot read expectation", "`always`"),
        ("always", "needs a name", None),
        ("always effect_once and more", "takes one name", "`always effect_once`"),
        ("eventually drained", "does not say by when", "`eventually drained within 2min`"),
        ("eventually drained within 2", "needs a unit", None),
        ("task.latency < 2s", "does not say which statistic", None),
        ("task.latency p98 < 2s", "unknown statistic `p98`", "`p90`"),
        ("task.latency p99 < 2s in stedy", "unknown window `stedy`", "`steady`"),
        ("task.latency p99 = 2s", "unknown comparison `=`", "`==`"),
        ("task.latency p99 < 2m", "unknown unit `m`", "`min`"),
        ("task.latency p99 < fast", "cannot read the bound", None),
        (["always"], "an expectation is a phrase", None),
    ],
)
def test_refused(text: object, refusal: str, nearest: str | None) -> None:
    with pytest.raises(Refusal) as error:
        parse_expectation(text)
    assert refusal in error.value.message
    assert error.value.nearest == nearest


@pytest.mark.parametrize(
    ("text", "refusal", "nearest"),
    [
        ("always efect_once", "unknown check `efect_once`", "`effect_once`"),
        ("fails nothing_like_it", "task_queue has `no_acked_task_lost`", None),
        ("sometimes task.redeliverd", "unknown event", "`task.redelivered`"),
        ("latency p99 < 2s", "unknown metric `latency`", "`task.latency`"),
    ],
)
def test_names_are_the_cards(card: Any, text: str, refusal: str, nearest: str | None) -> None:
    with pytest.raises(Refusal) as error:
        check_names(parse_expectation(text), card)
    assert refusal in error.value.message
    assert error.value.nearest == nearest


@dataclass(frozen=True)
class Metric:
    unit: str


def test_a_bound_has_the_unit_of_its_metric(card: Any) -> None:
    card = replace(card, metrics={"task.latency": Metric("s"), "queue.depth": Metric("tasks")})
    check_names(parse_expectation("task.latency p99 < 2s"), card)
    check_names(parse_expectation("task.latency count > 100"), card)
    check_names(parse_expectation("queue.depth max < 100"), card)
    with pytest.raises(Refusal, match="needs a duration such as `2s`"):
        check_names(parse_expectation("task.latency p99 < 2"), card)
    with pytest.raises(Refusal, match="measured in tasks"):
        check_names(parse_expectation("queue.depth max < 2s"), card)


def test_a_bound_judges_a_value() -> None:
    bound = parse_expectation("task.latency p99 < 2s in steady")
    assert isinstance(bound, MetricBound)
    assert bound.met_by(1.31)
    assert not bound.met_by(2.0)


def test_lines_about_the_same_thing_have_the_same_subject() -> None:
    assert subject_of("always effect_once") == subject_of("fails effect_once")
    assert subject_of("task.latency p99 < 2s in steady") == subject_of("task.latency p99 < 9s in steady")
    assert subject_of("task.latency p99 < 2s in steady") != subject_of("task.latency p50 < 2s in steady")
    assert is_about("task.latency p99 < 2s in steady", "task.latency")
    assert is_about("sometimes task.redelivered", "task.redelivered")
    assert not is_about("always effect_once", "queue_drained")


@given(st.text(max_size=80))
def test_any_text_is_an_expectation_or_a_refusal(card: Any, text: str) -> None:
    subject_of(text)
    with suppress(Refusal):
        check_names(parse_expectation(text), card)
