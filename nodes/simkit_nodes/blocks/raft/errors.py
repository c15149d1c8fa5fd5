"""Why a Raft server does not do what it was asked to.

These are answers to whoever called, not failures of the server. They deliberately do not travel: a driver tells its
clients in messages of its own.
"""

from __future__ import annotations


class RaftError(Exception):
    """Base of the refusals."""


class NotLeader(RaftError):
    """Only the leader can do this.

    Attributes:
        leader: who the leader is, as far as this server knows; None if it knows nobody.
    """

    def __init__(self, leader: str | None) -> None:
        super().__init__(f"the leader is {leader}" if leader else "no leader is known")
        self.leader = leader


class Busy(RaftError):
    """The leader takes no proposals now: too much is uncommitted, or it is handing over its leadership."""


class ChangeRefused(RaftError):
    """A membership change cannot begin: another is under way, or the new configuration is impossible."""
