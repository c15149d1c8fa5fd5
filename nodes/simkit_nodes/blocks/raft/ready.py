"""What a Raft server wants done: everything that has an effect outside of it, as values.

The driver does, in this order: emit `events`; send `messages`; write `hard_state` and `entries` (or install `snapshot`)
and sync; call `Raft.persisted`; send `messages_after`; apply `committed`. It may ask for the next `Ready` while a sync
is under way, as long as syncs end in the order of their Readys.

It deliberately does nothing itself: no disk, no network, no state machine.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from simkit.node import Event
from simkit_nodes.blocks.raft.messages import Entry, RaftMessage, Snapshot


class HardState(msgspec.Struct, frozen=True, array_like=True):
    """What a server must not forget beside its log: currentTerm and votedFor ("" for nobody)."""

    term: int = 0
    vote: str = ""


NOTHING_DECIDED = HardState()
"""That of a server that has never run."""


class ReadState(msgspec.Struct, frozen=True):
    """A read may take place once the state machine has applied `index`; None if nobody could say: ask again."""

    context: int
    index: int | None


class Ready(NamedTuple):
    """What is to be done now.

    Attributes:
        messages: to be sent at once: nothing that they say depends on this server's disk.
        hard_state: to be written, None if it has not changed.
        term: the server's term at this moment; what `hard_state` remembers of it is the ballot's decision.
        snapshot: to be installed in place of the log and the state machine, before `entries` are written; None mostly.
        entries: to be appended to the log on disk; whatever stands there from the first one's index on is void.
        messages_after: to be sent when `hard_state`, `snapshot` and `entries` are durable.
        committed: to be applied, in order, each exactly once; they are durable here already.
        read_states: reads that may go ahead.
        events: what has happened, to be emitted.
        snapshots_wanted: followers that need a snapshot; the driver makes one and calls `Raft.send_snapshot`.
    """

    messages: tuple[RaftMessage, ...] = ()
    hard_state: HardState | None = None
    term: int = 0
    snapshot: Snapshot | None = None
    entries: tuple[Entry, ...] = ()
    messages_after: tuple[RaftMessage, ...] = ()
    committed: tuple[Entry, ...] = ()
    read_states: tuple[ReadState, ...] = ()
    events: tuple[Event, ...] = ()
    snapshots_wanted: tuple[str, ...] = ()

    @property
    def must_sync(self) -> bool:
        """Whether anything has to be durable before `messages_after` may leave."""
        return self.hard_state is not None or self.snapshot is not None or bool(self.entries)
