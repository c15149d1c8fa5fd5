"""The checks of the database: what clients were promised, what ranges must be, and Raft's own.

Each can fail: `tests/nodes/database/test_checks.py` shows a history that breaks it. They deliberately look at recorded
operations and emitted events alone.
"""

from simkit.checks import Check
from simkit_nodes.blocks.raft.checks import SAFETY
from simkit_nodes.blocks.raft.commits_go_on import CommitsGoOn
from simkit_nodes.blocks.raft.vote_kept import VoteKept
from simkit_nodes.database.checks.availability import Available, LeadersStay
from simkit_nodes.database.checks.backup import BackupIsAState
from simkit_nodes.database.checks.bank import BankTotal
from simkit_nodes.database.checks.change_feed import ChangeFeed
from simkit_nodes.database.checks.divergence import NoDivergence
from simkit_nodes.database.checks.history import Linearizable, NoAckedWriteLost, Serializable, StrictSerializable
from simkit_nodes.database.checks.intents import IntentsGone
from simkit_nodes.database.checks.past_reads import FollowerReads, StalenessBounded, StaleReadsServed
from simkit_nodes.database.checks.placement import ReplicasBack
from simkit_nodes.database.checks.ranges import RangeCoverage
from simkit_nodes.database.checks.sql import IndexConsistent, SqlEqualsSqlite

CHECKS: tuple[type[Check], ...] = (
    Available,
    BackupIsAState,
    BankTotal,
    ChangeFeed,
    FollowerReads,
    IndexConsistent,
    IntentsGone,
    LeadersStay,
    Linearizable,
    NoAckedWriteLost,
    NoDivergence,
    RangeCoverage,
    ReplicasBack,
    Serializable,
    SqlEqualsSqlite,
    StaleReadsServed,
    StalenessBounded,
    StrictSerializable,
    *SAFETY,
    VoteKept,
    CommitsGoOn,
)

__all__ = [
    "CHECKS",
    "Available",
    "BackupIsAState",
    "BankTotal",
    "ChangeFeed",
    "FollowerReads",
    "IndexConsistent",
    "IntentsGone",
    "LeadersStay",
    "Linearizable",
    "NoAckedWriteLost",
    "NoDivergence",
    "RangeCoverage",
    "ReplicasBack",
    "Serializable",
    "SqlEqualsSqlite",
    "StaleReadsServed",
    "StalenessBounded",
    "StrictSerializable",
]
