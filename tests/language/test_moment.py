"""Moments: when something begins, ends or repeats."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.kernel.distribution import Constant, Exponential
from simkit.kernel.stream import Stream
from simkit.language.moment import Every, FaultEdge, Occurrence, PointReached, Start, parse_every, parse_moment
from simkit.language.problem import Refusal
from simkit.language.target import parse_target

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "delay", "anchor"),
    [
        ("40s", 40, Start()),
        ("0s", 0, Start()),
        ("5s after split", 5, FaultEdge("split")),
        ("after split", 0, FaultEdge("split")),
        ("5s after split begins", 5, FaultEdge("split")),
        ("2 min after split ends", 120, FaultEdge("split", "ends")),
        ("when plan.apply", 0, Occurrence("plan.apply")),
        ("when plan.apply on enactors-1", 0, Occurrence("plan.apply", 1, parse_target("enactors-1"))),
        ("12th plan.apply on enactors-1", 0, Occurrence("plan.apply", 12, parse_target("enactors-1"))),
        ("3rd point after-write on broker", 0, PointReached("after-write", 3, parse_target("broker"))),
        ("when point disk.sync", 0, PointReached("disk.sync")),
        ("2nd point on workers", 0, PointReached(None, 2, parse_target("workers"))),
        ("1s after 2nd point sync", 1, PointReached("sync", 2)),
        ("when 3rd plan.apply", 0, Occurrence("plan.apply", 3)),
        ("2s after 12th plan.apply", 2, Occurrence("plan.apply", 12)),
        ("2s after plan.apply", 2, Occurrence("plan.apply")),
    ],
)
def test_a_moment_is_a_delay_after_an_anchor(text: str, delay: int, anchor: object) -> None:
    moment = parse_moment(text)
    assert (moment.delay_ns, moment.anchor) == (delay * SECOND, anchor)


@pytest.mark.parametrize(
    ("value", "refusal"),
    [
        (40, "write for example `40s`"),
        ("40", "write for example `40s`"),
        ("split", "is not a moment"),
        ("5 after split", "needs a unit"),
        ("point sync on broker", "`point sync on broker` is not a moment"),
        ("0th point sync", "counted from the 1st"),
        ("0th plan.apply", "counted from the 1st"),
        ("12st plan.apply", "`12st`"),
        ("when", "is not a moment"),
        ("when ???", "cannot read moment"),
        ("after", "is not a moment"),
        (None, "such as `60s`, found nothing"),
        ([], "found a list"),
    ],
)
def test_refused(value: object, refusal: str) -> None:
    with pytest.raises(Refusal) as error:
        parse_moment(value)
    assert refusal in error.value.message


def test_every() -> None:
    assert parse_every("10s") == Every("10s", Constant(10e9), each=False)
    assert parse_every("exp(10min) each") == Every("exp(10min) each", Exponential(600e9), each=True)


def test_the_next_strike_is_always_later() -> None:
    every, stream = parse_every("exp(1ns)"), Stream(7, "test")
    assert min(every.next_ns(stream) for _ in range(200)) == 1


@pytest.mark.parametrize("value", ["0s", "exp(0s)", 10, "each", "10s each each"])
def test_every_refused(value: object) -> None:
    with pytest.raises(Refusal):
        parse_every(value)


@given(st.text(max_size=60))
def test_any_text_is_a_moment_or_a_refusal(text: str) -> None:
    for parse in (parse_moment, parse_every):
        with suppress(Refusal):
            parse(text)
