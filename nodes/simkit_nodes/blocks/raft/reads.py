"""Linearizable reads without a log entry: ReadIndex and leases (thesis, section 6.4).

The leader remembers its commit index, makes sure that it still led after the read was asked for (by a round that a
majority answers, or by a lease that has not ended), and lets the read go ahead once its state machine has applied that
much. Followers ask the leader.

It deliberately knows nothing of what is read; it only says from which index on a state machine may answer.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from simkit_nodes.blocks.raft.messages import ReadIndex, ReadIndexReply
from simkit_nodes.blocks.raft.ready import ReadState

if TYPE_CHECKING:
    from simkit_nodes.blocks.raft.raft import Raft


class Reads:
    """Reads that wait.

    Attributes:
        states: reads that may go ahead, for the next `Ready`.
    """

    def __init__(self, raft: Raft) -> None:
        self._raft = raft
        self.states: list[ReadState] = []
        self._early: list[tuple[str, int]] = []  # asked before the leader knew what is committed
        self._confirming: deque[tuple[int, int, str, int]] = deque()  # round, index, who asked, context

    @property
    def waiting(self) -> bool:
        """Whether any read waits here for the leader."""
        return bool(self._early or self._confirming)

    @property
    def lease_until_ns(self) -> int:
        """Until when, on this server's clock, nobody else can have been elected; 0 without a lease."""
        raft = self._raft
        options, leader = raft.options, raft.replication
        if leader is None or leader.lease_given_up or not (options.leases and options.check_quorum):
            return 0
        if not leader.agreed_round or (options.lease_clock_guard and not raft.clock_trusted):
            return 0
        return leader.quorum_contact_ns + options.lease_ns

    def lease_index(self) -> int | None:
        """Return what a read at this very moment must have applied, if the lease allows it; else None."""
        raft = self._raft
        if raft.replication is not None and raft.replication.begun and raft.clock() < self.lease_until_ns:
            return raft.commit_index
        return None

    def ask(self, context: int) -> None:
        """Take a read of this server's own clients."""
        raft = self._raft
        if raft.replication is not None:
            self._ask_leader(raft.server, context)
        elif raft.leader is not None:
            raft.send(ReadIndex(raft.current_term, raft.server, raft.leader, context))
        else:
            self.states.append(ReadState(context, None))

    def asked(self, message: ReadIndex) -> None:
        """Take a read that another server asks for."""
        if self._raft.replication is not None:
            self._ask_leader(message.sender, message.context)
        else:
            self._answer(message.sender, message.context, 0)

    def answered(self, message: ReadIndexReply) -> None:
        """Take the leader's answer."""
        self.states.append(ReadState(message.context, message.index or None))

    def _ask_leader(self, who: str, context: int) -> None:
        raft = self._raft
        leader = raft.replication
        assert leader is not None
        index = self.lease_index()
        if index is not None:
            self._answer(who, context, index)
        elif not leader.begun:
            self._early.append((who, context))
        else:
            self._confirm(who, context)

    def _confirm(self, who: str, context: int) -> None:
        leader = self._raft.replication
        assert leader is not None
        # All reads between two Readys share the round that the next one opens.
        self._confirming.append((leader.round + 1, self._raft.commit_index, who, context))
        leader.wants_round = True

    def leadership_begun(self) -> None:
        """Go on with reads that came before the leader had committed an entry of its term."""
        early, self._early = self._early, []
        for who, context in early:
            self._confirm(who, context)

    def round_agreed(self, number: int) -> None:
        """Let the reads go ahead that waited for this round."""
        confirming = self._confirming
        while confirming and confirming[0][0] <= number:
            _, index, who, context = confirming.popleft()
            self._answer(who, context, index)

    def abandon(self) -> None:
        """Tell everybody to ask again: this server leads no more."""
        early, self._early = self._early, []
        confirming, self._confirming = self._confirming, deque()
        for who, context in early:
            self._answer(who, context, 0)
        for _, _, who, context in confirming:
            self._answer(who, context, 0)

    def _answer(self, who: str, context: int, index: int) -> None:
        raft = self._raft
        if who == raft.server:
            self.states.append(ReadState(context, index or None))
        else:
            raft.send(ReadIndexReply(raft.current_term, raft.server, who, context, index))
