"""Intents: when nobody writes any more, every transaction is decided and its intents are versions, or gone.

It deliberately believes what the leaseholders count; that they count at all is part of the claim.
"""

from __future__ import annotations

from simkit.checks import Check, Violation, sees
from simkit_nodes.database.events import IntentsLeft
from simkit_nodes.database.replication.events import RangeMerged


class IntentsGone(Check):
    """In the end no range holds an intent."""

    name = "intents_gone"

    def __init__(self) -> None:
        super().__init__()
        self.left: dict[int, IntentsLeft] = {}
        self.last: dict[int, tuple[int, str]] = {}
        self.gone: set[int] = set()
        self.counted = 0

    @property
    def holds(self) -> bool:
        return bool(self.left) and not any(each.intents for each in self.left.values())

    @sees(IntentsLeft)
    def _counted(self, time_ns: int, host: str, event: IntentsLeft) -> None:
        self.counted += event.intents
        if event.range_id in self.gone:
            return
        self.left[event.range_id] = event
        self.last[event.range_id] = (time_ns, host)

    @sees(RangeMerged)
    def _merged(self, time_ns: int, host: str, event: RangeMerged) -> None:
        self.gone.add(event.range_id)  # who has taken it in counts for both
        self.left.pop(event.range_id, None)

    def summary(self) -> str:
        left = sum(each.intents for each in self.left.values())
        return f"{self.counted:,} intents met in {len(self.left):,} ranges, {left:,} left"

    def unmet(self) -> Violation | None:
        for range_id, event in self.left.items():
            if event.intents:
                time_ns, host = self.last[range_id]
                text = f"range {range_id} holds {event.intents} intents, the oldest {event.oldest_ns / 1e9:.1f} s old"
                return Violation(time_ns, host, text)
        return None
