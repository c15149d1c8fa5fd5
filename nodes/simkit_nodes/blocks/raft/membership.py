"""From one configuration to another by joint consensus (section 6 of the paper).

A change of voters goes through C_old,new, in which majorities of both are needed; once that is committed the leader
appends C_new by itself, and a leader that is not in C_new steps down when C_new is committed. A change of learners
alone moves no majority and takes one step.

It deliberately does not wait for new servers to catch up: make them learners first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simkit_nodes.blocks.raft.configuration import Configuration
from simkit_nodes.blocks.raft.errors import ChangeRefused
from simkit_nodes.blocks.raft.events import RaftReconfigured

if TYPE_CHECKING:
    from simkit_nodes.blocks.raft.raft import Raft


class Membership:
    """The membership changes of a group, as its leader makes them."""

    def __init__(self, raft: Raft) -> None:
        self._raft = raft

    def propose(self, voters: tuple[str, ...], learners: tuple[str, ...]) -> tuple[int, int]:
        """Begin a change; return index and term of its first entry. ChangeRefused."""
        raft = self._raft
        current = raft.log.configuration
        self._refuse_nonsense(voters, learners)
        if raft.log.configuration_index > raft.commit_index or current.joint:
            raise ChangeRefused("another change is under way")
        if raft.replication is None or not raft.replication.begun:
            raise ChangeRefused("the leader has not committed an entry of its term yet")
        if set(voters) == set(current.voters) or not raft.options.joint_consensus:
            return self._append(Configuration(voters, (), learners))
        # Who stops voting still gets the log until C_new is there; who begins to is no learner any more.
        return self._append(Configuration(voters, current.voters, learners))

    @staticmethod
    def _refuse_nonsense(voters: tuple[str, ...], learners: tuple[str, ...]) -> None:
        if not voters:
            raise ChangeRefused("a group needs a voter")
        names = (*voters, *learners)
        if len(set(names)) != len(names):
            raise ChangeRefused("a server is named twice")

    def committed(self) -> None:
        """Take the next step if the latest configuration is committed."""
        raft = self._raft
        configuration = raft.log.configuration
        if raft.replication is None or raft.log.configuration_index > raft.commit_index:
            return
        if configuration.joint:
            self._append(Configuration(configuration.voters, (), configuration.learners))
        elif not configuration.votes(raft.server):
            # The others hear what is committed before their leader goes.
            raft.replication.wants_round = True
            raft.replication.speak()
            raft.step_down("it is not a voter of the new configuration")

    def _append(self, configuration: Configuration) -> tuple[int, int]:
        raft = self._raft
        index = raft.append(configuration.encode(), "configuration")
        raft.happened(
            RaftReconfigured(raft.group, index, configuration.voters, configuration.outgoing, configuration.learners)
        )
        if raft.replication is not None:
            raft.replication.follow_configuration()
            # A group that shrinks to its leader needs nobody's answer.
            raft.replication.count_matches()
        return index, raft.current_term
