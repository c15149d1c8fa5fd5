"""Checks: claims about a run that can fail, judged from emitted events and recorded operations and nothing else.

A check observes and never touches: it has no way into the world, the nodes or the network. One that cannot fail is a
defect, so every check of a system is tested with a history that breaks it. `docs/guides/write-a-check.md` shows how a
system's card comes by each of these.
"""

from simkit.checks.burn_rate import BurnRateAlert, workbook_alerts
from simkit.checks.check import Check, Step, Violation
from simkit.checks.chronicle import Chronicle
from simkit.checks.conservation import Conservation
from simkit.checks.convergence import Convergence
from simkit.checks.exactly_once import ExactlyOnce
from simkit.checks.history import HistoryCheck
from simkit.checks.linearizability import Linearizability
from simkit.checks.linearization import Budget, Linearization, linearize
from simkit.checks.metastability import Metastability
from simkit.checks.model import ILLEGAL, Model, returned
from simkit.checks.objective import ServiceLevelObjective
from simkit.checks.objects import CompareAndSetRegister, KeyValue, Lock, Log, Queue, Register, Set
from simkit.checks.onlooker import sees
from simkit.checks.sessions import Access, MonotonicReads, MonotonicWrites, ReadYourWrites, WritesFollowReads
from simkit.observe.explanation import Explanation

__all__ = [
    "ILLEGAL",
    "Access",
    "Budget",
    "BurnRateAlert",
    "Check",
    "Chronicle",
    "CompareAndSetRegister",
    "Conservation",
    "Convergence",
    "ExactlyOnce",
    "Explanation",
    "HistoryCheck",
    "KeyValue",
    "Linearizability",
    "Linearization",
    "Lock",
    "Log",
    "Metastability",
    "Model",
    "MonotonicReads",
    "MonotonicWrites",
    "Queue",
    "ReadYourWrites",
    "Register",
    "ServiceLevelObjective",
    "Set",
    "Step",
    "Violation",
    "WritesFollowReads",
    "linearize",
    "returned",
    "sees",
    "workbook_alerts",
]
