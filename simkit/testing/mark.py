"""What a mark says, before anything is made of it: which words it knows, and with which seeds the test runs.

Deliberately light: the caller's pytest reads this much of a mark, and leaves everything else to the worker.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

SEEDS = 10
"""With how many seeds a test runs unless its mark says otherwise."""

WORDS = ("hosts", "faults", "network", "seeds", "duration", "start", "supervise")


class BadMark(Exception):
    """A mark that says what cannot be meant."""


def merged(marks: Iterable[Any]) -> dict[str, Any]:
    """Return what several marks declare together; of two that say the same word the first one, the nearest, holds."""
    declared: dict[str, Any] = {}
    for mark in marks:
        if mark.args:
            raise BadMark("@pytest.mark.simkit takes keywords only, for example seeds=50")
        for word, value in mark.kwargs.items():
            if word not in WORDS:
                near = get_close_matches(word, WORDS, n=1)
                known = f"nearest: `{near[0]}`" if near else f"it knows {', '.join(WORDS)}"
                raise BadMark(f"@pytest.mark.simkit knows no `{word}`; {known}")
            declared.setdefault(word, value)
    return declared


def seeds_of(declared: Mapping[str, Any]) -> list[int]:
    """Return the seeds of a test: `seeds=50` are 1 to 50, a list is that list."""
    seeds = declared.get("seeds", SEEDS)
    if isinstance(seeds, int) and not isinstance(seeds, bool) and seeds >= 1:
        return list(range(1, seeds + 1))
    if isinstance(seeds, (list, tuple, range)) and seeds and all(isinstance(seed, int) and seed >= 0 for seed in seeds):
        return list(seeds)
    raise BadMark(f"seeds={seeds!r}: a number of seeds from 1, or a list of seeds")
