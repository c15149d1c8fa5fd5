"""Placement: whatever a store's death takes from a range is made anew elsewhere.

It deliberately believes what replicas say of their range's members; that those hold its data is for other checks.
"""

from __future__ import annotations

from collections import Counter

from simkit.checks import Check, Step, Violation, sees
from simkit_nodes.database.placement.events import PlacementDecided
from simkit_nodes.database.replication.events import RangeChanged, RangeMerged


class ReplicasBack(Check):
    """Every range has all its replicas on hosts that no fault has taken, and no fewer than at the beginning."""

    name = "replicas_back"

    def __init__(self) -> None:
        super().__init__()
        self.newest: dict[int, tuple[int, str, RangeChanged]] = {}
        self.gone: set[int] = set()
        self.struck: Counter[str] = Counter()
        self._struck_ns: dict[str, int] = {}
        self.replicas = self.relocated = 0

    def fault_began(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self.struck.update(targets)
        self._struck_ns.update(dict.fromkeys(targets, time_ns))

    def fault_ended(self, time_ns: int, name: str, targets: tuple[str, ...]) -> None:
        self.struck.subtract(targets)

    @sees(RangeChanged)
    def _changed(self, time_ns: int, host: str, event: RangeChanged) -> None:
        if event.how == "bootstrap":
            self.replicas = max(self.replicas, len(event.replicas))
        known = self.newest.get(event.range_id)
        if event.range_id in self.gone:
            return
        if known is None or known[2].generation < event.generation:
            self.newest[event.range_id] = (time_ns, host, event)

    @sees(RangeMerged)
    def _merged(self, time_ns: int, host: str, event: RangeMerged) -> None:
        self.gone.add(event.range_id)
        self.newest.pop(event.range_id, None)

    @sees(PlacementDecided)
    def _decided(self, time_ns: int, host: str, event: PlacementDecided) -> None:
        self.relocated += event.kind == "relocate"

    def _lacking(self) -> list[tuple[int, str, RangeChanged]]:
        return [each for each in self.newest.values() if self._there(each[2]) < max(self.replicas, 1)]

    def _there(self, event: RangeChanged) -> int:
        """Return how many replicas of a range are on hosts that nothing has struck."""
        return sum(self.struck[store] <= 0 for store in event.replicas)

    @property
    def holds(self) -> bool:
        return bool(self.newest) and not self._lacking()

    def summary(self) -> str:
        lacking = len(self._lacking())
        return f"{self.relocated:,} relocations decided, {lacking:,} of {len(self.newest):,} ranges lack a replica"

    def unmet(self) -> Violation | None:
        for time_ns, host, event in self._lacking():
            lost = [store for store in event.replicas if self.struck[store] > 0]
            text = f"range {event.range_id} has {self._there(event)} of {self.replicas} replicas, and gets no others"
            members = Step(time_ns, host, f"range {event.range_id} has replicas on {', '.join(event.replicas)}")
            steps = [members, *(Step(self._struck_ns[store], store, "is struck") for store in lost)]
            last = max(steps, key=lambda step: step.time_ns)
            story = (*sorted(steps, key=lambda step: step.time_ns), Step(last.time_ns, last.host, text))
            return Violation(last.time_ns, last.host, text, story)
        return None
