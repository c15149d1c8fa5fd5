"""What Raft servers say to each other, under the names of the paper (Ongaro and Ousterhout, "In Search of an
Understandable Consensus Algorithm", USENIX ATC 2014, figure 2) and of Ongaro's thesis (Stanford 2014).

A message carries its sender and its target, because a driver may pack those of many groups into one datagram.

There are deliberately no remote procedure calls: a reply is a message like any other, and any message may be lost,
repeated or overtaken.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from simkit.network import Message
from simkit_nodes.blocks.raft.configuration import Configuration


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One entry of the log.

    Attributes:
        index: its place; the first entry has index 1.
        term: when its leader received it.
        data: the command, or an encoded `Configuration`; empty for the entry with which a leader begins its term.
        kind: whose business it is: the state machine's ("command"), Raft's ("configuration"), nobody's ("begin").
    """

    index: int
    term: int
    data: bytes = b""
    kind: Literal["command", "configuration", "begin"] = "command"


class Snapshot(msgspec.Struct, frozen=True):
    """A state machine that has applied everything up to `index`, in place of those entries (section 7 of the paper).

    Attributes:
        index, term: of the last entry that it contains.
        configuration: the latest one up to `index`.
        data: the state, in whatever form the state machine gave it; a driver that streams large states by other means
            puts here what finds them again.
    """

    index: int
    term: int
    configuration: Configuration
    data: bytes = b""


class RaftMessage(Message, frozen=True, tag="raft.message/1"):
    """What all messages have in common.

    Attributes:
        term: the sender's current term (of `PreVote` and its granted reply, the term that would be campaigned for).
        sender, target: names of servers.
    """

    term: int
    sender: str
    target: str


class RequestVote(RaftMessage, frozen=True, tag="raft.request_vote/1"):
    """A candidate asks for a vote.

    Attributes:
        last_log_index, last_log_term: of the candidate's last entry.
        leadership_transfer: the leader itself wants this election, so servers that hear from it take part (thesis,
            section 4.2.3).
    """

    last_log_index: int
    last_log_term: int
    leadership_transfer: bool = False


class RequestVoteReply(RaftMessage, frozen=True, tag="raft.request_vote_reply/1"):
    """The answer to `RequestVote`."""

    vote_granted: bool


class PreVote(RaftMessage, frozen=True, tag="raft.pre_vote/1"):
    """A server asks who would vote for it, and changes nothing by asking (thesis, section 9.6)."""

    last_log_index: int
    last_log_term: int


class PreVoteReply(RaftMessage, frozen=True, tag="raft.pre_vote_reply/1"):
    """The answer to `PreVote`; a granted one repeats the term that was asked for."""

    vote_granted: bool


class AppendEntries(RaftMessage, frozen=True, tag="raft.append_entries/1"):
    """The leader sends entries; without any it is a heartbeat.

    Attributes:
        prev_log_index, prev_log_term: of the entry before the new ones.
        entries: in order, without gaps; empty for a heartbeat.
        leader_commit: the leader's commit index.
        round: a number of the leader's that its replies repeat; who answers it still followed the leader when it was
            sent (thesis, section 6.4: how ReadIndex and leases know).
        quiesce: the leader will be silent from now on, and a follower that has everything need not wait for it.
    """

    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]
    leader_commit: int
    round: int
    quiesce: bool = False


class AppendEntriesReply(RaftMessage, frozen=True, tag="raft.append_entries_reply/1"):
    """The answer to `AppendEntries` and to `InstallSnapshot`.

    Attributes:
        success: whether the follower's log contained the entry before the new ones.
        match_index: with success, up to where its log is now known to equal the leader's.
        prev_log_index: of the request.
        conflict_term, conflict_index: without success, the term of the follower's entry at `prev_log_index` and the
            first index it stores for that term; 0 and one past its last entry where its log is too short (end of
            section 5.3 of the paper).
        round: of the request.
    """

    success: bool
    match_index: int
    prev_log_index: int
    conflict_term: int
    conflict_index: int
    round: int


class InstallSnapshot(RaftMessage, frozen=True, tag="raft.install_snapshot/1"):
    """The leader sends its state in place of entries that it has discarded; the driver cuts it into pieces."""

    snapshot: Snapshot
    round: int


class TimeoutNow(RaftMessage, frozen=True, tag="raft.timeout_now/1"):
    """The leader asks a follower to begin an election at once (thesis, section 3.10)."""


class ReadIndex(RaftMessage, frozen=True, tag="raft.read_index/1"):
    """A follower asks the leader up to where it has to apply before it may read (thesis, section 6.4)."""

    context: int


class ReadIndexReply(RaftMessage, frozen=True, tag="raft.read_index_reply/1"):
    """The answer to `ReadIndex`; `index` is 0 if the server asked is no leader."""

    context: int
    index: int
