"""What a Raft server makes seen: what checks, stories and the report know of it.

Entries appear by digest, never by content, and one event tells of as many as one `Ready` holds. `group` tells groups
apart where a host runs many. An event says what the server has decided, not what is durable; after a restart
`RaftStarted` says what was left.
"""

from __future__ import annotations

from simkit.node import Event


class RaftStarted(Event, frozen=True, tag="raft.started"):
    """A server has begun, with the log that it found."""

    group: int
    term: int
    last_index: int
    runs: tuple[tuple[int, int], ...]
    """Where each term begins in its log, as (index, term); the first is that of its snapshot."""


class RaftCampaigned(Event, frozen=True, tag="raft.campaigned"):
    """A server has begun an election, or asked who would vote for it."""

    group: int
    term: int
    """That it campaigns for."""
    pre_vote: bool


class RaftVoted(Event, frozen=True, tag="raft.voted"):
    """A server has granted its vote."""

    group: int
    term: int
    candidate: str


class RaftBecameLeader(Event, frozen=True, tag="raft.became_leader"):
    """A server has won an election."""

    group: int
    term: int
    voters: tuple[str, ...] = ()
    """Whose votes it had by then, its own included."""


class RaftSteppedDown(Event, frozen=True, tag="raft.stepped_down"):
    """A leader has become a follower."""

    group: int
    term: int
    """That it led in."""
    reason: str


class RaftAppended(Event, frozen=True, tag="raft.appended"):
    """Entries have entered a server's log; what stood at their indexes or after is gone."""

    group: int
    prev_term: int
    """Of the entry before the first."""
    first_index: int
    terms: tuple[int, ...]
    digests: tuple[int, ...]


class RaftCommitted(Event, frozen=True, tag="raft.committed"):
    """A leader has found entries up to this index committed."""

    group: int
    term: int
    """The leader's."""
    index: int
    entry_term: int


class RaftApplied(Event, frozen=True, tag="raft.applied"):
    """Committed entries have gone to a server's state machine."""

    group: int
    first_index: int
    digests: tuple[int, ...]


class RaftSnapshotInstalled(Event, frozen=True, tag="raft.snapshot_installed"):
    """A server has replaced its log and its state by a snapshot."""

    group: int
    index: int
    term: int


class RaftReconfigured(Event, frozen=True, tag="raft.reconfigured"):
    """A leader has put a configuration into its log, and uses it from now on."""

    group: int
    index: int
    voters: tuple[str, ...]
    outgoing: tuple[str, ...]
    """The voters of C_old during joint consensus."""
    learners: tuple[str, ...]


EVENTS: tuple[type[Event], ...] = (
    RaftStarted,
    RaftCampaigned,
    RaftVoted,
    RaftBecameLeader,
    RaftSteppedDown,
    RaftAppended,
    RaftCommitted,
    RaftApplied,
    RaftSnapshotInstalled,
    RaftReconfigured,
)
