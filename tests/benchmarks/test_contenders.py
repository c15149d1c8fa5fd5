"""Every contender that is installed does every work at its smallest size, and does it right. Nothing is timed."""

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.registry import WORKS
from benchmarks.rounds import run_once
from benchmarks.work import Case, Contender, Outcome, Work, WrongOutcome

RUNS = [
    pytest.param(work, case, contender, id=f"{work.name}-{case.name}-{contender.name}".replace(" ", "_"))
    for work in WORKS.values()
    for case in work.cases
    for contender in work.contenders
    if not case.only or contender.name in case.only
]


@pytest.mark.parametrize(("work", "case", "contender"), RUNS)
def test_a_contender_does_the_work(work: Work, case: Case, contender: Contender) -> None:
    run = run_once(work, case, contender, "small")
    if "skipped" in run:
        pytest.skip(run["skipped"])
    assert run["items"] > 0


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_ours_and_the_baseline_take_part_in_every_work(work: Work) -> None:
    names = [contender.name for contender in work.contenders]
    assert "simkit-python" in names
    assert work.baseline in names
    assert len(set(names)) == len(names)


def test_too_few_items_are_noticed() -> None:
    work = WORKS["timers"]
    given = work.inputs(1.0, processes=2, wakeups=4)
    with pytest.raises(WrongOutcome, match="3 items done, not 4"):
        work.check(given, Outcome(3, given.end_s), work.contenders[0])


def test_a_wrong_end_is_noticed() -> None:
    work = WORKS["timers"]
    given = work.inputs(1.0, processes=2, wakeups=4)
    with pytest.raises(WrongOutcome, match="of virtual time"):
        work.check(given, Outcome(4, given.end_s + 1.0), work.contenders[0])


def test_rows_tell_ratios_within_rounds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["messages", "--rounds", "2", "--size", "small", "--only", "simkit-python", "--json"]) == 0
    rows = {row["contender"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["simpy"]["ratio_to_simpy"] == 1.0
    ours = rows["simkit-python"]
    assert ours["rounds"] == 2
    assert ours["min"] <= ours["ratio_to_simpy"] <= ours["max"]
    assert ours["per_second"] > 0


def test_an_unknown_work_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nonsense"])
    assert "there are timers, messages" in capsys.readouterr().err
