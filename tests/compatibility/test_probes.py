"""Unmodified libraries live through latency, a partition, a kill and a restart, the same six times.

Three runs in each of two interpreters that have run other probes before, with noise on the heap between any two.
"""

from pathlib import Path
from typing import Any

import probe
import pytest

from simkit.kernel.worker import Worker
from simkit.observe.trace import StoredTrace, first_difference

SEED = 7
RUNS_EACH = 3


def first_difference_of(interpreters: tuple[Worker, Worker], name: str, room: Path) -> str:
    """Say which record of two runs differs first."""
    folders = [room / "one", room / "other"]
    for interpreter, folder in zip(interpreters, folders, strict=True):
        folder.mkdir()
        interpreter.call("probe:execute", name=name, seed=SEED, folder=str(folder))
    found = first_difference(*(StoredTrace(folder / "trace.bin") for folder in folders))
    return "runs differed, but not these two" if found is None else found.in_words()


@pytest.mark.parametrize("name", probe.names())
def test_a_library_lives_through_faults_and_is_the_same_six_times(
    name: str, interpreters: tuple[Worker, Worker], tmp_path: Path
) -> None:
    runs: list[dict[str, Any]] = []
    for _ in range(RUNS_EACH):
        for interpreter in interpreters:
            runs.append(interpreter.call("probe:execute", name=name, seed=SEED))
            interpreter.call("noise:litter", amount=3_000)
    problems = runs[0]["problems"]
    if len({run["digest"] for run in runs}) > 1:
        problems.append(first_difference_of(interpreters, name, tmp_path))
    if problems and runs[0]["lacks"]:
        pytest.xfail(runs[0]["lacks"])
    assert problems == []


def test_another_seed_is_another_run(interpreters: tuple[Worker, Worker]) -> None:
    digests = {interpreters[0].call("probe:execute", name="streams", seed=seed)["digest"] for seed in range(3)}
    assert len(digests) == 3


def test_a_library_that_breaks_is_seen() -> None:
    """What judges the probes can find fault with one."""
    seen = dict.fromkeys(range(probe.EXCHANGES), "ok")
    assert probe.wrong_outcomes(seen, 5) == [
        "the partition was not noticed by any exchange",
        "the kill was not noticed by any exchange",
    ]
    seen |= {20: "TimeoutError", 36: "ConnectionRefusedError"}
    assert probe.wrong_outcomes(seen, 5) == []
    assert probe.wrong_outcomes(seen | {43: "TimeoutError"}, 5) == ["exchange 43: TimeoutError"]
    assert probe.wrong_outcomes(seen | {43: "TimeoutError"}, 6) == []
    del seen[50]
    assert probe.wrong_outcomes(seen, 5) == ["exchange 50: never ended"]


@pytest.mark.audit
@pytest.mark.parametrize("name", probe.names())
def test_a_library_lives_through_faults_under_other_seeds(name: str, interpreters: tuple[Worker, Worker]) -> None:
    runs = [interpreters[0].call("probe:execute", name=name, seed=seed) for seed in range(5)]
    if runs[0]["lacks"]:
        pytest.xfail(runs[0]["lacks"])
    assert [run["problems"] for run in runs] == [[]] * len(runs)
