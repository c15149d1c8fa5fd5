"""What stores make seen of ranges, beside Raft's own events.

They say what a replica has applied, so the same change is told by every store that has one.
"""

from __future__ import annotations

from simkit.node import Event


class RangeChanged(Event, frozen=True, tag="range.changed"):
    """A replica has applied a change of its range: it was made, split, merged, or moved."""

    range_id: int
    begin: bytes
    end: bytes
    replicas: tuple[str, ...]
    generation: int
    how: str
    """bootstrap, split, merge, renewed (a merge of it cannot happen any more), replicas or snapshot."""


class ReplicaDropped(Event, frozen=True, tag="replica.dropped"):
    """A store has no replica of a range any more."""

    range_id: int


class RangeFrozen(Event, frozen=True, tag="range.frozen"):
    """A replica has applied that its range serves nobody, because its left neighbour is about to take it in."""

    range_id: int
    into: int
    """The left neighbour."""
    index: int
    """Of the entry in the range's log; of two that say otherwise the later one counts."""


class RangeThawed(Event, frozen=True, tag="range.thawed"):
    """A replica has applied that its range serves again: the merge it was frozen for does not happen."""

    range_id: int
    into: int
    index: int


class RangeMerged(Event, frozen=True, tag="range.merged"):
    """A replica has applied that its range has taken in its right neighbour, which is no more."""

    range_id: int
    """The range that is no more."""
    into: int
    generation: int
    """Of the range that goes on."""


class PrimaryPromoted(Event, frozen=True, tag="replica.primary_promoted"):
    """A replica has heard nothing of its primary for so long that it takes its place; only without Raft."""

    range_id: int
    primary: str
    """Who was silent."""


class WritesDiverged(Event, frozen=True, tag="replica.writes_diverged"):
    """A primary that was superseded without knowing has writes that its successor lacks; only without Raft."""

    range_id: int
    writes: int
    primary: str
    """Who goes on without them."""


EVENTS: tuple[type[Event], ...] = (
    RangeChanged,
    RangeFrozen,
    RangeThawed,
    RangeMerged,
    ReplicaDropped,
    PrimaryPromoted,
    WritesDiverged,
)
