"""Transactions: what clients asked of a store in one piece, and how each ended.

A transaction is an operation of the run's history whose function is ``transaction``. Its input is a list of
micro-operations, ``["append", key, element]``, ``["write", key, value]`` or ``["read", key, null]``; an `ok` gives the
same list back with what was read in the third place: a list for a key that is appended to, a value for a register,
null for a key nobody has written. The form is that of Elle (Kingsbury and Alvaro 2020), with whole words.

It deliberately judges nothing, and only reads the history: how operations are recorded is not decided here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, Protocol

Status = Literal["committed", "aborted", "indeterminate"]

_STATUS: dict[str | None, Status] = {"ok": "committed", "fail": "aborted", "info": "indeterminate"}
_KINDS = ("append", "read", "write")


class MicroOperation(NamedTuple):
    """One step of a transaction; `value` is the element, the value written, or what was read (None: unknown)."""

    kind: Literal["append", "read", "write"]
    key: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction.

    Attributes:
        index: its place in the sequence of all transactions, in the order of invocation; the node of graphs.
        process, host: who asked for it.
        status: ``committed``, ``aborted`` (nothing of it happened) or ``indeterminate`` (nobody knows).
        invoked_ns, completed_ns: virtual times; the second is None where no answer came.
        began, ended: places in one order of all beginnings and ends; `ended` is None unless it committed. One
            transaction came before another if its `ended` is smaller than the other's `began`.
        operations: its steps in order; what reads returned is known of committed transactions only.
    """

    index: int
    process: str
    host: str
    status: Status
    invoked_ns: int
    completed_ns: int | None
    began: int
    ended: int | None
    operations: tuple[MicroOperation, ...]

    @property
    def name(self) -> str:
        """How explanations call it: T1 is the first that was invoked."""
        return f"T{self.index + 1}"


class Asked(Protocol):
    """What is read of an operation of the history; `simkit.observe.history.Operation` has it all."""

    process: str
    host: str
    function: str
    input: Any
    output: Any
    outcome: str | None
    invoked_ns: int
    completed_ns: int | None


def transactions_of(operations: Iterable[Asked], function: str = "transaction") -> list[Transaction]:
    """Return the transactions of a history, in the order of their invocation.

    Args:
        operations: the history; operations of another function are passed over.
        function: under which name transactions were invoked.

    Raises: ValueError where an input or output is not a list of micro-operations, or an output is not of its input.
    """
    found: list[Transaction] = []
    for operation in operations:
        if operation.function != function:
            continue
        status = _STATUS.get(operation.outcome, "indeterminate")
        where = f"{function} of {operation.process} at {operation.invoked_ns / 1e9:.3f} s"
        steps = _steps(operation.input, where)
        if status == "committed":
            asked, steps = steps, _steps(operation.output, where)
            if [step[:2] for step in asked] != [step[:2] for step in steps]:
                raise ValueError(f"{where}: its output is not its input with what was read filled in")
        completed_ns = operation.completed_ns
        found.append(
            Transaction(
                index=len(found),
                process=operation.process,
                host=operation.host,
                status=status,
                invoked_ns=operation.invoked_ns,
                completed_ns=completed_ns,
                # What ends in the instant in which another begins did not come before it.
                began=2 * operation.invoked_ns,
                ended=2 * completed_ns + 1 if status == "committed" and completed_ns is not None else None,
                operations=steps,
            )
        )
    return found


def _steps(given: Any, where: str) -> tuple[MicroOperation, ...]:
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        raise ValueError(f"{where}: a transaction is a list of micro-operations, not {type(given).__name__}")
    return tuple(_step(each, where) for each in given)


def _step(given: Any, where: str) -> MicroOperation:
    if not isinstance(given, Sequence) or len(given) != 3 or isinstance(given, str):
        raise ValueError(f'{where}: a micro-operation is ["append" | "read" | "write", key, value], not {given!r:.80}')
    kind, key, value = given
    if kind not in _KINDS:
        near = get_close_matches(str(kind), _KINDS, 1, 0.0)[0]
        raise ValueError(f"{where}: unknown micro-operation {kind!r:.40}; nearest: {near!r}")
    try:
        hash(key)
        if kind != "read":
            hash(value)
    except TypeError:
        raise ValueError(f"{where}: keys and elements are numbers, text or bytes, not as in {given!r:.80}") from None
    return MicroOperation(kind, key, value)
