"""What clients ask of a gateway: a whole transaction in one message, as a list of steps, and what came of it.

A step may depend on what its key holds (append to it, add to it), so that read-modify-write needs no message between.
It deliberately is no language: what has conditions and loops is written in SQL, or at the gateway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from simkit.network.message import Message
from simkit_nodes.database.errors import DatabaseError
from simkit_nodes.database.interface import Isolation, Transaction

Rows = tuple[tuple[bytes, bytes], ...]
StepResult = bytes | Rows | None


class Step(Message, tag="database.step/1"):
    """One step.

    read a key; write a value, or delete with None; append the value to a list of words; add a number to a number, which
    must not fall below `at_least`; scan key <= each < end.
    """

    kind: Literal["read", "write", "append", "add", "scan"]
    key: bytes
    value: bytes | None = None
    amount: int = 0
    at_least: int | None = None
    end: bytes = b""


class Execute(Message, tag="database.execute/1"):
    """Run these steps as one transaction; `request` is the number that its client gave it, for stories."""

    steps: tuple[Step, ...]
    isolation: Isolation = "serializable"
    request: int = 0


class SingleGet(Message, tag="database.single_get/1"):
    """Read one key, linearizably, without a transaction."""

    key: bytes


class ReadPast(Message, tag="database.read_past/1"):
    """Read keys together as they were `age_ns` ago, at the nearest replicas if those can tell.

    `bounded`: as fresh as the nearest replicas can by themselves, but no older than that. `request` is as in `Execute`.
    """

    keys: tuple[bytes, ...]
    age_ns: int
    bounded: bool = False
    request: int = 0


class SinglePut(Message, tag="database.single_put/1"):
    """Write one key without a transaction; with `condition`, only if it holds `expected`."""

    key: bytes
    value: bytes | None
    condition: bool = False
    expected: bytes | None = None


class Executed(Message, tag="database.executed/1"):
    """What came of it.

    Attributes:
        outcome: committed, failed (nothing of it happened), or unknown.
        results: one for each step: what was read, or what stands there now.
        sqlstate, text: why it failed.
        timestamp: where it committed.
    """

    outcome: Literal["committed", "failed", "unknown"]
    results: tuple[StepResult, ...] = ()
    sqlstate: str = ""
    text: str = ""
    timestamp: int = 0


STEPS_MAX: Final = 1_000
NUMBER_MAX: Final = 2**63 - 1


class ConstraintViolated(DatabaseError):
    """A number would have fallen below what it may be."""

    sqlstate = "23514"


class NotANumber(DatabaseError):
    """A number was to be added to what is none."""

    sqlstate = "22P02"


class NumberOutOfRange(DatabaseError):
    """A number would not fit into 64 bits."""

    sqlstate = "22003"


class TooManySteps(DatabaseError):
    """A transaction of one message has more than `STEPS_MAX` steps."""

    sqlstate = "54001"


async def execute(transaction: Transaction, steps: Sequence[Step]) -> tuple[StepResult, ...]:
    """Carry out steps in a transaction, one after the other. DatabaseError."""
    if len(steps) > STEPS_MAX:
        raise TooManySteps(f"{len(steps):,} steps, at most {STEPS_MAX:,} are allowed")
    results: list[StepResult] = []
    for step in steps:
        match step.kind:
            case "read":
                results.append(await transaction.get(step.key))
            case "scan":
                results.append(tuple(await transaction.scan(step.key, step.end)))
            case _:
                results.append(await _change(transaction, step))
    return tuple(results)


async def _change(transaction: Transaction, step: Step) -> bytes | None:
    value = step.value
    if step.kind == "append":
        before = await transaction.get(step.key)
        value = (step.value or b"") if before is None else before + b" " + (step.value or b"")
    elif step.kind == "add":
        number = _number(await transaction.get(step.key), step.key) + step.amount
        if not -NUMBER_MAX - 1 <= number <= NUMBER_MAX:
            raise NumberOutOfRange(f"{step.key[:64]!r} would be {number}")
        if step.at_least is not None and number < step.at_least:
            raise ConstraintViolated(f"{step.key[:64]!r} would be {number}, at least {step.at_least} is allowed")
        value = b"%d" % number
    if value is None:
        await transaction.delete(step.key)
    else:
        await transaction.put(step.key, value)
    return value


def _number(value: bytes | None, key: bytes) -> int:
    """Return the number that a key holds, 0 for nothing. NotANumber."""
    if not value:
        return 0
    try:
        return int(value)
    except ValueError:  # also where there are too many digits
        raise NotANumber(f"{key[:64]!r} holds no number") from None
