"""Objects whose sequential specification everybody knows: register, key-value store, set, queue, log, lock.

Each says which functions it knows and what their inputs and outputs are. With ``keyed=True`` there is one such object
for each key. An output of None from an operation that changes something says only that it happened.

None of them deliberately knows leases, time-outs or reads that may be old: what a weaker object allows is a model of
its own.
"""

from collections.abc import Hashable
from typing import Any, ClassVar

from simkit.checks.model import ILLEGAL, Model, frozen, returned
from simkit.observe.history import Operation


def says_nothing(operation: Operation) -> bool:
    """Whether an operation that changes something came back without a word about what it found."""
    return operation.outcome != "ok" or operation.output is None


class Register(Model):
    """One value: ``write`` (the value), ``read`` (returns it).

    Args:
        initial: what it holds at first.
        keyed: whether there is one for each key.
    """

    functions: ClassVar[tuple[str, ...]] = ("read", "write")
    sees_processes: ClassVar[bool] = False

    def __init__(self, initial: Hashable = None, *, keyed: bool = False) -> None:
        super().__init__(keyed=keyed)
        self.initial = initial

    def init(self) -> Hashable:
        return self.initial

    def step(self, state: Any, operation: Operation) -> Any:
        if operation.function == "read":
            return state if returned(operation, state) else ILLEGAL
        return frozen(self.argument(operation))

    def reads(self, operation: Operation) -> bool:
        return operation.function == "read"

    def overwrites(self, operation: Operation) -> bool:
        return operation.function == "write"


class CompareAndSetRegister(Register):
    """A register that also knows ``cas`` (a pair: expected, new), which returns whether it has set the new value.

    A compare-and-set that found another value is either ``ok`` with output False, which claims that the value was
    another one, or ``fail``, which claims nothing.
    """

    functions: ClassVar[tuple[str, ...]] = ("read", "write", "cas")

    def step(self, state: Any, operation: Operation) -> Any:
        if operation.function != "cas":
            return super().step(state, operation)
        expected, new = frozen(self.argument(operation))
        if operation.outcome != "ok":
            return new if state == expected else state
        if operation.output is False:
            return state if state != expected else ILLEGAL
        return new if state == expected else ILLEGAL

    def reads(self, operation: Operation) -> bool:
        return super().reads(operation) or (
            operation.function == "cas" and operation.outcome == "ok" and operation.output is False
        )


class KeyValue(Model):
    """A map, each key judged apart: ``get`` (key), ``put`` and ``append`` (key, value), ``delete`` (key), ``cas``.

    ``get`` returns the value; ``cas`` takes (key, expected, new) and returns whether it has set the new value;
    ``append`` adds to a text or a list.

    Args:
        missing: what a key holds that was never put.
    """

    functions: ClassVar[tuple[str, ...]] = ("get", "put", "append", "delete", "cas")
    sees_processes: ClassVar[bool] = False

    def __init__(self, missing: Hashable = None) -> None:
        super().__init__()
        self.missing = missing

    def init(self) -> Hashable:
        return self.missing

    def step(self, state: Any, operation: Operation) -> Any:
        match operation.function:
            case "get":
                return state if returned(operation, state) else ILLEGAL
            case "put":
                return frozen(operation.input[1])
            case "append":
                value = frozen(operation.input[1])
                return value if state is None else state + value
            case "delete":
                return self.missing
        expected, new = frozen(operation.input[1]), frozen(operation.input[2])
        if operation.outcome == "ok" and (operation.output is not False) != (state == expected):
            return ILLEGAL
        return new if state == expected else state

    def reads(self, operation: Operation) -> bool:
        return operation.function == "get" or (
            operation.function == "cas" and operation.outcome == "ok" and operation.output is False
        )

    def overwrites(self, operation: Operation) -> bool:
        return operation.function in ("put", "delete")

    def partition(self, operation: Operation) -> Hashable:
        given = operation.input
        return frozen(given[0] if isinstance(given, (tuple, list)) else given)  # type: ignore[no-any-return]


class Set(Model):
    """A set: ``add`` and ``remove`` (an element), ``contains`` (returns a boolean), ``read`` (returns all elements).

    ``add`` and ``remove`` may return whether they changed anything.
    """

    functions: ClassVar[tuple[str, ...]] = ("add", "remove", "contains", "read")
    sees_processes: ClassVar[bool] = False

    def init(self) -> Hashable:
        return frozenset()

    def step(self, state: Any, operation: Operation) -> Any:
        if operation.function == "read":
            # Elements may come in any order; one that comes twice is not a set's answer.
            found = operation.output if operation.outcome == "ok" else state
            return state if len(found) == len(state) and frozen(set(map(frozen, found))) == state else ILLEGAL
        element = frozen(self.argument(operation))
        inside = element in state
        if operation.function == "contains":
            return state if returned(operation, inside) else ILLEGAL
        adds = operation.function == "add"
        if not says_nothing(operation) and operation.output is not (inside != adds):
            return ILLEGAL
        return state | {element} if adds else state - {element}

    def reads(self, operation: Operation) -> bool:
        return operation.function in ("contains", "read")


class Queue(Model):
    """First in, first out: ``enqueue`` (an item), ``dequeue`` (returns the oldest item, None from an empty queue)."""

    functions: ClassVar[tuple[str, ...]] = ("enqueue", "dequeue")
    sees_processes: ClassVar[bool] = False

    def init(self) -> Hashable:
        return ()

    def step(self, state: Any, operation: Operation) -> Any:
        if operation.function == "enqueue":
            return (*state, frozen(self.argument(operation)))
        oldest = state[0] if state else None
        return state[1:] if returned(operation, oldest) else ILLEGAL

    def reads(self, operation: Operation) -> bool:
        return operation.function == "dequeue" and operation.outcome == "ok" and operation.output is None


class Log(Model):
    """Entries in an order that never changes: ``append`` (an entry), ``read`` (None or a position).

    ``append`` may return the entry's position, counted from 0. ``read`` returns all entries, or those from the position
    on.
    """

    functions: ClassVar[tuple[str, ...]] = ("append", "read")
    sees_processes: ClassVar[bool] = False

    def init(self) -> Hashable:
        return ()

    def step(self, state: Any, operation: Operation) -> Any:
        if operation.function == "read":
            seen = state[self.argument(operation) or 0 :]
            return state if returned(operation, seen) else ILLEGAL
        if not says_nothing(operation) and operation.output != len(state):
            return ILLEGAL
        return (*state, frozen(self.argument(operation)))

    def reads(self, operation: Operation) -> bool:
        return operation.function == "read"


class Lock(Model):
    """Mutual exclusion: ``acquire`` and ``release``, by the process that holds it.

    ``acquire`` may return False: somebody had it. Whoever gave up on an ``acquire`` has a new number afterwards, but is
    the same holder.
    """

    functions: ClassVar[tuple[str, ...]] = ("acquire", "release")

    def init(self) -> Hashable:
        return None

    def step(self, state: Any, operation: Operation) -> Any:
        if operation.function == "release":
            return None if state == operation.name else ILLEGAL
        if operation.outcome == "ok" and operation.output is False:
            return ILLEGAL if state is None else state
        return operation.name if state is None else ILLEGAL

    def reads(self, operation: Operation) -> bool:
        return operation.function == "acquire" and operation.outcome == "ok" and operation.output is False
