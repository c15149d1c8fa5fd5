"""Whether votes are kept: the promise that a server must remember beyond a loss of power (figure 2 of the paper,
"updated on stable storage before responding").

It is judged by votes that have made a leader, whose answers must have left after they were written. A vote that was
given and lost before anybody heard of it is deliberately no violation: nobody relies on it.
"""

from __future__ import annotations

from typing import NamedTuple

from simkit.checks.check import Step, sees
from simkit_nodes.blocks.raft.checks import RaftCheck, describe
from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftCampaigned, RaftStarted, RaftVoted


class Given(NamedTuple):
    """A vote that has made a leader."""

    term: int
    leader: str
    elected: Step


class VoteKept(RaftCheck):
    """Whose vote has made a leader votes for nobody else in that term, and comes back in no earlier one."""

    name = "vote_kept"

    def __init__(self) -> None:
        super().__init__()
        self.votes = 0
        self._given: dict[tuple[int, str], Given] = {}

    @sees(RaftBecameLeader)
    def _elected(self, time_ns: int, host: str, event: RaftBecameLeader) -> None:
        given = Given(event.term, host, Step(time_ns, host, describe(host, event)))
        self.votes += len(event.voters)
        for voter in event.voters:
            before = self._given.get((event.group, voter))
            if before is None or before.term < given.term:
                self._given[event.group, voter] = given

    @sees(RaftStarted)
    def _started(self, time_ns: int, host: str, event: RaftStarted) -> None:
        given = self._given.get((event.group, host))
        if given is not None and event.term < given.term:
            self._forgotten(time_ns, host, event.group, given, f"{host} starts in term {event.term}")

    @sees(RaftVoted)
    def _voted(self, time_ns: int, host: str, event: RaftVoted) -> None:
        given = self._given.get((event.group, host))
        if given is not None and event.term == given.term and event.candidate != given.leader:
            self._forgotten(time_ns, host, event.group, given, f"{host} votes for {event.candidate} in that term")

    @sees(RaftCampaigned)
    def _campaigned(self, time_ns: int, host: str, event: RaftCampaigned) -> None:
        given = self._given.get((event.group, host))
        if given is not None and not event.pre_vote and event.term == given.term and host != given.leader:
            self._forgotten(time_ns, host, event.group, given, f"{host} votes for itself in that term")

    def _forgotten(self, time_ns: int, host: str, group: int, given: Given, deed: str) -> None:
        text = f"the vote of {host} made {given.leader} the leader of term {given.term}, and {deed}"
        self.broken(time_ns, host, group, text, given.elected, term=given.term)

    def summary(self) -> str:
        return f"{self.votes:,} votes made leaders, {self.violations_total:,} forgotten"
