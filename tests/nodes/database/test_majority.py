"""The probe of a group's availability: what it counts, and that a majority and nothing less is what serves."""

from pathlib import Path

import pytest

from simkit.card import Law
from simkit.explore.run import run_scenario
from simkit_nodes.database.figures import MAJORITIES
from simkit_nodes.database.majority import GroupAsked, majority_reached

FILE = Path(__file__).parents[3] / "scenarios" / "database" / "majority.yaml"


def test_the_control_counts_asks_at_which_more_than_half_were_there():
    heard = [(time_ns, "asker", GroupAsked(False, reached)) for time_ns, reached in enumerate((3, 2, 1, 0, 3))]
    assert majority_reached(heard, (0, 4), members=3) == 0.5
    assert majority_reached(heard, (0, 2), members=5) == 0.5
    assert majority_reached(heard, (9, 10), members=3) is None


def test_the_laws_are_the_published_sums():
    assert all(isinstance(figure.published, Law) for figure in MAJORITIES)
    assert [round(figure.value, 5) for figure in MAJORITIES] == [0.972, 0.99144]


@pytest.mark.parametrize(("down", "missed"), [(1, range(3)), (2, range(38, 44))])
def test_a_group_serves_while_a_majority_is_up_and_only_then(down, missed):
    strike = [f"faults.fails.{each}" for each in (f"kill=any {down} of voters", "every=1000s", "at=60s", "for=40s")]
    document = run_scenario(FILE, overrides=["duration=140s", *strike])
    assert document.error is None
    counts = {each.name: each.windows["all"]["total"] for each in document.metrics if each.name.startswith("group.")}
    assert counts["group.asked"] - counts["group.served"] in missed
