"""Isolation: which anomalies the transactions of a run show, and whether a level allows them.

A system's card uses `IsolationCheck`; `judge_isolation` judges transactions from anywhere.
"""

from simkit.checks.isolation.anomaly import TITLES, Anomaly, Edge
from simkit.checks.isolation.explanation import Explanation
from simkit.checks.isolation.isolation import IsolationCheck, Judgement, judge_isolation
from simkit.checks.isolation.level import LEVELS, Level
from simkit.checks.isolation.transaction import MicroOperation, Transaction, transactions_of

__all__ = [
    "LEVELS",
    "TITLES",
    "Anomaly",
    "Edge",
    "Explanation",
    "IsolationCheck",
    "Judgement",
    "Level",
    "MicroOperation",
    "Transaction",
    "judge_isolation",
    "transactions_of",
]
