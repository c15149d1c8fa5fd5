"""Snapshots of ranges: a replica that needs entries which are discarded gets the range's data instead.

The leader's store reads the range from a snapshot of its engine and sends it in pieces, each with a checksum, each
acknowledged; Raft's `InstallSnapshot` follows the last one. The receiver keeps the pieces in memory and writes them in
one synced batch with the state that belongs to them.

It deliberately refuses a snapshot whose keys another replica of the receiving store has: a split that is not applied
there yet comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from crc32c import crc32c

from simkit.network import RemoteError, RequestTimeout, Unreachable
from simkit_nodes.blocks.lsm import WriteBatch
from simkit_nodes.blocks.raft import InstallSnapshot, Snapshot
from simkit_nodes.database.range import RangeDescriptor
from simkit_nodes.database.replication.events import RangeChanged
from simkit_nodes.database.replication.messages import ChunkTaken, SnapshotChunk
from simkit_nodes.database.replication.replica import Replica
from simkit_nodes.database.replication.state import ReplicaState, decode_state, encode_state, state_key

if TYPE_CHECKING:
    from simkit_nodes.database.store import Store

CHUNK_ROWS: Final = 512
CHUNK_BYTES: Final = 256 * 1024
TIMEOUT_S: Final = 2.0
"""How long a store may take to acknowledge a piece."""
RECEIVING_MAX: Final = 16
"""How many snapshots a store takes in at once; the oldest is forgotten."""


class Manifest(msgspec.Struct, frozen=True, array_like=True):
    """What Raft's snapshot carries in place of the data: which pieces it is, and the state that they belong to."""

    number: int
    pieces: int
    state: ReplicaState


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(Manifest).decode


class Snapshots:
    """The snapshots that a store sends and receives."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sending: set[tuple[int, str]] = set()
        self._receiving: dict[tuple[str, int, int], list[SnapshotChunk]] = {}
        self._accepted: dict[int, list[SnapshotChunk]] = {}  # by range, what Raft is being offered

    # -- sending

    def wanted(self, replica: Replica, target: str) -> None:
        """Send a follower what it lacks."""
        if (replica.range_id, target) in self._sending:
            replica.raft.snapshot_failed(target)
            return
        self._sending.add((replica.range_id, target))
        self._store.spawn(self._send(replica, target))

    async def _send(self, replica: Replica, target: str) -> None:
        try:
            snapshot = await self._send_pieces(replica, target)
        finally:
            self._sending.discard((replica.range_id, target))
        if replica.gone:
            return
        if snapshot is None:
            replica.raft.snapshot_failed(target)
        else:
            replica.raft.send_snapshot(target, snapshot)
        self._store.turns.mark(replica)

    async def _send_pieces(self, replica: Replica, target: str) -> Snapshot | None:
        """Send the data; return the snapshot that says so, None if the target did not take it."""
        store = self._store
        number = store.next_number()
        view = store.engine.snapshot()
        try:
            row = await view.get(state_key(replica.range_id))
            if row is None:
                return None
            state, pieces = decode_state(row), 0
            for span_begin, end in store.spans(state.descriptor):
                begin = span_begin
                while rows := _cut(await view.scan(begin, end, limit=CHUNK_ROWS)):
                    chunk = SnapshotChunk(replica.range_id, number, pieces, tuple(rows), crc32c(_encode(rows)))
                    answer = await store.network.request(target, chunk, TIMEOUT_S, ChunkTaken)
                    if not answer.taken:
                        return None
                    pieces += 1
                    begin = rows[-1][0] + b"\0"
        except (RequestTimeout, RemoteError, Unreachable):
            return None
        finally:
            view.close()
        return state.snapshot(_encode(Manifest(number, pieces, state)))

    # -- receiving

    def take(self, sender: str, chunk: SnapshotChunk) -> ChunkTaken:
        """Keep a piece, if it is whole and the next one."""
        key = sender, chunk.range_id, chunk.number
        if chunk.place == 0:
            self._receiving.pop(key, None)
            while len(self._receiving) >= RECEIVING_MAX:
                self._receiving.pop(next(iter(self._receiving)))
            self._receiving[key] = []
        pieces = self._receiving.get(key)
        if pieces is None or len(pieces) != chunk.place or crc32c(_encode(list(chunk.rows))) != chunk.checksum:
            self._receiving.pop(key, None)
            return ChunkTaken(False)
        pieces.append(chunk)
        return ChunkTaken(True)

    def accept(self, message: InstallSnapshot, range_id: int) -> bool:
        """Return whether a snapshot is complete here and no other replica has its keys; keep its pieces then."""
        try:
            manifest = _decode(message.snapshot.data)
        except msgspec.DecodeError:
            return False
        key = message.sender, range_id, manifest.number
        descriptor = manifest.state.descriptor
        if len(self._receiving.get(key, ())) != manifest.pieces or any(
            _overlap(other.descriptor, descriptor) and not _is_gone(other, descriptor)
            for other in self._store.replicas.values()
            if other.range_id != range_id
        ):
            return False
        self._accepted[range_id] = self._receiving.pop(key, [])
        return True

    async def install(self, replica: Replica) -> None:
        """Write the snapshot that a replica's Raft has taken, and go on."""
        ready, store = replica.installing, self._store
        assert ready is not None
        assert ready.snapshot is not None
        manifest = _decode(ready.snapshot.data)
        batch = WriteBatch()
        spans = list(store.spans(manifest.state.descriptor))
        subsumed = [other for other in store.replicas.values() if _is_gone(other, manifest.state.descriptor)]
        for old in (replica, *subsumed):
            if old.state is not None:
                spans += store.spans(old.state.descriptor)
        for begin, end in spans:
            batch.delete_range(begin, end)
        for merged in subsumed:
            batch.delete(state_key(merged.range_id))
        for chunk in self._accepted.pop(replica.range_id):
            for key, value in chunk.rows:
                batch.put(key, value)
        batch.put(state_key(replica.range_id), encode_state(manifest.state))
        await store.applying.write(batch, sync=True)
        for merged in subsumed:
            store.forget(merged)
        first = replica.state is None
        replica.state = manifest.state
        replica.durable_index = manifest.state.index
        descriptor = manifest.state.descriptor
        store.emit(
            RangeChanged(
                descriptor.range_id,
                descriptor.begin,
                descriptor.end,
                descriptor.replicas,
                descriptor.generation,
                "snapshot",
            )
        )
        replica.installing = None
        if first:
            store.on_made(replica)
        store.turns.installed(replica, ready)


def _cut(rows: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return as many rows as one piece may carry, at least one if there is one."""
    size = 0
    for count, (key, value) in enumerate(rows):
        size += len(key) + len(value)
        if size > CHUNK_BYTES and count:
            return rows[:count]
    return rows


def _overlap(one: RangeDescriptor, other: RangeDescriptor) -> bool:
    return one.begin < other.end and other.begin < one.end


def _is_gone(replica: Replica, now: RangeDescriptor) -> bool:
    """Whether a replica is a leftover of a range that was taken in by its left neighbour.

    A range keeps its first key as long as it exists; that another one has it, in a greater generation, is proof.
    """
    descriptor = replica.descriptor
    return (
        replica.state is not None
        and replica.range_id != now.range_id
        and now.contains(descriptor.begin)
        and descriptor.generation < now.generation
    )
