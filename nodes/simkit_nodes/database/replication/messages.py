"""What stores say to each other about replication: the Raft messages of all groups together, snapshots in pieces.

It deliberately adds nothing to Raft: who loses one of these loses Raft messages.
"""

from __future__ import annotations

import msgspec

from simkit.network.message import Message
from simkit_nodes.blocks.raft import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)

AnyRaftMessage = (
    AppendEntries
    | AppendEntriesReply
    | InstallSnapshot
    | PreVote
    | PreVoteReply
    | ReadIndex
    | ReadIndexReply
    | RequestVote
    | RequestVoteReply
    | TimeoutNow
)


class Routed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A Raft message and the range whose it is."""

    range_id: int
    message: AnyRaftMessage


class RaftTraffic(Message, frozen=True, tag="database.raft_traffic/1"):
    """What one store has to say to another in one turn; empty only says that it is alive."""

    routed: tuple[Routed, ...]


class ReplicaRemoved(Message, frozen=True, tag="database.replica_removed/1"):
    """A range's member tells a store that it is none any more, as of a generation of the descriptor."""

    range_id: int
    generation: int


class SnapshotChunk(Message, frozen=True, tag="database.snapshot_chunk/1"):
    """A piece of a range's data on its way to a replica that fell behind the log.

    Attributes:
        range_id: of the range.
        number: of the snapshot among those of its sender.
        place: of the piece, from 0 on.
        rows: engine keys and values.
        checksum: CRC32C of the encoded rows.
    """

    range_id: int
    number: int
    place: int
    rows: tuple[tuple[bytes, bytes], ...]
    checksum: int


class ChunkTaken(Message, frozen=True, tag="database.chunk_taken/1"):
    """The answer to `SnapshotChunk`; `taken` is false where the snapshot must begin anew."""

    taken: bool
