"""What the queue promises, each promise a check that can fail.

Checks read emitted events only. The broker is believed about its own queue; that it tells the truth is the business of
`accounting` and of the tests of its scripts.
"""

from simkit_nodes.task_queue.checks.accounting import Accounting, QueueDrained
from simkit_nodes.task_queue.checks.delivery import LeaseExclusive, NoAckedTaskLost, TerminalStateUnique
from simkit_nodes.task_queue.checks.effects import EffectComplete, EffectOnce, EffectOrder
from simkit_nodes.task_queue.checks.order import EtaNotEarly, FifoWithinPriority, PriorityOrder
from simkit_nodes.task_queue.checks.retries import AttemptsBounded, BackoffRespected

__all__ = [
    "Accounting",
    "AttemptsBounded",
    "BackoffRespected",
    "EffectComplete",
    "EffectOnce",
    "EffectOrder",
    "EtaNotEarly",
    "FifoWithinPriority",
    "LeaseExclusive",
    "NoAckedTaskLost",
    "PriorityOrder",
    "QueueDrained",
    "TerminalStateUnique",
]
