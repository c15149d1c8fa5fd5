"""What a leader does: it appends, sends, counts, commits, and makes itself heard (sections 5.3 and 5.4.2 of the paper).

Everything that is proposed between two Readys travels together. A round is opened whenever all followers are spoken
to at once; their replies repeat its number, from which follows when a majority last followed this leader. Heartbeats,
check-quorum, ReadIndex and leases all rest on that.

Followers deliberately hear of a higher commit index with the next message, not by one of its own: it would double the
messages, and nobody but their state machines waits for it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simkit_nodes.blocks.raft.events import RaftCommitted
from simkit_nodes.blocks.raft.messages import AppendEntries, AppendEntriesReply, InstallSnapshot, Snapshot, TimeoutNow
from simkit_nodes.blocks.raft.progress import Progress

if TYPE_CHECKING:
    from simkit_nodes.blocks.raft.raft import Raft

SNAPSHOT_ROUNDS = 4
"""A follower that still lacks a snapshot so many rounds after it was sent will not get it."""


class Replication:
    """The state of one leadership (figure 2: volatile state on leaders, reinitialized after election).

    Attributes:
        progress: what is known of every other member.
        quorum_contact_ns: when the round was opened that a majority has answered last; at first, when it began.
        round, agreed_round: the number of the last round, and of the last that a majority has answered.
        wants_round: everybody is to be spoken to at the next `Ready`.
        wants_entries: somebody can take entries that it has not been sent yet.
        quiescent: it says, or has said, that it will be silent.
        transfer_to: to whom leadership is being handed over, None for nobody.
        lease_given_up: True once a transfer has begun: from then on another may lead before the lease ends.
    """

    def __init__(self, raft: Raft) -> None:
        self._raft = raft
        now_ns = raft.clock()
        self.quorum_contact_ns = self._expecting_ns = now_ns
        self.begin_index = raft.log.last_index + 1
        self.progress: dict[str, Progress] = {}
        self.round = 0
        self.agreed_round = 0
        self._opened: deque[tuple[int, int]] = deque()  # rounds that no majority has answered, with their times
        self._heartbeat_ns = now_ns
        self.wants_round, self.wants_entries = True, False
        self.quiescent = False
        self._quiescent_round = 0
        self.transfer_to: str | None = None
        self._transfer_until_ns = 0
        self.lease_given_up = False
        self._match: dict[str, int] = {}
        self._rounds: dict[str, int] = {}
        self._pending_bytes = 0  # proposed in this term and not committed
        self.follow_configuration()

    def follow_configuration(self) -> None:
        """Track exactly the members of the latest configuration in the log."""
        raft = self._raft
        members = [member for member in raft.log.configuration.members if member != raft.server]
        now_ns, window = raft.clock(), raft.options.inflight_max
        self.progress = {
            member: self.progress.get(member) or Progress(self.begin_index, now_ns, window) for member in members
        }
        self._match = {member: progress.match_index for member, progress in self.progress.items()}
        self._rounds = {member: progress.round for member, progress in self.progress.items()}
        self._match[raft.server] = raft.log.durable_index
        self._rounds[raft.server] = self.round
        self.wants_round = True

    # -- time

    @property
    def deadline_ns(self) -> int | None:
        """When the next heartbeat is due; None while everybody has agreed to silence."""
        return None if self.silent else self._heartbeat_ns

    def tick(self) -> None:
        """Open a round if a heartbeat is due; step down if no majority has answered for an election timeout."""
        raft = self._raft
        now_ns = raft.clock()
        if self.silent:
            return
        contact_ns = max(self.quorum_contact_ns, self._expecting_ns)
        if raft.options.check_quorum and now_ns - contact_ns >= raft.options.election_timeout_max_ns:
            raft.step_down("no majority answers")
            return
        if self.transfer_to is not None and now_ns >= self._transfer_until_ns:
            self.transfer_to = None
        if now_ns >= self._heartbeat_ns:
            self.heartbeat()

    def heartbeat(self) -> None:
        """Want a round; what a probe has lost is sent again with it."""
        self.wants_round = True
        for progress in self.progress.values():
            progress.paused = False

    def wake(self) -> None:
        """Lead again after silence: nobody was asked to answer meanwhile."""
        self.quiescent = False
        self._expecting_ns = self._raft.clock()
        self.wants_round = True

    # -- sending

    def speak(self) -> None:
        """Send what is due: to everybody if a round is wanted, otherwise only entries, to those who may have them."""
        if self.wants_round:
            self._open_round()
            for member, progress in self.progress.items():
                if not self._send_entries(member, progress):
                    self._send_heartbeat(member, progress)
        self.wants_entries = False
        last = self._raft.log.last_index
        for member, progress in self.progress.items():
            while progress.next_index <= last and self._send_entries(member, progress):
                pass

    def _open_round(self) -> None:
        raft = self._raft
        self.wants_round = False
        self.round += 1
        self._rounds[raft.server] = self.round
        now_ns = raft.clock()
        self._opened.append((self.round, now_ns))
        self._heartbeat_ns = now_ns + raft.options.heartbeat_ns
        self._count_rounds()

    def _send_entries(self, member: str, progress: Progress) -> bool:
        """Send the next entries to a follower; return False if there are none or it may have none now."""
        raft = self._raft
        log = raft.log
        if not progress.may_send or progress.next_index > log.last_index:
            return False
        prev_term = log.term(progress.next_index - 1)
        if prev_term is None:
            progress.needs_snapshot()
            raft.wants_snapshot(member)
            return False
        entries = log.batch(progress.next_index, raft.options.entries_max, raft.options.entries_bytes_max)
        self._send_append(member, progress.next_index - 1, prev_term, entries)
        progress.sent(entries[-1].index)
        return True

    def _send_heartbeat(self, member: str, progress: Progress) -> None:
        # Before what is discarded nothing can be compared: the follower will say what it lacks.
        index = max(progress.next_index - 1, self._raft.log.snapshot_index)
        self._send_append(member, index, self._raft.log.term(index) or 0, ())

    def _send_append(self, member: str, prev_index: int, prev_term: int, entries: tuple) -> None:
        raft = self._raft
        raft.send(
            AppendEntries(
                raft.current_term,
                raft.server,
                member,
                prev_index,
                prev_term,
                entries,
                raft.commit_index,
                self.round,
                self.quiescent,
            )
        )

    def send_snapshot(self, member: str, snapshot: Snapshot) -> None:
        """Send a snapshot to a follower that needs one; later entries wait for its answer."""
        progress = self.progress.get(member)
        if progress is not None and progress.state == "snapshot":
            progress.snapshot_sent(snapshot.index, self.round)
            raft = self._raft
            raft.send(InstallSnapshot(raft.current_term, raft.server, member, snapshot, self.round))

    def snapshot_failed(self, member: str) -> None:
        """Find out anew what a follower has, after a snapshot that did not arrive."""
        progress = self.progress.get(member)
        if progress is not None and progress.state == "snapshot":
            progress.probe()

    # -- counting

    def reply(self, message: AppendEntriesReply) -> None:
        """Take a follower's answer."""
        progress = self.progress.get(message.sender)
        if progress is None:
            return
        progress.contact_ns = self._raft.clock()
        later = message.round > progress.round
        if later:
            progress.round = self._rounds[message.sender] = message.round
            self._count_rounds()
        if not message.success:
            self._rejected(progress, message, later)
            self._match[message.sender] = progress.match_index
        elif progress.matched(min(message.match_index, self._raft.log.last_index)):
            self._match[message.sender] = progress.match_index
            self.count_matches()
        if progress.next_index <= self._raft.log.last_index and progress.may_send:
            self.wants_entries = True
        if message.sender == self.transfer_to:
            self._transfer_if_current()

    def _rejected(self, progress: Progress, message: AppendEntriesReply, later: bool) -> None:
        log = self._raft.log
        if message.prev_log_index <= progress.match_index and not later:
            return  # overtaken by a success
        if progress.state == "snapshot":
            if progress.snapshot_index and message.round > progress.snapshot_round + SNAPSHOT_ROUNDS:
                progress.probe()  # it should have arrived long ago; ask for another one if still needed
            return
        next_index = message.conflict_index
        if message.conflict_term:
            # The last entry of that term here is where the logs may agree, else the follower drops the whole term.
            shared = log.last_of_term(message.conflict_term, message.prev_log_index)
            next_index = shared + 1 if shared else message.conflict_index
        progress.rejected(max(1, min(next_index, message.prev_log_index)))

    def persisted(self) -> None:
        """Count this server's own entries, which are on its disk now."""
        self._match[self._raft.server] = self._raft.log.durable_index
        self.count_matches()

    def count_matches(self) -> None:
        """Commit what enough servers have (figure 2: "if there exists an N such that N > commitIndex ...")."""
        raft = self._raft
        index = raft.log.configuration.agreed(self._match)
        if index <= raft.commit_index:
            return
        term = raft.log.term(index)
        if term == raft.current_term or raft.options.commit_prev_term:
            raft.happened(RaftCommitted(raft.group, raft.current_term, index, term or 0))
            raft.commit(index)

    def _count_rounds(self) -> None:
        agreed = self._raft.log.configuration.agreed(self._rounds)
        if agreed > self.agreed_round:
            self.agreed_round = agreed
            opened = self._opened
            while opened and opened[0][0] <= agreed:
                self.quorum_contact_ns = opened.popleft()[1]
            self._raft.reads.round_agreed(agreed)

    # -- proposals

    def proposed(self, size: int) -> None:
        """Note that so many bytes wait to be committed."""
        self._pending_bytes += size

    def committed(self, size: int) -> None:
        """Note that so many bytes do not wait any more."""
        self._pending_bytes = max(0, self._pending_bytes - size)

    @property
    def full(self) -> bool:
        """Whether too much waits to be committed."""
        return self._pending_bytes >= self._raft.options.proposals_bytes_max

    @property
    def begun(self) -> bool:
        """Whether an entry of this term is committed: only then does the leader know what is (section 5.4.2)."""
        return self._raft.commit_index >= self.begin_index

    # -- leadership transfer

    def transfer(self, to: str) -> None:
        """Hand leadership over, as soon as the other server has the whole log."""
        self.transfer_to = to
        self.lease_given_up = True
        self._transfer_until_ns = self._raft.clock() + self._raft.options.election_timeout_min_ns
        self.wants_round = True
        self._transfer_if_current()

    def _transfer_if_current(self) -> None:
        raft = self._raft
        to = self.transfer_to
        if to is not None and self.progress[to].match_index == raft.log.last_index:
            raft.send(TimeoutNow(raft.current_term, raft.server, to))

    # -- quiescence

    @property
    def settled(self) -> bool:
        """Whether nothing is left to say: every follower has everything, and all of it is committed."""
        last = self._raft.log.last_index
        return (
            self._raft.commit_index == last
            and self.transfer_to is None
            and not self._raft.reads.waiting
            and all(progress.match_index == last for progress in self.progress.values())
        )

    def quiesce(self) -> None:
        """Say so to everybody, and be silent until something happens."""
        self.quiescent = self.wants_round = True
        self._quiescent_round = self.round + 1

    @property
    def silent(self) -> bool:
        """Whether every follower has answered that it expects nothing."""
        return self.quiescent and all(each.round >= self._quiescent_round for each in self.progress.values())
