"""Elections: when a server stands, who votes for whom, and who is not disturbed (section 5.2 and 5.4.1 of the paper;
thesis, sections 3.4, 4.2.3 and 9.6).

A server that hears nothing for its timeout asks around whether it would win (pre-vote), then increments its term,
votes for itself and asks for votes. The timeout is drawn anew for every term and every attempt.

Requests that are lost are repeated within one election only where `Options.ask_again_ns` says so; elsewhere the next
timeout begins another. It deliberately lets nobody lead whose own vote is not on its disk: after a loss of power it
could win the same term once more, with another log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simkit_nodes.blocks.raft.events import RaftCampaigned, RaftVoted
from simkit_nodes.blocks.raft.messages import PreVote, PreVoteReply, RequestVote, RequestVoteReply
from simkit_nodes.blocks.raft.role import Role

if TYPE_CHECKING:
    from simkit_nodes.blocks.raft.raft import Raft


class Election:
    """One server's part in elections.

    Attributes:
        heard_ns: when this server last heard from a leader or granted a vote, on its own clock.
        leader_ns: when it last heard from a leader; it votes for nobody for the shortest election timeout after that.
            Set at the start as well: what was promised before a restart is not known any more.
    """

    def __init__(self, raft: Raft) -> None:
        self._raft = raft
        self.heard_ns = self.leader_ns = raft.clock()
        self._timeout_ns = 0
        self._replies: dict[str, bool] = {}
        self._asked_ns: int | None = None
        self._transfer = False
        self.draw()

    # -- time

    @property
    def deadline_ns(self) -> int | None:
        """When this server stands for election, or asks again; None while it leads or has no vote."""
        raft = self._raft
        if raft.role is Role.LEADER or not raft.log.configuration.votes(raft.server):
            return None
        stands_ns, asks_ns = self.heard_ns + self._timeout_ns, self._asks_again_ns
        return stands_ns if asks_ns is None else min(stands_ns, asks_ns)

    @property
    def _asks_again_ns(self) -> int | None:
        """When a candidate asks those again that have not answered, None for never."""
        again_ns = self._raft.options.ask_again_ns
        if again_ns is None or self._asked_ns is None or self._raft.role is not Role.CANDIDATE:
            return None
        return self._asked_ns + again_ns

    def draw(self) -> None:
        """Draw another timeout."""
        options = self._raft.options
        spread_ns = options.election_timeout_max_ns - options.election_timeout_min_ns
        self._timeout_ns = options.election_timeout_min_ns + self._raft.stream.below(spread_ns + 1)

    def restart(self) -> None:
        """Begin to wait anew, with the same timeout."""
        self.heard_ns = self._raft.clock()

    def heard_from_leader(self) -> None:
        """Note that the leader of the current term has spoken."""
        self.heard_ns = self.leader_ns = self._raft.clock()

    def tick(self) -> None:
        """Stand for election, or ask again, if it is time."""
        deadline_ns = self.deadline_ns
        if deadline_ns is None or self._raft.clock() < deadline_ns:
            return
        if deadline_ns == self._asks_again_ns:
            self._request()
        else:
            self.begin()

    # -- standing

    def begin(self) -> None:
        """Ask around first, or campaign at once."""
        if self._raft.options.pre_vote:
            self._ask()
        else:
            self.campaign()

    def _ask(self) -> None:
        raft = self._raft
        raft.role, raft.leader = Role.PRE_CANDIDATE, None
        self._stand()
        raft.happened(RaftCampaigned(raft.group, raft.current_term + 1, True))
        for server in self._others():
            raft.send(PreVote(raft.current_term + 1, raft.server, server, raft.log.last_index, raft.log.last_term))
        self._count(raft.server, True)

    def campaign(self, *, leadership_transfer: bool = False) -> None:
        """Increment the term, vote for this server, ask for votes."""
        raft = self._raft
        raft.begin_term(raft.current_term + 1, vote=raft.server)
        raft.role, raft.leader = Role.CANDIDATE, None
        self._stand()
        raft.happened(RaftCampaigned(raft.group, raft.current_term, False))
        self._transfer = leadership_transfer
        self._request()

    def _request(self) -> None:
        """Ask everybody who has not answered. This need not wait for the disk; the own vote does (`persisted`)."""
        raft, log = self._raft, self._raft.log
        self._asked_ns = raft.clock()
        for server in self._others():
            if server not in self._replies:
                raft.send(
                    RequestVote(raft.current_term, raft.server, server, log.last_index, log.last_term, self._transfer)
                )

    def _stand(self) -> None:
        self._replies = {}
        self.draw()
        self.restart()

    def _others(self) -> list[str]:
        raft = self._raft
        configuration = raft.log.configuration
        return [server for server in configuration.members if server != raft.server and configuration.votes(server)]

    def own_vote_persisted(self) -> None:
        """Count this server's own vote, which is on its disk now."""
        if self._raft.role is Role.CANDIDATE:
            self._count(self._raft.server, True)

    def reply(self, message: RequestVoteReply | PreVoteReply) -> None:
        """Take an answer."""
        raft = self._raft
        if isinstance(message, PreVoteReply):
            asked = raft.role is Role.PRE_CANDIDATE and (
                not message.vote_granted or message.term == raft.current_term + 1
            )
        else:
            asked = raft.role is Role.CANDIDATE
        if asked:
            self._count(message.sender, message.vote_granted)

    @property
    def voters(self) -> tuple[str, ...]:
        """Who has voted for this server in its last election."""
        return tuple(server for server, granted in self._replies.items() if granted)

    def _count(self, server: str, granted: bool) -> None:
        raft = self._raft
        self._replies.setdefault(server, granted)
        configuration = raft.log.configuration
        if raft.server in self._replies and configuration.agrees(list(self.voters)):
            if raft.role is Role.PRE_CANDIDATE:
                self.campaign()
            else:
                raft.become_leader()
        elif configuration.refuses([voter for voter, vote in self._replies.items() if not vote]):
            raft.role = Role.FOLLOWER

    # -- voting

    @property
    def hears_leader(self) -> bool:
        """Whether this server takes part in no election, because a leader is there."""
        raft = self._raft
        if not raft.options.check_quorum:
            return False
        heard_ns = self.leader_ns if raft.replication is None else raft.replication.quorum_contact_ns
        return raft.clock() - heard_ns < raft.options.election_timeout_min_ns

    def pre_vote(self, message: PreVote) -> None:
        """Say whether this server would vote so."""
        raft = self._raft
        granted = (
            message.term > raft.current_term
            and not self.hears_leader
            and not raft.log.is_more_current_than(message.last_log_index, message.last_log_term)
        )
        raft.send(PreVoteReply(message.term if granted else raft.current_term, raft.server, message.sender, granted))

    def vote(self, message: RequestVote) -> None:
        """Answer a candidate of the current term, or of an old one."""
        raft = self._raft
        granted = (
            message.term == raft.current_term
            and raft.role is not Role.LEADER
            and raft.ballot.grants(
                raft.voted_for,
                message.sender,
                message.last_log_term,
                message.last_log_index,
                raft.log.last_term,
                raft.log.last_index,
            )
        )
        if granted:
            if raft.voted_for != message.sender:
                raft.voted_for = message.sender
                raft.happened(RaftVoted(raft.group, raft.current_term, message.sender))
            self.restart()
        raft.send_after(RequestVoteReply(raft.current_term, raft.server, message.sender, granted))
