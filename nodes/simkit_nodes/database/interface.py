"""What clients of the database see: a `Database` begins transactions, a `Transaction` reads and writes keys.

Both are protocols. The real ones are `transactions.coordinator`, at a gateway; `MemoryDatabase` of the SQL layer's
tests is another. Keys and values are bytes; keys have at most `KEY_BYTES_MAX`, do not begin with a zero byte (those are
the system's own) and lie below `KEY_END`.

It deliberately knows neither tables nor ranges.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Literal, Protocol, TypeVar

Isolation = Literal["serializable", "snapshot"]
Result = TypeVar("Result")

KEY_BYTES_MAX: Final = 4096
VALUE_BYTES_MAX: Final = 1 << 20
KEY_BEGIN: Final = b"\x01"
"""The first key of clients."""
KEY_END: Final = b"\xff\xff"
"""The first key beyond those of clients."""


class Transaction(Protocol):
    """One transaction. After `commit`, `rollback` or an error of SQLSTATE class 40 it has ended.

    Attributes:
        read_timestamp: the hybrid logical time at which it reads (see `blocks.hybrid_logical_clock`).
        commit_timestamp: at which its writes became visible, once it has committed; else None.

    Every method may raise `RetryableError` (nothing of it took place; run it again), `Unavailable`, `StatementTimeout`
    and `TransactionEnded`.
    """

    @property
    def read_timestamp(self) -> int: ...

    @property
    def commit_timestamp(self) -> int | None: ...

    async def get(self, key: bytes) -> bytes | None:
        """Return the value of a key as of this transaction, its own writes included; None if there is none.

        ConcurrentUse while another read of the same transaction is under way.
        """
        ...

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of several keys, in the order of the keys, in as many requests as there are ranges."""
        ...

    async def scan(
        self, begin: bytes, end: bytes, *, limit: int | None = None, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Return keys and values with begin <= key < end in order of keys, its own writes included.

        Args:
            begin, end: InvalidBounds if begin > end.
            limit: at most so many; the first ones, or the last ones with `reverse`.
            reverse: from the last key down.
        """
        ...

    async def put(self, key: bytes, value: bytes) -> None:
        """Write a value. It leaves for its range with the next request, and a later call raises what hinders it."""
        ...

    async def delete(self, key: bytes) -> None:
        """Delete a key; deleting what is not there is no error."""
        ...

    async def commit(self, *, deadline: int | None = None) -> int:
        """Make all writes visible at once and return the commit timestamp.

        Args:
            deadline: the highest commit timestamp that will do, such as the end of a lease on what the transaction
                took for granted; RetryableError where it would be above.

        Raises: AmbiguousResult when the answer was lost.
        """
        ...

    async def rollback(self) -> None:
        """Give up all writes; harmless when the transaction has ended."""
        ...


class Database(Protocol):
    """Begins transactions."""

    def begin(
        self,
        isolation: Isolation = "serializable",
        *,
        as_of: int | None = None,
        max_staleness: int | None = None,
    ) -> Transaction:
        """Begin a transaction.

        Args:
            isolation: serializable, or snapshot, which permits write skew.
            as_of: a past timestamp to read at (AS OF SYSTEM TIME); such a transaction cannot write.
            max_staleness: as a difference of timestamps: read at the freshest timestamp at which the nearest replicas
                can answer the first read by themselves, or, where that is older than this, at the oldest that will do,
                wherever that is answered. Such a transaction cannot write.
        """
        ...

    def past(self, age: int | None) -> int:
        """Return the timestamp so far back; without an age, the freshest that followers are likely to answer."""
        ...

    async def run(
        self, function: Callable[[Transaction], Awaitable[Result]], isolation: Isolation = "serializable"
    ) -> Result:
        """Run a function in a transaction and commit it, again after each `RetryableError`; return what it returned."""
        ...
