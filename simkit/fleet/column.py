"""One thing that every device of a fleet knows, declared once in its class: a type of numbers, and the first value.

It deliberately holds no data: each boot makes the arrays anew, so that what devices know is lost with the process.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simkit.network.batch import NUMBERS


class Column:
    """Declares a column: ``attempts = Column("u1")``; in methods of the fleet ``self.attempts`` is the array.

    Args:
        dtype: numbers or truth values, as numpy spells them: ``?``, ``u1``, ``i8``, ``f4``.
        initial: what every device begins with.

    TypeError if it is no type of numbers, ValueError if the type cannot hold the first value.
    """

    __slots__ = ("dtype", "initial", "name")

    def __init__(self, dtype: str, initial: float = 0) -> None:
        self.dtype = _numbers(dtype)
        self.name = ""
        with np.errstate(all="ignore"):
            try:
                self.initial = np.array(initial).astype(self.dtype)
                held = self.dtype.kind == "f" or self.initial.item() == initial
            except (OverflowError, ValueError, TypeError):
                held = False
        if not held:
            raise ValueError(f"a column of {self.dtype} cannot begin with {initial!r}")

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type) -> NDArray[Any]:
        """Stand for the array in the eyes of type checkers; an instance has its own under the same name."""
        raise AttributeError(f"the column {self.name!r} is made when {owner.__name__} boots")

    def fresh(self, count: int) -> NDArray[Any]:
        """Return the array of `count` devices that have just begun."""
        return np.full(count, self.initial, dtype=self.dtype)


def _numbers(dtype: str) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"a column holds numbers; {dtype!r} is no type of them") from None
    if found.str not in NUMBERS:
        raise TypeError(f"a column holds numbers; {dtype!r} is no type of them")
    return found


def columns_of(kind: type) -> dict[str, Column]:
    """Return the columns that a class and its bases declare, by name."""
    found: dict[str, Column] = {}
    for base in reversed(kind.__mro__):
        found.update((name, each) for name, each in vars(base).items() if isinstance(each, Column))
    return found
