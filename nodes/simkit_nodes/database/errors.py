"""What can go wrong with a statement, with the SQLSTATE that a client of a real database would see.

Errors of the range level (who holds a lease, which range has a key) are corrected by whoever routes requests; clients
see them only when patience ends. It deliberately has no error for a lost reply: that is `AmbiguousResult`, because
nobody can know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from simkit_nodes.database.range import RangeDescriptor


class DatabaseError(Exception):
    """Base of all; `sqlstate` is the five-character code of the SQL standard or of PostgreSQL."""

    sqlstate: ClassVar[str] = "XX000"


class RetryableError(DatabaseError):
    """The transaction cannot be serialized as it stands and has been rolled back; running it again may succeed."""

    sqlstate = "40001"


class TransactionAborted(RetryableError):
    """Somebody else aborted the transaction: a deadlock, or its coordinator was taken for dead."""


class StatementTimeout(DatabaseError):
    """The statement took longer than `statement_timeout`; the transaction has been rolled back."""

    sqlstate = "57014"


class AmbiguousResult(DatabaseError):
    """The answer to a commit was lost: it may have happened or not, or may yet happen."""

    sqlstate = "40003"


class TransactionEnded(DatabaseError):
    """The transaction was used after commit or rollback."""

    sqlstate = "25000"


class ConcurrentUse(DatabaseError):
    """The transaction was asked to read while it was reading: each read may move the time at which all are true."""

    sqlstate = "55006"


class InvalidKey(DatabaseError):
    """A key or value is too long, empty, or in a part of the key space that is not the client's."""

    sqlstate = "54000"


class InvalidBounds(DatabaseError):
    """A scan whose begin lies behind its end, or whose limit is below zero."""

    sqlstate = "22023"


class Overloaded(DatabaseError):
    """Admission control has turned the statement away before it did anything."""

    sqlstate = "53300"


class ClockUntrusted(DatabaseError):
    """The host's clock is too far from the others': it refuses to serve rather than serve wrongly."""

    sqlstate = "58000"


class Unavailable(DatabaseError):
    """No quorum, no leaseholder or no answer within the time that was given; nothing has happened."""

    sqlstate = "57P03"


class NotLeaseholder(DatabaseError):
    """The replica asked does not hold the range's lease; `hint` names the store that may, None if unknown."""

    def __init__(self, hint: str | None = None) -> None:
        super().__init__(f"not the leaseholder; ask {hint or 'another replica'}")
        self.hint = hint


class RangeMismatch(DatabaseError):
    """The key lies outside the range asked; `descriptor` is what the replica now holds, None if nothing."""

    def __init__(self, descriptor: RangeDescriptor | None = None) -> None:
        super().__init__("the key lies outside of the range")
        self.descriptor = descriptor
