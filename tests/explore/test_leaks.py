"""Leaks planted on purpose are caught and named: as an error with the line, or as the first record that differs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.explore.campaign import Order, carry_out
from simkit.explore.pool import Pool
from simkit.explore.twice import compare
from simkit.report.terminal import terminal

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2, path=(str(HERE),)) as pool:
        yield pool


def order(leak: str) -> Order:
    return Order(str(HERE / "leaks.yaml"), overrides=(f"config.sender.leak={leak}",), systems=("leaks:card",))


def line_of(comment: str) -> int:
    lines = (HERE / "leaks.py").read_text(encoding="utf-8").splitlines()
    (found,) = (number for number, line in enumerate(lines, start=1) if line.endswith(f"# {comment}"))
    return found


@pytest.mark.parametrize(
    ("leak", "comment"), [("foreign clock", "a clock"), ("thread", "a thread"), ("file", "a file")]
)
def test_reaching_for_something_real_is_an_error_that_names_the_line(leak: str, comment: str, pool: Pool) -> None:
    [(_, document)] = carry_out([order(leak)], pool)
    assert document.verdict == "error"
    assert document.error is not None
    assert document.error.host == "sender"
    assert document.error.time_ns > 0
    assert f"leaks.py:{line_of(comment)}" in document.error.text
    assert f"leaks.py:{line_of(comment)}" in terminal(document)


@pytest.mark.parametrize("leak", ["nothing", "generator"])
def test_what_is_virtual_is_the_same_twice(leak: str, pool: Pool) -> None:
    found = compare(order(leak), pool)
    assert found.first.error is None
    assert found.equal, found.in_words()
    assert found.first.event_counts["share.taken"] > 0


@pytest.mark.parametrize("leak", ["set", "early foreign clock"])
def test_what_nobody_sees_is_named_as_the_first_record_that_differs(leak: str, pool: Pool) -> None:
    found = compare(order(leak), pool)
    assert found.first.error is None
    assert not found.equal
    assert "NOT the same twice" in found.in_words()
    assert "is the first that differs" in found.difference
    assert "share/1" in found.difference
