"""A host of the placement driver: it hears every store's heartbeats and, while it leads, decides.

Decisions and judgements are agreed on by a Raft group of the driver's own hosts before anybody hears of them. What
heartbeats tell is kept in memory only: a new leader listens for a while before it judges anybody.

It deliberately carries nothing out: leaseholders do, and what they cannot do is decided anew when patience ends.

Source: the placement driver of TiKV (D. Huang et al., "TiDB: A Raft-based HTAP Database", VLDB 2020, section 2).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from simkit.language.units import Duration
from simkit.network import handles
from simkit.node import Node
from simkit_nodes.blocks.raft import Options, RaftError
from simkit_nodes.blocks.raft.server import RaftServer
from simkit_nodes.database.config import MILLISECOND, SECOND
from simkit_nodes.database.credentials import Credentials
from simkit_nodes.database.placement.events import PlacementDecided, StoreJudged
from simkit_nodes.database.placement.messages import Decision, Orders, StoreHeartbeat
from simkit_nodes.database.placement.planning import Reported, View, is_done, plan
from simkit_nodes.database.placement.record import Close, Command, Decide, Judge, PlacementRecord, encode_command

GROUP: Final = 0
"""What events call the driver's own Raft group; no range has this number."""
AGREED_S: Final = 2.0
"""How long the driver's own group may take to agree."""


class PlacementConfig(BaseModel):
    """The placement driver: where replicas and leaders of ranges should be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    replicas: int = Field(3, ge=1, le=9)
    """How many replicas each range should have; as for the stores."""
    interval: Duration = Duration(SECOND)
    """How often it looks at the cluster."""
    away_after: Duration = Duration(60 * SECOND)
    """A store that was not heard of for so long stays away, and its replicas are made anew elsewhere."""
    patience: Duration = Duration(20 * SECOND)
    """A decision that is not carried out by then is given up."""
    open_max: int = Field(8, ge=1)
    """How many decisions are open at the same time."""
    replace: bool = True
    """Whether replicas on stores that stay away are made anew."""
    balance: bool = True
    """Whether replicas and leaders are spread evenly."""
    election_timeout: Duration = Duration(500 * MILLISECOND)
    """Of its own Raft group."""

    def raft(self) -> Options:
        """Return the settings of its own Raft group."""
        shortest_ns = int(self.election_timeout)
        return Options(
            election_timeout_min_ns=shortest_ns,
            election_timeout_max_ns=2 * shortest_ns,
            heartbeat_ns=max(1, shortest_ns // 5),
        )


class PlacementDriver(Node):
    """Decides where replicas and leaders should be."""

    config: PlacementConfig

    def __init__(self) -> None:
        self._credentials = Credentials(self)
        self._server: RaftServer | None = None
        self._record = PlacementRecord()
        self._term = 0
        self._heard_ns: dict[str, int] = {}
        self._reports: dict[int, tuple[Reported, int]] = {}
        self._opened_ns: dict[int, int] = {}

    async def run(self) -> None:
        hosts = self.directory.of_role("placement")
        self._server = await RaftServer.open(self, hosts, self.config.raft(), self._record, group=GROUP)
        while True:
            await asyncio.sleep(self.config.interval.seconds)
            if self._leads():
                try:
                    async with asyncio.timeout(AGREED_S):
                        await self._look()
                except (RaftError, TimeoutError) as error:
                    self.log.info("nothing is decided in this round: %s", error)

    # -- heartbeats

    @handles(StoreHeartbeat)
    def heartbeat(self, heartbeat: StoreHeartbeat) -> Orders:
        """Take a store's report; answer with the open decisions about ranges that it leads."""
        self._credentials.of_store(heartbeat)
        if not self._leads():
            return Orders(leads=False, hint=None if self._server is None else self._server.raft.leader)
        store, now_ns = self.network.sender, self.clock.monotonic_ns()
        self._heard_ns[store] = now_ns
        for report in heartbeat.ranges:
            range_id = report.descriptor.range_id
            known = self._reports.get(range_id)
            news = (report.descriptor.generation, report.term)
            if known is None or news >= (known[0].report.descriptor.generation, known[0].report.term):
                self._reports[range_id] = Reported(report, store), now_ns
        led = [report.descriptor.range_id for report in heartbeat.ranges]
        return Orders(tuple(self._record.open[range_id] for range_id in led if range_id in self._record.open))

    def _leads(self) -> bool:
        """Whether this host leads and has applied all that was decided before; what it knew in another term is void."""
        if self._server is None:
            return False
        raft = self._server.raft
        if raft.replication is None or raft.applied_index < raft.replication.begin_index:
            return False
        if raft.current_term != self._term:
            now_ns = self.clock.monotonic_ns()
            self._term = raft.current_term
            self._heard_ns = dict.fromkeys(self.directory.of_role("store"), now_ns)
            self._reports.clear()
            self._opened_ns = {each.number: now_ns for each in self._record.open.values()}
        return True

    # -- deciding

    async def _look(self) -> None:
        """Judge who is away, close what is done or hopeless, and decide what should be done next."""
        now_ns = self.clock.monotonic_ns()
        for store, heard_ns in list(self._heard_ns.items()):
            away = now_ns - heard_ns > int(self.config.away_after)
            if away != (store in self._record.away) and await self._agree(Judge(store, away)):
                self.emit(StoreJudged(store, away))
        ranges = self._ranges(now_ns)
        for decision in list(self._record.open.values()):
            if self._is_over(decision, ranges, now_ns):
                await self._agree(Close(decision.number))
                self._opened_ns.pop(decision.number, None)
        config = self.config
        for decision in list(plan(self._view(ranges), replace=config.replace, balance=config.balance)):
            if len(self._record.open) >= config.open_max:
                break
            decided = await self._agree(Decide(decision))
            if decided is not None:
                self._opened_ns[decided.number] = now_ns
                self.emit(
                    PlacementDecided(decided.number, decided.kind, decided.range_id, decided.stores, decided.reason)
                )

    async def _agree(self, command: Command) -> Any:
        """Return what a command came to, once the driver's hosts have agreed on it. RaftError."""
        assert self._server is not None
        return await self._server.propose(encode_command(command))

    def _ranges(self, now_ns: int) -> list[Reported]:
        """Return the ranges whose leaseholders were heard lately, in order of their keys."""
        lately_ns = now_ns - 5 * int(self.config.interval)
        known = [reported for reported, at_ns in self._reports.values() if at_ns >= lately_ns]
        return sorted(known, key=lambda each: each.report.descriptor.begin)

    def _is_over(self, decision: Decision, ranges: list[Reported], now_ns: int) -> bool:
        late = now_ns - self._opened_ns.get(decision.number, now_ns) > int(self.config.patience)
        hopeless = any(store in self._record.away for store in decision.stores)
        done = any(each.report.descriptor.range_id == decision.range_id and is_done(decision, each) for each in ranges)
        return done or late or hopeless

    def _view(self, ranges: list[Reported]) -> View:
        away, now_ns = frozenset(self._record.away), self.clock.monotonic_ns()
        silent_ns = now_ns - 5 * int(self.config.interval)
        there = {
            store: self.directory.zone_of(store)
            for store, heard_ns in self._heard_ns.items()
            if store not in away and heard_ns >= silent_ns
        }
        return View(there, away, ranges, self._record.open, min(self.config.replicas, len(self._heard_ns)))
