"""The histories that porcupine is tested with: every verdict is the known one."""

from pathlib import Path

import pytest

from benchmarks.linearizability.histories import PastHistory, past_histories, present
from simkit.checks import linearize
from simkit.checks.counterexample import counterexample
from simkit.observe.history import Operation

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "porcupine"

pytestmark = pytest.mark.skipif(
    not present(FOLDER), reason="porcupine's histories are not beside the project, in ../shared/data/porcupine"
)

HISTORIES = list(past_histories(FOLDER)) if present(FOLDER) else []


def parts(history: PastHistory) -> list[list[Operation]]:
    found: dict[object, list[Operation]] = {}
    for operation in history.operations:
        found.setdefault(history.model.partition(operation), []).append(operation)
    return list(found.values())


@pytest.mark.parametrize("history", HISTORIES, ids=[each.name for each in HISTORIES])
def test_the_verdict_is_the_known_one(history: PastHistory) -> None:
    verdicts = [linearize(history.model, part).verdict for part in parts(history)]
    assert "unknown" not in verdicts
    assert ("illegal" not in verdicts) == history.linearizable


def test_there_are_histories_of_both_verdicts() -> None:
    assert {each.linearizable for each in HISTORIES} == {True, False}
    assert len(HISTORIES) == 64


def test_nearly_every_contradiction_becomes_small() -> None:
    sizes = []
    for history in HISTORIES:
        for part in parts(history):
            found = linearize(history.model, part)
            if found.verdict == "illegal":
                core = counterexample(history.model, part, found)
                sizes.append(len(core.core) if core.minimal else len(part))
    assert sorted(sizes)[len(sizes) * 9 // 10] <= 10
