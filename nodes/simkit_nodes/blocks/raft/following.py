"""What a follower does: it takes entries and snapshots from the leader of its term (figure 2, AppendEntries RPC, and
figure 13 of the extended paper, InstallSnapshot).

Everything that it answers waits for its disk. What it has committed is never in conflict with a leader's entries;
where a protection is off, or a disk lied, it may be, and then the log follows the leader and the checks say what broke.

It deliberately applies nothing: `Ready` hands out what is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simkit_nodes.blocks.raft.messages import AppendEntries, AppendEntriesReply, Entry, InstallSnapshot
from simkit_nodes.blocks.raft.role import Role

if TYPE_CHECKING:
    from simkit_nodes.blocks.raft.raft import Raft


class Following:
    """The follower's side of replication.

    Attributes:
        quiescent: the leader has said that it will be silent, and this server has everything: it waits for nothing.
    """

    def __init__(self, raft: Raft) -> None:
        self._raft = raft
        self.quiescent = False

    def append(self, message: AppendEntries) -> None:
        """Take entries, or a heartbeat."""
        raft = self._raft
        if not self._follow(message.sender):
            return
        log = raft.log
        prev_index, entries = message.prev_log_index, message.entries
        if prev_index < log.snapshot_index:
            # What is discarded is committed, so it is the same everywhere.
            entries = tuple([entry for entry in entries if entry.index > log.snapshot_index])
            prev_index = log.snapshot_index
        elif log.term(prev_index) != message.prev_log_term:
            self._reject(message)
            return
        self._take(entries)
        match_index = prev_index + len(entries)
        commit_index = min(message.leader_commit, match_index)
        if commit_index > raft.commit_index:
            raft.commit(commit_index)
        self.quiescent = message.quiesce and raft.commit_index == log.last_index == message.leader_commit
        raft.send_after(
            AppendEntriesReply(
                raft.current_term,
                raft.server,
                message.sender,
                True,
                match_index,
                message.prev_log_index,
                0,
                0,
                message.round,
            )
        )

    def wake(self) -> None:
        """Wait for the leader again, from now on."""
        if self.quiescent:
            self.quiescent = False
            self._raft.election.restart()

    def install(self, message: InstallSnapshot) -> None:
        """Take a snapshot, unless everything in it is here already."""
        raft = self._raft
        if not self._follow(message.sender):
            return
        snapshot = message.snapshot
        if snapshot.index > raft.commit_index:
            if raft.log.term(snapshot.index) == snapshot.term:
                raft.commit(snapshot.index)
            else:
                raft.install(snapshot)
        match_index = max(snapshot.index, raft.commit_index)
        raft.send_after(
            AppendEntriesReply(
                raft.current_term, raft.server, message.sender, True, match_index, 0, 0, 0, message.round
            )
        )

    def _follow(self, leader: str) -> bool:
        """Accept the leader of this term; return False if this server leads it itself, which the checks will tell."""
        raft = self._raft
        if raft.role is Role.LEADER:
            return False
        if raft.role is not Role.FOLLOWER:
            raft.step_down("")
        raft.leader = leader
        raft.election.heard_from_leader()
        return True

    def _take(self, entries: Sequence[Entry]) -> None:
        """Append what is new; where an entry has another term, it and all after it give way."""
        log = self._raft.log
        for place, entry in enumerate(entries):
            if log.term(entry.index) != entry.term:
                if entry.index <= log.last_index:
                    log.truncate(entry.index)
                log.append(entries[place:])
                return

    def _reject(self, message: AppendEntries) -> None:
        raft = self._raft
        conflict_term, conflict_index = raft.log.conflict(message.prev_log_index)
        raft.send_after(
            AppendEntriesReply(
                raft.current_term,
                raft.server,
                message.sender,
                False,
                0,
                message.prev_log_index,
                conflict_term,
                conflict_index,
                message.round,
            )
        )
