"""What a leaseholder could not do, as its reply tells it.

It deliberately is no list of all errors: what is not in it is a mistake in the program, and ends the process.
"""

from __future__ import annotations

from typing import Final

from simkit_nodes.blocks.hybrid_logical_clock import ClockAhead
from simkit_nodes.database import errors
from simkit_nodes.database.messages import Reason, Trouble
from simkit_nodes.database.mvcc.read import Uncertain
from simkit_nodes.database.transactions.evaluation import Refused

TROUBLES: Final = (
    Refused,
    Uncertain,
    errors.NotLeaseholder,
    errors.RangeMismatch,
    errors.AmbiguousResult,
    errors.Unavailable,
    ClockAhead,
)


def trouble_of(error: Exception) -> Trouble:
    """Return what the sender of a batch is told of one of `TROUBLES`."""
    match error:
        case Refused():
            return error.trouble
        case Uncertain():
            return Trouble(Reason.UNCERTAIN, "", error.timestamp)
        case errors.NotLeaseholder():
            return Trouble(Reason.NOT_LEASEHOLDER, str(error), hint=error.hint)
        case errors.RangeMismatch():
            return Trouble(Reason.RANGE_MISMATCH, str(error), descriptor=error.descriptor)
        case errors.AmbiguousResult():
            return Trouble(Reason.AMBIGUOUS, str(error))
        case ClockAhead():
            return Trouble(Reason.CLOCK, str(error))
    return Trouble(Reason.UNAVAILABLE, str(error))
