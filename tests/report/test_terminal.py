"""The terminal's text, held against files that a person has read and found good.

A change that is meant is taken over with `SIMKIT_WRITE_GOLDEN=1 pytest tests/report/test_terminal.py` and read again.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from simkit.observe.document import Document, FaultEntry, HostEntry, StoryStep
from simkit.report.terminal import STORY_MAX, fragment, log_lines, terminal

GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize("name", ["passing", "failing", "broken", "crowded"])
def test_a_run_reads_as_it_should(documents: Mapping[str, Document], name: str) -> None:
    text = terminal(documents[name], run_folder=f"runs/{name}-{documents[name].seed}")
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("SIMKIT_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_strips_stay_within_the_width(failing: Document) -> None:
    for width in (80, 100, 140):
        picture = terminal(failing, width=width).split("\n  pass")[0].splitlines()
        assert max(len(line) for line in picture) <= width
        assert max(len(line) for line in picture) > width - 30


def test_only_the_middle_dot_is_not_ascii(documents: Mapping[str, Document]) -> None:
    for document in documents.values():
        assert terminal(document, run_folder="runs/x").replace("·", "").isascii()


def test_no_text_of_a_run_reaches_the_terminal_as_a_control_sequence(crowded: Document) -> None:
    text = terminal(crowded) + log_lines(crowded)
    assert "\x1b" not in text
    assert "\\x1b[31m" in text


def test_colour_comes_only_when_asked_for(failing: Document) -> None:
    assert "\x1b[" not in terminal(failing)
    colored = terminal(failing, color=True)
    assert "\x1b[1;31mFAIL\x1b[0m" in colored
    assert "\x1b[32mpass\x1b[0m" in colored


def test_failing_as_declared_says_so_and_asks_for_nothing(failing: Document) -> None:
    expectations = [
        msgspec.structs.replace(each, kind="fails", text="fails effect_once", declared="fails", as_declared=True)
        if each.verdict == "fail"
        else each
        for each in failing.expectations
    ]
    document = msgspec.structs.replace(
        failing, variant="no_token", as_declared=True, expectations=tuple(expectations), scenario="a/b"
    )
    text = terminal(document, run_folder="runs/a")
    assert text.startswith("a/b · variant no_token · seed 7 · 10 hosts · 20 min virtual")
    assert re.search(r"\n  fails  as declared +effect_once +task 3f2a took effect twice; 7 tasks in all\n", text)
    assert "\nFAILS 1 of 5, as declared · " in text
    assert "FAIL " not in text
    assert "\x1b[1;31m" not in terminal(document, color=True)
    assert "simkit why" not in text


def test_passing_where_a_failure_was_declared_is_told(passing: Document) -> None:
    first, *rest = passing.expectations
    surprised = msgspec.structs.replace(first, declared="fails", as_declared=False)
    document = msgspec.structs.replace(passing, as_declared=False, expectations=(surprised, *rest))
    assert "PASS  5 of 5, but declared to fail: no_acked_task_lost" in terminal(document)


def test_faults_that_stayed_away_are_told_within_the_width(failing: Document) -> None:
    absent = tuple(f"fault_{number}" for number in range(30))
    text = terminal(msgspec.structs.replace(failing, absent=absent, spared={"cuts": 3, "gray": 1}))
    assert "\nleft out   fault_0, fault_1, " in text
    assert "fault_29 (by the swarm, with this seed)\n" in text
    assert "\nno strike  cuts x3, gray (there was nobody whom it could, or whom the budget let it)\n" in text
    assert max(len(line) for line in text.split("\n  pass")[0].splitlines()) <= 100


def test_without_a_folder_no_command_is_offered(failing: Document) -> None:
    assert "simkit why" not in terminal(failing)
    assert "simkit shrink runs/x" in terminal(failing, run_folder="runs/x")
    assert "simkit shrink" not in terminal(failing, run_folder="runs/x", searches=("why",))


def test_a_long_story_keeps_its_beginning_and_its_end(failing: Document) -> None:
    broken = failing.expectations[1]
    steps = tuple(StoryStep(time_ns=number * 10**9, host="a", text=f"step {number}") for number in range(30))
    violation = msgspec.structs.replace(broken.violations[0], story=steps)
    expectation = msgspec.structs.replace(broken, violations=(violation,))
    text = terminal(msgspec.structs.replace(failing, expectations=(expectation,)))
    told = [line.split()[-1] for line in text.splitlines() if "  step " in line]
    assert told == [*map(str, range(4)), *map(str, range(23, 30))]
    assert len(told) + 1 == STORY_MAX
    assert "19 more lines" in text


def test_a_run_of_nothing_has_a_text_too() -> None:
    document = Document(scenario="empty", seed=0, duration_ns=0, verdict="pass")
    assert terminal(document).splitlines()[0] == "empty · seed 0 · 0 hosts · 0 s virtual · core python"


def test_faults_of_many_names_take_more_lines_for_their_legend() -> None:
    faults = tuple(
        FaultEntry(name=f"a_fault_with_a_long_name_{number}", fault="kill", begin_ns=number, end_ns=number + 1)
        for number in range(30)
    )
    hosts = (HostEntry(name="a", group="a"),)
    text = terminal(Document(scenario="x", seed=1, duration_ns=100, verdict="pass", faults=faults, hosts=hosts))
    assert all(f"name_{number}" in text for number in range(30))
    assert max(len(line) for line in text.splitlines()) <= 100


def test_the_address_of_the_page_opens_it_at_the_moment(documents: Mapping[str, Document]) -> None:
    found = {name: fragment(document) for name, document in documents.items()}
    assert found == {"passing": "", "failing": "#t=390.311", "broken": "#t=608.004", "crowded": ""}


def test_the_log_is_printed_with_time_host_and_level(failing: Document) -> None:
    lines = log_lines(failing).splitlines()
    assert "06:30.298  workers-1  WARNING lease 3f2a is 32.1 s past its deadline" in lines
