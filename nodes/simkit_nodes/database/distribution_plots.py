"""Figures of how long things took: commits by gateway, and elections as in figure 16 of the Raft paper.

They deliberately show single runs; what a sweep compares is in its own picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from simkit.plot import Curve, Picture, Plot, sees
from simkit_nodes.database.elections import LeaderFound
from simkit_nodes.database.events import PastRead, TransactionCommitted

WIDE = 30
POINTS_MAX = 400
"""Of a curve; more values are thinned out evenly, the smallest and the greatest stay."""


def cumulative(label: str, values: Sequence[float]) -> Curve:
    """Return the share of values, in percent, that are at most x."""
    ordered = sorted(values)
    count = len(ordered)
    ranks = range(count)
    if count > POINTS_MAX:
        ranks = [place * (count - 1) // (POINTS_MAX - 1) for place in range(POINTS_MAX)]  # type: ignore[assignment]
    x = tuple(ordered[rank] for rank in ranks)
    return Curve(label=label, x=x, y=tuple(100 * (rank + 1) / count for rank in ranks), style="steps")


def _axis(curves: Sequence[Curve]) -> Literal["", "x"]:
    """Return whether values differ so much that a linear axis would hide the small ones."""
    lowest, highest = min(curve.x[0] for curve in curves), max(curve.x[-1] for curve in curves)
    return "x" if lowest > 0 and highest > WIDE * lowest else ""


class CommitLatency(Plot):
    """How long transactions took that wrote something, for each gateway."""

    name = "commit_latency"
    title = "Commit latency by gateway"

    def __init__(self) -> None:
        self._took_ms: dict[str, list[float]] = {}

    @sees(TransactionCommitted)
    def _commit(self, time_ns: int, host: str, event: TransactionCommitted) -> None:
        if event.writes and event.took_ns:
            self._took_ms.setdefault(host, []).append(event.took_ns / 1e6)

    def picture(self, end_ns: int) -> Picture | None:
        curves = tuple(cumulative(host, took_ms) for host, took_ms in sorted(self._took_ms.items()))
        if not curves:
            return None
        return Picture(
            name=self.name,
            title=self.title,
            x_label="from begun to committed, ms",
            y_label="of them, %",
            logarithmic=_axis(curves),
            curves=curves,
            note="transactions that wrote; those that were run again count from their first run",
        )


class ReadLatency(Plot):
    """How long reads took: of the past, where the nearest replicas have answered and where not, and of the present."""

    name = "read_latency"
    title = "Reads of past and present"

    def __init__(self) -> None:
        self._took_ms: dict[str, list[float]] = {}

    @sees(PastRead)
    def _past(self, time_ns: int, host: str, event: PastRead) -> None:
        label = "past, near" if event.near else "past, elsewhere"
        self._took_ms.setdefault(label, []).append(event.took_ns / 1e6)

    @sees(TransactionCommitted)
    def _present(self, time_ns: int, host: str, event: TransactionCommitted) -> None:
        if not event.writes and event.took_ns:
            self._took_ms.setdefault("present", []).append(event.took_ns / 1e6)

    def picture(self, end_ns: int) -> Picture | None:
        if not any(label.startswith("past") for label in self._took_ms):
            return None
        curves = tuple(cumulative(label, took_ms) for label, took_ms in sorted(self._took_ms.items()))
        return Picture(
            name=self.name,
            title=self.title,
            x_label="from asked to answered at the gateway, ms",
            y_label="of them, %",
            logarithmic=_axis(curves),
            curves=curves,
            note="near: by the nearest replicas, whoever leads; the present is the leaseholders' alone",
        )


class ElectionTimes(Plot):
    """How long a leader was missed."""

    name = "election_times"
    title = "Time without a leader"

    def __init__(self) -> None:
        self._took_ms: list[float] = []

    @sees(LeaderFound)
    def _find(self, time_ns: int, host: str, event: LeaderFound) -> None:
        self._took_ms.append(event.missed_ns / 1e6)

    def picture(self, end_ns: int) -> Picture | None:
        if not self._took_ms:
            return None
        curve = cumulative(f"{len(self._took_ms):,} elections", self._took_ms)
        return Picture(
            name=self.name,
            title=self.title,
            x_label="from the death of a leader to the next one, ms",
            y_label="of the elections, %",
            logarithmic=_axis((curve,)),
            curves=(curve,),
            note="as figure 16 of the Raft paper (Ongaro and Ousterhout 2014) shows it",
        )


DISTRIBUTION_PLOTS: tuple[type[Plot], ...] = (CommitLatency, ReadLatency, ElectionTimes)
