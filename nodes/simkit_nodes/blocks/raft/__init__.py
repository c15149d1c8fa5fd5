"""Raft: a replicated log by an elected leader (Ongaro and Ousterhout, USENIX ATC 2014; Ongaro's thesis, 2014).

    log = Log(Snapshot(0, 0, Configuration(("a", "b", "c"))))
    raft = Raft("a", log, Options(), stream, clock)
    raft.propose(b"x = 1")          # at the leader; elsewhere NotLeader says who that is
    raft.step(message)              # of another server
    raft.tick()                     # at raft.wake_ns
    ready = raft.ready()            # what to send, to write, to apply
    raft.persisted(ready)           # once it is written

`Ready` says in which order a driver does what. There is deliberately no driver here: who runs one group on a host wants
something else than who runs a thousand.
"""

from simkit_nodes.blocks.raft.configuration import Configuration
from simkit_nodes.blocks.raft.errors import Busy, ChangeRefused, NotLeader, RaftError
from simkit_nodes.blocks.raft.log import Log
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
from simkit_nodes.blocks.raft.raft import Raft
from simkit_nodes.blocks.raft.ready import HardState, ReadState, Ready
from simkit_nodes.blocks.raft.role import Role

__all__ = [
    "AppendEntries",
    "AppendEntriesReply",
    "Busy",
    "ChangeRefused",
    "Configuration",
    "Entry",
    "HardState",
    "InstallSnapshot",
    "Log",
    "NotLeader",
    "Options",
    "PreVote",
    "PreVoteReply",
    "Raft",
    "RaftError",
    "RaftMessage",
    "ReadIndex",
    "ReadIndexReply",
    "ReadState",
    "Ready",
    "RequestVote",
    "RequestVoteReply",
    "Role",
    "Snapshot",
    "TimeoutNow",
]
