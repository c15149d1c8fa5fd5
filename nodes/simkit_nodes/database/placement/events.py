"""What the placement driver makes seen, once its own group has agreed on it.

They deliberately say what was decided, not what became of it: that is told by the stores.
"""

from __future__ import annotations

from simkit.node import Event


class PlacementDecided(Event, frozen=True, tag="placement.decided"):
    """A range is to have other replicas, or another leader."""

    number: int
    kind: str
    range_id: int
    stores: tuple[str, ...]
    reason: str


class StoreJudged(Event, frozen=True, tag="placement.store_judged"):
    """A store has not been heard for so long that it is taken to stay away, or it has come back."""

    store: str
    away: bool


EVENTS: tuple[type[Event], ...] = (PlacementDecided, StoreJudged)
