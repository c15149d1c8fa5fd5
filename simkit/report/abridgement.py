"""A long story in few lines: which of its steps are left out until somebody asks for all of them.

The beginning stays, the last things that hosts did before the violation, and the last thing that each host did which
the violation names; what was told already goes first, then the middle, then faults. It deliberately changes no step.
"""

import re
from collections.abc import Sequence

from simkit.observe.document import StoryStep

_WORD = re.compile(r"[\w-]+")

DEEDS_KEPT = 4
"""The last things that hosts did, before the violation, that stay."""


def left_out(steps: Sequence[StoryStep], most: int) -> set[int]:
    """Return the places of the steps to leave out, so that `most` lines hold the rest and one that says so."""
    if len(steps) <= most + 1:
        return set()
    deeds = [place for place, step in enumerate(steps[:-1]) if step.fault is None]
    of_host = {steps[place].host: place for place in deeds}
    named = {of_host[word] for word in _WORD.findall(steps[-1].text) if word in of_host}
    last = named.union(deeds[-DEEDS_KEPT:])
    told: set[tuple[str, str]] = set()
    order: list[tuple[bool, int, int]] = []
    for place, step in enumerate(steps[:-1]):
        worth = 2 if place < (most + 1) // 3 or place in last else 1 if step.fault is not None else 0
        order.append(((step.host, step.text) not in told, worth, place))
        told.add((step.host, step.text))
    return {place for *_, place in sorted(order)[: len(steps) - most]}
