"""Divergence: no copy of a range takes writes that the others will never have.

It deliberately counts what a superseded primary says of itself: nobody else knows.
"""

from __future__ import annotations

from simkit.checks import Check, Chronicle, Step, sees
from simkit_nodes.database.replication.events import PrimaryPromoted, RangeChanged, WritesDiverged


class NoDivergence(Check):
    """No two copies of a range have each taken writes of their own."""

    name = "no_divergence"

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.copies: set[tuple[int, str]] = set()
        self._promotions = Chronicle(
            lambda event: f"hears nothing of {event.primary} and takes its place for range {event.range_id}"
        )

    @sees(RangeChanged)
    def _made(self, time_ns: int, host: str, event: RangeChanged) -> None:
        self.copies.add((event.range_id, host))

    @sees(PrimaryPromoted)
    def _promoted(self, time_ns: int, host: str, event: PrimaryPromoted) -> None:
        self._promotions.remember(time_ns, host, event, event.range_id)

    @sees(WritesDiverged)
    def _diverged(self, time_ns: int, host: str, event: WritesDiverged) -> None:
        self.writes += event.writes
        text = (
            f"{host} alone has {event.writes} writes of range {event.range_id}, which {event.primary} goes on without"
        )
        self.violated(time_ns, host, text, *self._promotions.tell(event.range_id), Step(time_ns, host, text))

    def summary(self) -> str:
        return f"{self.writes:,} writes that only one of {len(self.copies):,} copies has"
