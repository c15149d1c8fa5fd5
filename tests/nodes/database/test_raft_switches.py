"""Raft's protections, each shown by a scenario: with it all four properties hold, without it the named check fails."""

from pathlib import Path

import pytest

from simkit.explore.run import run_scenario

LIBRARY = Path(__file__).parents[3] / "scenarios" / "database"
SHOWN = [
    ("votes_forgotten", "no_vote_persist", "election_safety", []),
    ("figure_8", "commit_prev_term", "leader_completeness", []),
    ("figure_10", "no_joint_consensus", "election_safety", []),
]


@pytest.mark.parametrize(("scenario", "variant", "check", "overrides"), SHOWN)
def test_a_protection_keeps_what_breaks_without_it(
    scenario: str, variant: str, check: str, overrides: list[str]
) -> None:
    file = LIBRARY / f"{scenario}.yaml"
    assert run_scenario(file, overrides=overrides).verdict == "pass"
    without = run_scenario(file, variant=variant, overrides=overrides)
    assert without.as_declared, [(each.verdict, each.text, each.summary) for each in without.expectations]
    (broken,) = [each for each in without.expectations if each.text == f"fails {check}" or each.subject == check]
    assert broken.violations
    assert len(broken.violations[0].story) > 3
