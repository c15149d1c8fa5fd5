"""A bare Raft group, in which Raft's own claims are tried without a database above: how long a crashed leader is missed
(section 9.3 of the paper), and what each protection is for.

A stopwatch sees its connection to the leader break and hears from the next one, both one way through the network, so
that what it measures is not biased. A leader may be told to propose entries, and to change who belongs to the group.

It is deliberately no part of the stores: those have many groups, leases and an engine in the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Final

from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field, model_validator

from simkit.kernel import Stream
from simkit.language.units import Duration
from simkit.node import Event, Node
from simkit_nodes.blocks.raft import AppendEntries, Options, Raft, RaftError, RaftMessage
from simkit_nodes.blocks.raft.ballot import Ballot
from simkit_nodes.blocks.raft.events import RaftBecameLeader
from simkit_nodes.blocks.raft.group_logs import GroupLogs
from simkit_nodes.blocks.raft.server import RaftServer, StateMachine
from simkit_nodes.database.majority import Ask, answer

MILLISECOND: Final = 1_000_000
WATCH_PORT: Final = 9
OTHERS_UP_S: Final = 0.02
"""How long the first voter waits at its first boot before it stands, so that the others hear it."""
AGAIN_S: Final = 0.05
"""After so long the stopwatch tries to reach a voter again."""


class VoterConfig(BaseModel):
    """A Raft server's election timeouts; heartbeats come every half of the shortest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    election_timeout_min: Duration = Duration(150 * MILLISECOND)
    """The shortest time without a leader after which a voter stands for election."""
    election_timeout_max: Duration = Duration(300 * MILLISECOND)
    """The longest; equal to the shortest for no randomness."""
    ask_again: Duration | None = Field(None, ge=1)
    """How often a candidate repeats its requests to those who have not answered; never unless given."""
    pre_vote: bool = False
    """Ask around before standing."""
    check_quorum: bool = False
    """A leader without a majority steps down, and who hears a leader votes for nobody."""
    vote_persist: bool = True
    """Votes survive a restart."""
    commit_prev_term: bool = False
    """A leader commits entries of earlier terms by counting replicas, as figure 8 of the paper shows it must not."""
    joint_consensus: bool = True
    """A change of members goes through both configurations."""
    entries_max: int = Field(256, ge=1)
    """How many entries one message carries."""
    members: int | None = Field(None, ge=1)
    """How many of the voters belong to the group at first; all of them unless given."""
    propose_every: Duration | None = None
    """How often a leader proposes an entry; never unless given."""
    uneven_logs: bool = False
    """A leader keeps its last entries from its followers, from each another number of them, so that some cannot win."""
    change_every: Duration | None = None
    """How often a leader proposes as many other members, drawn at random; never unless given."""

    @model_validator(mode="after")
    def _sensible(self) -> VoterConfig:
        if not 2 <= self.election_timeout_min <= self.election_timeout_max:
            raise ValueError("a voter needs 2ns <= election_timeout_min <= election_timeout_max")
        return self

    def options(self) -> Options:
        return Options(
            election_timeout_min_ns=int(self.election_timeout_min),
            election_timeout_max_ns=int(self.election_timeout_max),
            heartbeat_ns=int(self.election_timeout_min) // 2,
            ask_again_ns=None if self.ask_again is None else int(self.ask_again),
            pre_vote=self.pre_vote,
            check_quorum=self.check_quorum,
            vote_persist=self.vote_persist,
            commit_prev_term=self.commit_prev_term,
            joint_consensus=self.joint_consensus,
            entries_max=self.entries_max,
            leases=False,
        )


class Nothing:
    """A state machine without a state."""

    def apply(self, command: bytes) -> None:
        """Do nothing."""

    def snapshot(self) -> bytes:
        """Return nothing."""
        return b""

    def restore(self, data: bytes) -> None:
        """Take nothing."""


class UnevenServer(RaftServer):
    """A Raft server whose followers' logs have different lengths while it leads, as in the paper's experiment.

    One follower has all of its entries, the next all but one, and so on, in an order drawn anew by each leader. What is
    committed stays so: this is a network that always loses the same entries.
    """

    def __init__(self, node: Node, logs: GroupLogs, raft: Raft, machine: StateMachine) -> None:
        super().__init__(node, logs, raft, machine)
        self._lags: dict[str, int] = {}

    def lengthen(self, stream: Stream) -> None:
        """Propose as many entries as make a difference between all followers, and draw who gets how many of them."""
        leader = self.raft.replication
        if leader is None:
            return
        followers = list(leader.progress)
        self._lags = {name: lag for lag, name in enumerate(stream.sample(followers, len(followers)))}
        with suppress(RaftError):
            for _ in followers[1:]:
                self.raft.propose(b"")
        self.turn_soon()

    def _send(self, messages: tuple[RaftMessage, ...]) -> None:
        super()._send(tuple(self._cut(each) if isinstance(each, AppendEntries) else each for each in messages))

    def _cut(self, message: AppendEntries) -> AppendEntries:
        log, leader = self.raft.log, self.raft.replication
        if leader is None or message.target not in self._lags:
            return message
        last = max(leader.begin_index, log.last_index - self._lags[message.target])
        prev = min(message.prev_log_index, last)
        entries = tuple(entry for entry in message.entries if entry.index <= last)
        return replace(message, prev_log_index=prev, prev_log_term=log.term(prev) or 0, entries=entries)


class Voter(Node):
    """A member of the group. The first one begins as leader, so that even without randomness there is one to lose."""

    config: VoterConfig
    ballot_class: ClassVar[type[Any]] = Ballot

    def __init__(self) -> None:
        self._watchers: list[asyncio.StreamWriter] = []
        self._leads = 0
        self._on_leading: Callable[[], None] | None = None

    async def run(self) -> None:
        voters, config = self.directory.of_role("voter"), self.config
        members = voters[: config.members]
        watched = await asyncio.start_server(self._watched, "0.0.0.0", WATCH_PORT)
        kind = UnevenServer if config.uneven_logs else RaftServer
        server = await kind.open(self, members, config.options(), Nothing(), group=1, ballot=self.ballot_class())
        if isinstance(server, UnevenServer):
            self._on_leading = partial(server.lengthen, self.random)
        self.network.handle(Ask, partial(answer, server))
        if self.name == voters[0] and not server.raft.current_term:
            await asyncio.sleep(OTHERS_UP_S)
            server.raft.campaign()
            server.turn_soon()
        async with watched, asyncio.TaskGroup() as tasks:
            tasks.create_task(watched.serve_forever())
            if config.propose_every is not None:
                tasks.create_task(self._propose(server, config.propose_every))
            if config.change_every is not None:
                tasks.create_task(self._change(server, config.change_every, len(members)))

    async def _propose(self, server: RaftServer, every: Duration) -> None:
        """Propose entries while this server leads; nobody waits for them."""
        while True:
            await asyncio.sleep(every.seconds)
            with suppress(RaftError):
                server.raft.propose(self.name.encode())
                server.turn_soon()

    async def _change(self, server: RaftServer, every: Duration, count: int) -> None:
        """Propose other members while this server leads."""
        while True:
            await asyncio.sleep(every.seconds)
            with suppress(RaftError):
                server.raft.propose_membership(tuple(self.random.sample(self.directory.of_role("voter"), count)))
                server.turn_soon()

    async def _watched(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._watchers.append(writer)
        if self._leads:
            writer.write(b"%d\n" % self._leads)
        await reader.read()
        self._watchers.remove(writer)

    def emit(self, event: Event) -> None:
        """Publish what happened, and tell the stopwatch of a leadership that begins."""
        super().emit(event)
        if isinstance(event, RaftBecameLeader):
            self._leads = event.term
            if self._on_leading is not None:
                asyncio.get_running_loop().call_soon(self._on_leading)
            for writer in self._watchers:
                writer.write(b"%d\n" % event.term)


class LeaderFound(Event, frozen=True, tag="election.leader_found"):
    """A stopwatch has heard of the next leader."""

    missed_ns: int
    """Since it knew that the last one was gone."""


class Stopwatch(Node):
    """Measures from the death of each leader to the next leader."""

    def __init__(self) -> None:
        self._leader = ""
        self._term = 0
        self._lost_s: float | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for voter in self.directory.of_role("voter"):
                tasks.create_task(self._watch(voter))

    async def _watch(self, voter: str) -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection(voter, WATCH_PORT)
                while line := await reader.readline():
                    self._leads(voter, int(line))
                writer.close()
            except OSError:
                pass
            self._broken(voter)
            await asyncio.sleep(AGAIN_S)

    def _broken(self, voter: str) -> None:
        if voter == self._leader:
            self._leader = ""
            self._lost_s = self.clock.monotonic()
            self.metrics.counter("elections.needed").add(1)

    def _leads(self, voter: str, term: int) -> None:
        if term <= self._term:
            return
        self._leader, self._term = voter, term
        self.metrics.counter("elections.won").add(1)
        if self._lost_s is not None:
            missed_s = self.clock.monotonic() - self._lost_s
            self.metrics.histogram("election.time", unit="s").record(missed_s)
            self.emit(LeaderFound(round(missed_s * 1e9)))
            self._lost_s = None
