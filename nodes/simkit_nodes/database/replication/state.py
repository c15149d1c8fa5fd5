"""What a store keeps in its engine about each of its replicas, beside the range's own data.

The row is written in the same batch as the effects of the entries it counts, so that after any crash the data and the
applied index agree. It holds all that a log needs to begin where the data ends.

It deliberately is not Raft's log or vote: those are in the store's write-ahead log.
"""

from __future__ import annotations

import msgspec

from simkit_nodes.blocks.raft import Configuration, Snapshot
from simkit_nodes.database.range import RangeDescriptor

PREFIX = b"\x01r"
"""Where the rows are in the engine; nothing else has keys that begin so."""

FIRST_INDEX = 10
"""The log of a new range begins after this index, so that a replica that has nothing always needs a snapshot."""
FIRST_TERM = 5


class ReplicaState(msgspec.Struct, frozen=True, array_like=True):
    """A replica as of one entry of its log.

    Attributes:
        descriptor: of the range.
        index, term: of the last entry applied.
        configuration: Raft's, as of that entry.
        closed_timestamp: the highest one applied.
        frozen: the left neighbour that is about to take the range in, which takes no commands meanwhile; else None.
    """

    descriptor: RangeDescriptor
    index: int
    term: int
    configuration: Configuration
    closed_timestamp: int = 0
    frozen: RangeDescriptor | None = None

    @staticmethod
    def first(descriptor: RangeDescriptor, closed_timestamp: int = 0) -> ReplicaState:
        """Return the state with which every replica of a new range begins."""
        configuration = Configuration(descriptor.replicas)
        return ReplicaState(descriptor, FIRST_INDEX, FIRST_TERM, configuration, closed_timestamp)

    def snapshot(self, data: bytes = b"") -> Snapshot:
        """Return what stands for the log up to here."""
        return Snapshot(self.index, self.term, self.configuration, data)


def state_key(range_id: int) -> bytes:
    """Return the engine key of a replica's row."""
    return PREFIX + range_id.to_bytes(8, "big")


encode_state = msgspec.msgpack.Encoder(order="deterministic").encode
decode_state = msgspec.msgpack.Decoder(ReplicaState).decode
