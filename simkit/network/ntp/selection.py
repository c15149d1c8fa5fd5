"""Whom to believe: where what servers claim intersects, and of those in it the ones that agree best (RFC 5905, 11.2).

Each server claims that the truth lies within its root distance of its offset. The smallest interval that more than half
of the claims share is taken to have the truth in it (Marzullo and Owicki, 1985); whoever lies outside is a falseticker.
"""

from collections.abc import Sequence
from math import isqrt
from typing import NamedTuple

SURVIVORS_MIN = 3
"""The cluster algorithm throws nobody out below this number (NMIN)."""


class Claim(NamedTuple):
    """What a server's best sample claims: the true offset is `offset_ns`, give or take `distance_ns`."""

    server: int
    offset_ns: int
    distance_ns: int
    jitter_ns: int

    @property
    def low_ns(self) -> int:
        return self.offset_ns - self.distance_ns

    @property
    def high_ns(self) -> int:
        return self.offset_ns + self.distance_ns


def intersection(claims: Sequence[Claim]) -> tuple[int, int] | None:
    """Return the interval that a majority of claims share, and that has their midpoints in it; None if none does."""
    for falsetickers in range((len(claims) + 1) // 2):
        wanted = len(claims) - falsetickers
        low_ns = _edge([(claim.low_ns, 1) for claim in claims] + [(claim.high_ns, -1) for claim in claims], wanted)
        mirrored = _edge([(-claim.high_ns, 1) for claim in claims] + [(-claim.low_ns, -1) for claim in claims], wanted)
        if low_ns is None or mirrored is None or low_ns > -mirrored:
            continue
        outside = sum(not low_ns <= claim.offset_ns <= -mirrored for claim in claims)
        if outside <= falsetickers:
            return low_ns, -mirrored
    return None


def _edge(ends: list[tuple[int, int]], wanted: int) -> int | None:
    """Return the first place at which so many intervals are open; at one place they open before others close."""
    open_intervals = 0
    for place, change in sorted(ends, key=lambda end: (end[0], -end[1])):
        open_intervals += change
        if open_intervals >= wanted:
            return place
    return None


def truechimers(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that are believed, the nearest first; empty without a majority."""
    found = intersection(claims)
    if found is None:
        return []
    low_ns, high_ns = found
    survivors = [claim for claim in claims if low_ns <= claim.offset_ns <= high_ns]
    survivors.sort(key=lambda claim: (claim.distance_ns, claim.server))
    while len(survivors) > SURVIVORS_MIN:
        worst = max(survivors, key=lambda claim: (_selection_jitter(claim, survivors), claim.server))
        if _selection_jitter(worst, survivors) <= min(claim.jitter_ns for claim in survivors):
            break
        survivors.remove(worst)
    return survivors


def _selection_jitter(claim: Claim, survivors: Sequence[Claim]) -> int:
    squares = sum((claim.offset_ns - other.offset_ns) ** 2 for other in survivors)
    return isqrt(squares // max(1, len(survivors) - 1))


def combined_offset_ns(survivors: Sequence[Claim]) -> int:
    """Return the mean of the offsets, each weighed by the inverse of its root distance."""
    # In integers, so that the order of a sum of floats cannot matter.
    scale = 10**18
    weights = [scale // max(1, claim.distance_ns) for claim in survivors]
    return sum(claim.offset_ns * weight for claim, weight in zip(survivors, weights, strict=True)) // sum(weights)
