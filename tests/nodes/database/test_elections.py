"""The experiment of the paper's figure 16, shorter: each variant comes out as it declares, and what it says is so."""

from pathlib import Path

import pytest

from simkit.explore.run import run_scenario

FILE = Path(__file__).parents[3] / "scenarios" / "database" / "elections.yaml"


@pytest.mark.parametrize("variant", [None, "uneven", "to_200", "to_300", "short", "no_randomness"])
def test_the_experiment_comes_out_as_it_declares(variant: str | None) -> None:
    overrides = [] if variant in ("short", "no_randomness") else ["duration=60s"]
    document = run_scenario(FILE, variant=variant, overrides=overrides)
    assert document.error is None
    assert document.as_declared, [(each.verdict, each.text, each.summary) for each in document.expectations]


def test_two_runs_are_one_run() -> None:
    first, second = (run_scenario(FILE, overrides=["duration=10s"]) for _ in range(2))
    assert first.digest == second.digest
