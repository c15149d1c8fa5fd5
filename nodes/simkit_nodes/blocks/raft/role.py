"""The roles of a Raft server (figure 4 of the paper, and the pre-candidate of the thesis, section 9.6).

Learners are deliberately no role: they are followers that the configuration gives no vote.
"""

from __future__ import annotations

from enum import Enum


class Role(Enum):
    """What a server is at the moment."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"
