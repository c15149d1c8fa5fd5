"""Every fault point in the programs of the systems is declared by a card, so that scenarios can name it."""

import re
from pathlib import Path

import simkit_nodes.database.card
import simkit_nodes.task_queue.card

CARDS = (simkit_nodes.database.card.card, simkit_nodes.task_queue.card.card)
PASSED = re.compile(r'await fault_point\(\s*"([^"]+)"')
NODES = Path(simkit_nodes.database.card.__file__).parents[1]


def test_the_points_that_are_passed_are_those_that_are_declared() -> None:
    passed = {name for file in NODES.rglob("*.py") for name in PASSED.findall(file.read_text(encoding="utf-8"))}
    assert passed == {name for card in CARDS for name in card.points}
