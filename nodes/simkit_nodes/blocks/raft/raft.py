"""One Raft server without input or output: messages, time and proposals go in, `Ready` comes out.

This is the algorithm of the paper's figure 2 with what the thesis adds: pre-vote, check-quorum, joint consensus,
learners, leadership transfer, ReadIndex and leases. The shape is that of etcd's library: it never waits, owns no timer
and no disk, and does what it is told in the order in which it is told.

It deliberately does not know how many groups its driver runs, what commands mean, or how messages travel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from xxhash import xxh3_64_intdigest

from simkit.node import Event
from simkit_nodes.blocks.raft.ballot import Ballot
from simkit_nodes.blocks.raft.election import Election
from simkit_nodes.blocks.raft.errors import Busy, ChangeRefused, NotLeader
from simkit_nodes.blocks.raft.events import (
    RaftAppended,
    RaftApplied,
    RaftBecameLeader,
    RaftSnapshotInstalled,
    RaftStarted,
    RaftSteppedDown,
)
from simkit_nodes.blocks.raft.following import Following
from simkit_nodes.blocks.raft.log import Log
from simkit_nodes.blocks.raft.membership import Membership
from simkit_nodes.blocks.raft.messages import (
    AppendEntries,
    AppendEntriesReply,
    Entry,
    InstallSnapshot,
    PreVote,
    PreVoteReply,
    RaftMessage,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    Snapshot,
    TimeoutNow,
)
from simkit_nodes.blocks.raft.options import Options
from simkit_nodes.blocks.raft.reads import Reads
from simkit_nodes.blocks.raft.ready import NOTHING_DECIDED, HardState, Ready
from simkit_nodes.blocks.raft.replication import Replication
from simkit_nodes.blocks.raft.role import Role


class Below(Protocol):
    """A random stream; `simkit.kernel.stream.Stream` is one."""

    def below(self, n: int, /) -> int: ...


class Raft:
    """One member of one group.

    Args:
        server: its name; that of the others stands in the log's configuration.
        log: what survived: `Log(Snapshot(0, 0, Configuration(voters)))` for a new group.
        options: times, limits, protections.
        stream: where election timeouts are drawn from.
        clock: returns the host's monotonic clock in nanoseconds.
        hard_state: what survived of term and vote.
        applied: what the state machine has applied durably; entries up to it are not handed out again.
        group: what its events call the group.
        ballot: decides whom it votes for; the paper's rules unless given.

    Attributes:
        role, leader: what it is, and whom it takes for the leader (itself included).
        current_term, voted_for, commit_index: as in figure 2.
        replication: the leader's state, None for everybody else.
        handed_state: the term and vote that a `Ready` has given out last.
        clock_trusted: set to False by a driver that knows its clock to be wrong; leases end then.
    """

    def __init__(
        self,
        server: str,
        log: Log,
        options: Options,
        stream: Below,
        clock: Callable[[], int],
        hard_state: HardState = NOTHING_DECIDED,
        applied: int = 0,
        group: int = 0,
        ballot: Ballot | None = None,
    ) -> None:
        self.server, self.group = server, group
        self.ballot = ballot or Ballot()
        self._decided, self._kept = (-1, ""), NOTHING_DECIDED
        self.log, self.options, self.stream, self.clock = log, options, stream, clock
        self.current_term, self.voted_for = hard_state.term, hard_state.vote
        if log.last_term > self.current_term:
            # A log that begins with a snapshot of a later term, such as a new group's, must not win over later entries.
            self.current_term, self.voted_for = log.last_term, ""
        self.handed_state, self._handed_term = hard_state, hard_state.term
        self.role = Role.FOLLOWER
        self.leader: str | None = None
        self.commit_index = self.applied_index = max(applied, log.snapshot_index)
        self.clock_trusted = True
        self.replication: Replication | None = None
        self.election = Election(self)
        self.following = Following(self)
        self.membership = Membership(self)
        self.reads = Reads(self)
        self._messages: list[RaftMessage] = []
        self._messages_after: list[RaftMessage] = []
        self._snapshot: Snapshot | None = None
        self._snapshots_wanted: list[str] = []
        self._events: list[Event] = [RaftStarted(group, self.current_term, log.last_index, log.runs())]

    # -- what goes in

    @property
    def wake_ns(self) -> int | None:
        """When `tick` wants to be called next, on this server's clock; None while nothing but a message matters."""
        if self.replication is not None:
            return self.replication.deadline_ns
        return None if self.following.quiescent else self.election.deadline_ns

    def tick(self) -> None:
        """Look at the clock: heartbeats, elections, a leader that hears nobody."""
        if self.replication is not None:
            self.replication.tick()
        elif not self.following.quiescent:
            self.election.tick()

    def step(self, message: RaftMessage) -> None:
        """Take a message. ValueError if it is for another server."""
        if message.target != self.server:
            raise ValueError(f"a message for {message.target} reached {self.server}")
        self._wake_for(message)
        if message.term > self.current_term:
            if not self._takes_over(message):
                return
        elif message.term < self.current_term:
            self._answer_old(message)
            return
        _HANDLERS[type(message)](self, message)

    def propose(self, data: bytes) -> tuple[int, int]:
        """Append a command; return its index and term. It is committed if an entry of that term is applied there.

        Raises:
            NotLeader: this server does not lead.
            Busy: too much is uncommitted, or leadership is being handed over.
        """
        leader = self._leading()
        if leader.transfer_to is not None:
            raise Busy(f"leadership goes to {leader.transfer_to}")
        if leader.full:
            raise Busy(f"{self.options.proposals_bytes_max} bytes are uncommitted")
        return self.append(data, "command"), self.current_term

    def propose_membership(self, voters: tuple[str, ...], learners: tuple[str, ...] = ()) -> tuple[int, int]:
        """Begin to change who belongs to the group; return index and term of the change's first entry.

        The change is complete when `log.configuration` is no longer joint and its entry is committed.

        Raises:
            NotLeader: this server does not lead.
            ChangeRefused: another change is under way, the leader has just begun, or nobody would be left.
        """
        self._leading()
        return self.membership.propose(voters, learners)

    def read_index(self, context: int) -> None:
        """Ask for a linearizable read; the answer comes in a `Ready`, or never if a message is lost."""
        self.wake()
        self.reads.ask(context)

    def campaign(self) -> None:
        """Begin an election now: for a group that has just been made, in which nobody can have promised anything."""
        if self.replication is None and self.log.configuration.votes(self.server):
            self.election.campaign(leadership_transfer=True)

    def heartbeat(self) -> None:
        """Speak to all followers at the next `Ready`, before it would be due; a driver does it for many at once."""
        if self.replication is not None and not self.replication.silent:
            self.replication.heartbeat()

    def transfer_leadership(self, to: str) -> None:
        """Hand leadership to a voter. NotLeader; ChangeRefused if `to` is not another voter."""
        leader = self._leading()
        if to == self.server or to not in leader.progress or not self.log.configuration.votes(to):
            raise ChangeRefused(f"{to} is not another voter")
        leader.transfer(to)

    def send_snapshot(self, target: str, snapshot: Snapshot) -> None:
        """Send the snapshot that a `Ready` asked for; nothing happens if it is not needed any more."""
        if self.replication is not None:
            self.replication.send_snapshot(target, snapshot)

    def snapshot_failed(self, target: str) -> None:
        """Take note that a snapshot could not be made, or did not arrive."""
        if self.replication is not None:
            self.replication.snapshot_failed(target)

    def compact(self, index: int) -> None:
        """Discard entries up to `index`, which the state machine holds durably. ValueError beyond what is applied."""
        if index > self.applied_index:
            raise ValueError(f"entry {index} is not applied yet, only {self.applied_index} are")
        self.log.compact(index)

    def quiesce(self) -> bool:
        """Fall silent, and let the followers do so, if nothing is left to say; return whether that was possible."""
        leader = self.replication
        if leader is None or not leader.settled:
            return False
        if not leader.quiescent:
            leader.quiesce()
        return True

    def learn_commit(self, index: int) -> None:
        """Take note that entries up to `index` are committed, which the driver knows from elsewhere."""
        if self.replication is None and index > self.commit_index:
            self.commit(min(index, self.log.last_index))

    def wake(self) -> None:
        """End a silence: heartbeats and election timeouts run again."""
        if self.replication is not None:
            if self.replication.quiescent:
                self.replication.wake()
        else:
            self.following.wake()

    def persisted(self, ready: Ready) -> None:
        """Take note that what `ready` asked to be written is durable. Readys are to be persisted in order."""
        if ready.entries:
            last = ready.entries[-1]
            if self.log.durable(last.index, last.term) and self.replication is not None:
                self.replication.persisted()
        if ready.hard_state is not None and ready.term == self.current_term:
            self.election.own_vote_persisted()

    # -- what comes out

    @property
    def has_ready(self) -> bool:
        """Whether `ready` would return anything."""
        leader = self.replication
        return bool(
            self._messages
            or self._messages_after
            or self._events
            or self._snapshot
            or self._snapshots_wanted
            or self.reads.states
            or self.log.handed_index < self.log.last_index
            or self.applied_index < min(self.commit_index, self.log.durable_index)
            or self._hard_state() is not None
            or (leader is not None and (leader.wants_round or leader.wants_entries))
        )

    def ready(self) -> Ready:
        """Return what is to be done, and forget it: whoever asks must do it."""
        if self.replication is not None:
            self.replication.speak()
        snapshot, self._snapshot = self._snapshot, None
        hard_state = self._hard_state()
        if hard_state is not None:
            self.handed_state, self._handed_term = hard_state, self.current_term
        entries = self.log.hand_out()
        if entries:
            self._tell_appended(entries)
        committed = self._hand_committed()
        messages, self._messages = tuple(self._messages), []
        after, self._messages_after = tuple(self._messages_after), []
        states, self.reads.states = tuple(self.reads.states), []
        wanted, self._snapshots_wanted = tuple(self._snapshots_wanted), []
        events, self._events = tuple(self._events), []
        return Ready(
            messages, hard_state, self.current_term, snapshot, entries, after, committed, states, events, wanted
        )

    def _hard_state(self) -> HardState | None:
        """Return what is to be written of term and vote, None if that has been handed out."""
        decided = self.current_term, self.voted_for
        if decided != self._decided:
            term, vote = self.ballot.kept(*decided)
            self._decided, self._kept = decided, HardState(term, vote if self.options.vote_persist else "")
        # Of each term something is written, even if a ballot wants the same to be kept as before.
        return None if self._kept == self.handed_state and self.current_term == self._handed_term else self._kept

    def _hand_committed(self) -> tuple[Entry, ...]:
        # Only what is durable here: a state machine must not be ahead of its own log after a restart.
        last = min(self.commit_index, self.log.durable_index)
        if last <= self.applied_index:
            return ()
        committed = tuple(self.log.between(self.applied_index + 1, last))
        self.applied_index = last
        self._events.append(RaftApplied(self.group, committed[0].index, tuple([_digest(entry) for entry in committed])))
        return committed

    def _tell_appended(self, entries: tuple[Entry, ...]) -> None:
        first = entries[0].index
        terms, digests = tuple([entry.term for entry in entries]), tuple([_digest(entry) for entry in entries])
        self._events.append(RaftAppended(self.group, self.log.term(first - 1) or 0, first, terms, digests))

    # -- terms and roles

    def _wake_for(self, message: RaftMessage) -> None:
        if self.replication is not None:
            # An answer to the announcement of silence does not break it.
            if self.replication.quiescent and type(message) is not AppendEntriesReply:
                self.replication.wake()
        elif self.following.quiescent and not (type(message) is AppendEntries and message.quiesce):
            self.following.wake()

    def _takes_over(self, message: RaftMessage) -> bool:
        """Adopt a later term, unless the message only asks about it; return whether to go on with the message."""
        if isinstance(message, PreVote) or (isinstance(message, PreVoteReply) and message.vote_granted):
            return True
        if isinstance(message, RequestVote) and not message.leadership_transfer and self.election.hears_leader:
            return False
        self.become_follower(message.term, f"{message.sender} is in term {message.term}")
        return True

    def _answer_old(self, message: RaftMessage) -> None:
        """Let whoever is behind know the term."""
        if isinstance(message, AppendEntries | InstallSnapshot):
            self.send_after(AppendEntriesReply(self.current_term, self.server, message.sender, False, 0, 0, 0, 0, 0))
        elif isinstance(message, RequestVote):
            self.election.vote(message)
        elif isinstance(message, PreVote):
            self.election.pre_vote(message)

    def begin_term(self, term: int, vote: str = "") -> None:
        """Enter a later term."""
        self.current_term, self.voted_for = term, vote

    def become_follower(self, term: int, reason: str) -> None:
        """Follow whoever leads the term; a leader steps down."""
        if self.replication is not None:
            self.replication = None
            self.happened(RaftSteppedDown(self.group, self.current_term, reason))
            self.reads.abandon()
        if term > self.current_term:
            self.begin_term(term)
        if self.role is not Role.FOLLOWER:
            self.election.draw()
            self.election.restart()
        self.role, self.leader = Role.FOLLOWER, None

    def step_down(self, reason: str) -> None:
        """Lead no more, in the same term."""
        self.become_follower(self.current_term, reason)

    def become_leader(self) -> None:
        """Lead, and append the entry that says so: with it everything before gets committed (section 5.4.2)."""
        self.role, self.leader = Role.LEADER, self.server
        self.happened(RaftBecameLeader(self.group, self.current_term, self.election.voters))
        self.replication = Replication(self)
        self.append(b"", "begin")

    def _leading(self) -> Replication:
        if self.replication is None:
            raise NotLeader(self.leader)
        if self.replication.quiescent:
            self.replication.wake()
        return self.replication

    # -- for the parts

    def append(self, data: bytes, kind: Literal["command", "configuration", "begin"]) -> int:
        """Append an entry of the leader's; return its index."""
        assert self.replication is not None
        entry = Entry(self.log.last_index + 1, self.current_term, data, kind)
        self.log.append((entry,))
        self.replication.proposed(len(data))
        return entry.index

    def commit(self, index: int) -> None:
        """Move the commit index, and do what waited for it."""
        leader, before = self.replication, self.commit_index
        self.commit_index = index
        if leader is None:
            return
        for entry in self.log.between(before + 1, index):
            if entry.term == self.current_term:
                leader.committed(len(entry.data))
        if before < leader.begin_index <= index:
            self.reads.leadership_begun()
        if before < max(leader.begin_index, self.log.configuration_index) <= index:
            self.membership.committed()

    def install(self, snapshot: Snapshot) -> None:
        """Replace the log by a snapshot, which the driver is to install."""
        self.adopt(snapshot)
        self._snapshot = snapshot

    def adopt(self, snapshot: Snapshot) -> None:
        """Begin where a snapshot ends, which the driver has installed by itself; for a server without a log."""
        self.log.restore(snapshot)
        self.commit_index = self.applied_index = snapshot.index
        self.happened(RaftSnapshotInstalled(self.group, snapshot.index, snapshot.term))

    def send(self, message: RaftMessage) -> None:
        """Send a message at once."""
        self._messages.append(message)

    def send_after(self, message: RaftMessage) -> None:
        """Send a message when everything so far is durable."""
        self._messages_after.append(message)

    def wants_snapshot(self, member: str) -> None:
        """Ask the driver for a snapshot for a follower."""
        self._snapshots_wanted.append(member)

    def happened(self, event: Event) -> None:
        """Make something seen."""
        self._events.append(event)

    # -- messages of the current term

    def _take_append_reply(self, message: AppendEntriesReply) -> None:
        if self.replication is not None:
            self.replication.reply(message)

    def _take_timeout_now(self, message: TimeoutNow) -> None:
        if self.role is not Role.LEADER and self.log.configuration.votes(self.server):
            self.election.campaign(leadership_transfer=True)


def _digest(entry: Entry) -> int:
    return xxh3_64_intdigest(entry.data, entry.term)


_HANDLERS: dict[type[RaftMessage], Callable] = {
    AppendEntries: lambda raft, message: raft.following.append(message),
    AppendEntriesReply: Raft._take_append_reply,
    InstallSnapshot: lambda raft, message: raft.following.install(message),
    PreVote: lambda raft, message: raft.election.pre_vote(message),
    PreVoteReply: lambda raft, message: raft.election.reply(message),
    ReadIndex: lambda raft, message: raft.reads.asked(message),
    ReadIndexReply: lambda raft, message: raft.reads.answered(message),
    RequestVote: lambda raft, message: raft.election.vote(message),
    RequestVoteReply: lambda raft, message: raft.election.reply(message),
    TimeoutNow: Raft._take_timeout_now,
}
