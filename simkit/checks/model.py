"""What a checker of linearizability needs to know of an object: its sequential specification, one step at a time.

A model says what the object's state is at first and what one operation does to it when nobody else is there. Whether a
history of overlapping operations can be put into such an order is the search's business (`linearization`). Objects
that everybody knows are in `objects`; a system with an object of its own derives from `Model`.

It deliberately knows nothing of time, of processes that die or of faults.
"""

import re
from collections.abc import Hashable
from typing import Any, ClassVar, Final

from simkit.observe.history import Operation


class _Illegal:
    def __repr__(self) -> str:
        return "ILLEGAL"


ILLEGAL: Final = _Illegal()
"""What `Model.step` returns for an operation that cannot have happened in that state."""


def frozen(value: Any) -> Any:
    """Return a value as part of a state can be: lists as tuples, sets as frozensets, maps as sorted pairs."""
    if isinstance(value, (list, tuple)):
        return tuple(frozen(each) for each in value)
    if isinstance(value, (set, frozenset)):
        return frozenset(frozen(each) for each in value)
    if isinstance(value, dict):
        return tuple(sorted((key, frozen(each)) for key, each in value.items()))
    return value


def returned(operation: Operation, value: object) -> bool:
    """Say whether an operation may have returned this value: it did, or nobody knows what it returned."""
    return operation.outcome != "ok" or bool(frozen(operation.output) == value)


class Model:
    """A sequential specification.

    Args:
        keyed: whether the system has one such object for each key: every input is then a pair ``(key, argument)``, and
            keys are judged one by one.

    Attributes:
        functions: the functions that it knows; an operation with another one is an error of whoever wrote the check.
        sees_processes: whether `step` looks at who invoked an operation. Where it does not, equal operations of
            different processes are interchangeable, which makes the search much shorter.
    """

    functions: ClassVar[tuple[str, ...]] = ()
    sees_processes: ClassVar[bool] = True

    def __init__(self, *, keyed: bool = False) -> None:
        self.keyed = keyed

    def init(self) -> Hashable:
        """Return the state before the first operation."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its state is at first")

    def step(self, state: Any, operation: Operation) -> Any:
        """Return the state after an operation that finds this state, or `ILLEGAL` if its output contradicts it.

        States are hashable and never changed in place. An operation whose outcome is ``info`` has no output: any would
        do (`returned` knows that).
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what an operation does")

    def reads(self, operation: Operation) -> bool:
        """Say whether an operation leaves every state as it is; the search places such ones as soon as they fit."""
        return False

    def overwrites(self, operation: Operation) -> bool:
        """Say whether an operation can always happen, and leaves the same state whatever it finds, as a write does.

        Nobody can tell what an unheard-of operation did right before it, so the search need not try.
        """
        return False

    def partition(self, operation: Operation) -> Hashable:
        """Return the part of the state that an operation is about; parts are judged apart (P-compositionality).

        Sound only if no operation looks at two parts.
        """
        return _pair(operation)[0] if self.keyed else None

    def argument(self, operation: Operation) -> Any:
        """Return the input without its key."""
        return _pair(operation)[1] if self.keyed else operation.input

    def describe(self, operation: Operation) -> str:
        """Return an operation in a few words, as a story tells it: ``write 3``, ``read -> 3``."""
        given = "" if operation.input is None else f" {plain(operation.input)}"
        came = "" if operation.outcome != "ok" or operation.output is None else f" -> {plain(operation.output)}"
        if operation.outcome == "ok" and operation.output is None and self.reads(operation):
            came = " -> nothing"
        return f"{operation.function}{given}{came}"

    def check_function(self, operation: Operation) -> None:
        """Raise ValueError for a function that the model does not know."""
        if self.functions and operation.function not in self.functions:
            known = ", ".join(self.functions)
            raise ValueError(f"{type(self).__name__} knows {known}, not {operation.function!r} of {operation.process}")


def _pair(operation: Operation) -> tuple[Any, Any]:
    given = operation.input
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ValueError(
            f"{operation.function} of {operation.process}: a keyed input is (key, argument), not {given!r}"
        )
    return given[0], given[1]


VALUE_CHARACTERS = 40
"""How much of a value a story shows."""


def plain(value: object) -> str:
    """Return a value in few characters: a pair as ``x 3``, a long one cut in the middle, dots that fill it up as 3."""
    if isinstance(value, (tuple, list)):
        text = " ".join(plain(each) for each in value[:8]) + (" ..." if len(value) > 8 else "")
        text = text or "nothing"
    else:
        text = value if isinstance(value, str) and value else repr(value)
        text = re.sub(r"\.{4,}$", "...", text)
    half = VALUE_CHARACTERS // 2 - 2
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:half]}...{text[-half:]}"
