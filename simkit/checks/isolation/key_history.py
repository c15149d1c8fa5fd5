"""What one history shows of each key: who wrote which version, who read which, and what each transaction saw of itself.

A key is a list if somebody appends to it and a register if somebody writes it. Reads are *external* when they come
before the transaction's own writes of the key; of a list, what stands before the transaction's own elements is read
from outside as well. Anomalies inside one transaction are found here.

It deliberately puts no versions in order: that is `version_order`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from simkit.checks.isolation.anomaly import Anomaly
from simkit.checks.isolation.transaction import MicroOperation, Transaction

SHOWN_MAX = 6
"""Elements of a list that an explanation shows; the last ones say most."""


class Writer(NamedTuple):
    """Who installed a version: a transaction's index, and whether it was its last one of the key."""

    transaction: int
    final: bool


class Read(NamedTuple):
    """One external read by a committed transaction; `value` is a tuple for a list, None for the initial state."""

    transaction: int
    value: Any


@dataclass(slots=True)
class KeyHistory:
    """One key.

    Attributes:
        key: its name.
        kind: ``list``, ``register``, or ``unwritten``.
        writers: by element or value, in the order of the transactions.
        reads: external reads by committed transactions, in their order.
        whole: lists only: reads as they were, the transaction's own elements included, to put versions in order.
    """

    key: Any
    kind: Literal["list", "register", "unwritten"] = "unwritten"
    writers: dict[Any, Writer] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    whole: list[Read] = field(default_factory=list)


def key_histories(transactions: Sequence[Transaction]) -> tuple[list[KeyHistory], list[Anomaly]]:
    """Return the history of every key, in the order of its first use, and the anomalies inside single transactions.

    Raises: ValueError if a key is both written and appended to, or two writes cannot be told apart.
    """
    histories: dict[Any, KeyHistory] = {}
    for transaction in transactions:
        for step in transaction.operations:
            history = histories.setdefault(step.key, KeyHistory(step.key))
            if step.kind != "read":
                _install(history, transaction, step)
    found: list[Anomaly] = []
    for transaction in transactions:
        if transaction.status == "committed":
            found += _seen(transaction, histories, transactions)
    return list(histories.values()), found


def shown(value: Any) -> str:
    """Return a read value in words that stay short: ``[.. 4 5 6]`` with the last elements of a list."""
    if isinstance(value, tuple):
        kept = " ".join(f"{each!s:.24}" for each in value[-SHOWN_MAX:])
        return f"[.. {kept}]" if len(value) > SHOWN_MAX else f"[{kept}]"
    return "nothing" if value is None else f"{value!s:.40}"


def _install(history: KeyHistory, transaction: Transaction, step: MicroOperation) -> None:
    kind: Literal["list", "register"] = "list" if step.kind == "append" else "register"
    if history.kind not in (kind, "unwritten"):
        raise ValueError(f"key {step.key!r} is written and appended to; a key is a register or a list")
    history.kind = kind
    if step.value is None:
        raise ValueError(f"{transaction.name} writes null to key {step.key!r}; null is what a key is before all writes")
    other = history.writers.get(step.value)
    if other is not None:
        raise ValueError(
            f"T{other.transaction + 1} and {transaction.name} both write {step.value!r:.40} to key {step.key!r}: "
            "who wrote what was read can only be told if every value is written once"
        )
    last = next(reversed(history.writers), None)
    if last is not None and history.writers[last].transaction == transaction.index:
        history.writers[last] = Writer(transaction.index, False)
    history.writers[step.value] = Writer(transaction.index, True)


def _seen(
    transaction: Transaction, histories: dict[Any, KeyHistory], transactions: Sequence[Transaction]
) -> Iterator[Anomaly]:
    """Note what a committed transaction read, and yield where it contradicts what it did itself."""
    own: dict[Any, list[Any]] = {}
    before: dict[Any, Any] = {}
    name, index = transaction.name, (transaction.index,)
    for kind, key, given in transaction.operations:
        history = histories[key]
        if kind != "read":
            own.setdefault(key, []).append(given)
            continue
        mine = tuple(own.get(key, ()))
        value = _value(history, given, transaction)
        if not mine:
            if key in before and before[key] != value:
                text = f"{name} read {key} twice: first {shown(before[key])}, then {shown(value)}"
                yield Anomaly("fuzzy-read", text, index)
            elif key in before:
                continue
            before[key] = value
            history.reads.append(Read(transaction.index, value))
            history.whole.append(Read(transaction.index, value))
        elif history.kind == "register" and value != mine[-1]:
            yield Anomaly("internal", f"{name} wrote {shown(mine[-1])} to {key} and then read {shown(value)}", index)
        elif history.kind == "list":
            history.whole.append(Read(transaction.index, value))
            kept = value if value[-len(mine) :] == mine else _without(history, value, transactions, "aborted")
            if kept[-len(mine) :] != mine:
                kept = _without(history, kept, transactions, "indeterminate")
                text = f"{name} appended {shown(mine)} to {key} and then read {shown(value)}, which does not end so"
                yield Anomaly("internal", text, index, certain=kept[-len(mine) :] != mine)
            elif before.get(key) != (outside := kept[: -len(mine)]):
                history.reads.append(Read(transaction.index, outside))
                before[key] = outside


def _without(
    history: KeyHistory, value: tuple[Any, ...], transactions: Sequence[Transaction], status: str
) -> tuple[Any, ...]:
    """Return a list without the elements of transactions that ended so."""
    return tuple(
        element
        for element in value
        if element not in history.writers or transactions[history.writers[element].transaction].status != status
    )


def _value(history: KeyHistory, given: Any, transaction: Transaction) -> Any:
    if history.kind == "list":
        if given is None:
            return ()
        if isinstance(given, (list, tuple)):
            return _hashable(tuple(given), history, transaction)
        raise ValueError(f"{transaction.name} read {given!r:.40} from key {history.key!r}, which is a list")
    if isinstance(given, (list, tuple)):
        if history.kind == "register":
            raise ValueError(f"{transaction.name} read a list from key {history.key!r}, which is a register")
        return _hashable(tuple(given), history, transaction) or None
    return _hashable(given, history, transaction)


def _hashable(value: Any, history: KeyHistory, transaction: Transaction) -> Any:
    try:
        hash(value)
    except TypeError:
        text = f"{transaction.name} read {value!r:.80} from key {history.key!r}"
        raise ValueError(f"{text}; elements are numbers, text or bytes") from None
    return value
