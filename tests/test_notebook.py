"""simkit from Python."""

from pathlib import Path

import pytest

import simkit
from simkit.language.problem import ScenarioError

FILE = Path(__file__).parent / "explore" / "greetings.yaml"
SYSTEMS = ["greetings:card"]


@pytest.fixture(scope="module")
def outcome() -> simkit.Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(FILE.parent)
        patch.syspath_prepend(str(FILE.parent))
        return simkit.run(FILE, seed=11, systems=SYSTEMS)


def test_a_run_says_what_came_of_it(outcome: simkit.Outcome) -> None:
    assert outcome
    assert outcome.verdict == "pass"
    assert outcome.verdicts["always answers_fit"].verdict == "pass"
    assert len(outcome.digest) == 32
    assert repr(outcome) == "<Outcome greetings seed 11: pass, as declared>"


def test_its_trace_its_figures_and_its_page_are_at_hand(outcome: simkit.Outcome) -> None:
    assert {record.kind for record in outcome.trace} == {"host", "message", "event", "fault"}
    assert outcome.plot("greeting.latency").startswith("<")
    with pytest.raises(KeyError, match=r"there are greeting\.latency, greetings"):
        outcome.plot("greeting")
    assert "srcdoc" in outcome._repr_html_()
    assert str(outcome).startswith("greetings · seed 11")


def test_metrics_are_a_table(outcome: simkit.Outcome) -> None:
    pytest.importorskip("pandas")
    table = outcome.metrics
    counted = table[(table.metric == "greetings") & (table.host == "server")]
    assert counted.value.sum() > 300


def test_a_mistake_in_the_file_is_an_exception_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FILE.parent))
    with pytest.raises(ScenarioError, match="unknown variant"):
        simkit.run(FILE, variant="forgetfull", systems=SYSTEMS)


def test_simkit_has_nothing_else_to_offer() -> None:
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        simkit.walk  # noqa: B018
