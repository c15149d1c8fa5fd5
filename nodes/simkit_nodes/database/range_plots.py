"""Figures of many ranges: who led which one when, how their terms climbed, and what became of transactions.

Latency and clock offsets are metrics, which the report draws by itself.

They deliberately look at emitted events alone, as checks do.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from simkit.plot import Curve, Lane, Picture, Plot, Span, Tone, sees
from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftCampaigned, RaftStarted, RaftSteppedDown
from simkit_nodes.database.events import TransactionCommitted, TransactionGivenUp, TransactionRetried

TONES: Final[tuple[Tone, ...]] = ("first", "second", "third")
SLOTS: Final = 120
"""Stretches of time in which transactions are counted."""
RANGES_MAX: Final = 12
"""Ranges whose terms are drawn: those that came furthest."""


class LeaderMap(Plot):
    """Who led each range, when: a lane for each range, a bar for each term."""

    name = "leader_map"
    title = "Leaders of ranges over time"

    def __init__(self) -> None:
        self._leads: dict[int, list[tuple[int, int | None, str, int]]] = {}

    @sees(RaftBecameLeader)
    def _begin(self, time_ns: int, host: str, event: RaftBecameLeader) -> None:
        self._end_of(event.group, time_ns)
        self._leads.setdefault(event.group, []).append((time_ns, None, host, event.term))

    @sees(RaftSteppedDown)
    def _step_down(self, time_ns: int, host: str, event: RaftSteppedDown) -> None:
        leads = self._leads.get(event.group)
        if leads and leads[-1][2] == host:
            self._end_of(event.group, time_ns)

    @sees(RaftStarted)
    def _start(self, time_ns: int, host: str, event: RaftStarted) -> None:
        leads = self._leads.get(event.group)
        if leads and leads[-1][2] == host:  # it was killed as a leader
            self._end_of(event.group, time_ns)

    def _end_of(self, group: int, time_ns: int) -> None:
        leads = self._leads.get(group)
        if leads and leads[-1][1] is None:
            begin_ns, _, host, term = leads[-1]
            leads[-1] = (begin_ns, time_ns, host, term)

    def picture(self, end_ns: int) -> Picture | None:
        if len(self._leads) < 2:  # one group is drawn by its hosts
            return None
        hosts = sorted({host for leads in self._leads.values() for _, _, host, _ in leads})
        tone = {host: TONES[place % len(TONES)] for place, host in enumerate(hosts)}
        lanes = [
            Lane(
                label=f"range {group}",
                spans=tuple(
                    Span(
                        parts=((begin_ns, end_ns if until_ns is None else until_ns, tone[host]),),
                        text=f"{host}, term {term}",
                    )
                    for begin_ns, until_ns, host, term in leads
                ),
            )
            for group, leads in sorted(self._leads.items())
        ]
        note = "a bar ends when its leader steps down, is succeeded, or starts again"
        return Picture(name=self.name, title=self.title, note=note, over_time=True, lanes=tuple(lanes))


class Terms(Plot):
    """The highest term that anybody has campaigned for, by range: a disturbed range climbs."""

    name = "terms"
    title = "Raft terms of the ranges that came furthest"

    def __init__(self) -> None:
        self._terms: dict[int, list[tuple[int, int]]] = {}

    @sees(RaftBecameLeader, RaftCampaigned)
    def _reach(self, time_ns: int, host: str, event: RaftBecameLeader | RaftCampaigned) -> None:
        if isinstance(event, RaftCampaigned) and event.pre_vote:
            return  # asking changes no term
        terms = self._terms.setdefault(event.group, [])
        if not terms or event.term > terms[-1][1]:
            terms.append((time_ns, event.term))

    def picture(self, end_ns: int) -> Picture | None:
        if not self._terms:
            return None
        furthest = sorted(self._terms, key=lambda group: (-self._terms[group][-1][1], group))[:RANGES_MAX]
        curves = [
            Curve(
                label=f"range {group}",
                x=(*(float(time_ns) for time_ns, _ in self._terms[group]), float(end_ns)),
                y=(*(float(term) for _, term in self._terms[group]), float(self._terms[group][-1][1])),
                style="steps",
            )
            for group in sorted(furthest)
        ]
        return Picture(name=self.name, title=self.title, y_label="term", over_time=True, curves=tuple(curves))


class Outcomes(Plot):
    """What became of key-value transactions at gateways, a second; SQL sessions say nothing of what succeeds."""

    name = "outcomes"
    title = "Key-value transactions of gateways, a second"

    def __init__(self) -> None:
        self._times: dict[str, list[int]] = {"committed": [], "run again": [], "given up": []}

    @sees(TransactionCommitted)
    def _commit(self, time_ns: int, host: str, event: TransactionCommitted) -> None:
        self._times["committed"].append(time_ns)

    @sees(TransactionRetried)
    def _retry(self, time_ns: int, host: str, event: TransactionRetried) -> None:
        self._times["run again"].append(time_ns)

    @sees(TransactionGivenUp)
    def _give_up(self, time_ns: int, host: str, event: TransactionGivenUp) -> None:
        self._times["given up"].append(time_ns)

    def picture(self, end_ns: int) -> Picture | None:
        if not (self._times["committed"] or self._times["given up"]):
            return None
        slot_ns = max(1, end_ns // SLOTS)
        curves = []
        for label, tone in (("committed", "first"), ("run again", "second"), ("given up", "alarm")):
            counted = Counter(time_ns // slot_ns for time_ns in self._times[label])
            rates = tuple(counted[slot] * 1e9 / slot_ns for slot in range(SLOTS))
            edges = tuple(float(slot * slot_ns) for slot in range(SLOTS))
            curves.append(Curve(label=label, x=edges, y=rates, style="steps", tone=tone))  # type: ignore[arg-type]
        return Picture(name=self.name, title=self.title, y_label="per s", over_time=True, curves=tuple(curves))


RANGE_PLOTS: tuple[type[Plot], ...] = (Outcomes, LeaderMap, Terms)
