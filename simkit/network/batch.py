"""Messages of many devices of one host in one message: a row for each device, in columns of numbers.

A batch stands for a datagram of each of its devices. The network treats it so (`shipment.py`): each row takes a
packet's draws and meets its fate alone. Whoever handles it gets columns.

It deliberately holds numbers only, and no row that belongs to nobody: the first column says whose the others are.
"""

import typing
from functools import cache
from typing import Any, ClassVar, Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from simkit.network.codec import register_codec
from simkit.network.message import Message

NUMBERS: Final = {np.dtype(kind).str: np.dtype(kind) for kind in ("?", *"bhiq", *"BHIQ", *"efd")}
"""What a column may hold, by its name on the wire: truth values, integers and floats of 1 to 8 bytes."""

_FIRST = np.zeros(1, dtype=np.intp)


class Values:
    """A column of numbers that nobody can change.

    Args:
        dtype: as numpy spells it with its byte order, such as ``<f4``.
        data: the bytes of the numbers.

    Attributes:
        array: the numbers; writing to it is an error.
    """

    __slots__ = ("array", "data")

    def __init__(self, dtype: str, data: bytes) -> None:
        if dtype not in NUMBERS:
            raise TypeError(f"a column holds numbers, {dtype} are none")
        self.data = data
        self.array: NDArray[Any] = np.frombuffer(data, dtype=NUMBERS[dtype])

    @classmethod
    def of(cls, array: NDArray[Any]) -> Self:
        """Return a copy of a one-dimensional array; TypeError unless it holds numbers, one after the other."""
        if array.ndim != 1:
            raise TypeError(f"a column has one dimension, not {array.ndim}")
        return cls(array.dtype.str, array.tobytes())

    def __len__(self) -> int:
        return len(self.array)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Values) and (self.array.dtype, self.data) == (other.array.dtype, other.data)

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        return f"<{len(self)} {self.array.dtype}>"


def _from_wire(plain: Any) -> Values:
    try:
        dtype, data = plain
        return Values(dtype, data)
    except TypeError as error:
        raise ValueError(f"not a column: {error}") from None


register_codec(Values, lambda values: (values.array.dtype.str, values.data), _from_wire)


class Batch(Message):
    """Base of messages of many devices; subclasses add columns, and fields that all rows share.

    >>> class Readings(Batch, tag="meter.readings/1"):
    ...     celsius: Values

    Arrays are taken as they are: ``Readings(devices, celsius)``. ValueError if columns have different lengths,
    TypeError for anything else but numbers.

    Attributes:
        devices: whose the rows are: numbers of devices of one fleet.
        tick_ns: what arrives within one tick arrives as one batch, at the tick's end, in the order of arrival.
    """

    devices: Values

    tick_ns: ClassVar[int] = 10_000_000

    def __post_init__(self) -> None:
        for name in columns_of(type(self)):
            column = getattr(self, name)
            if isinstance(column, np.ndarray):
                column = Values.of(column.astype(np.uint32) if name == "devices" else column)
                msgspec.structs.force_setattr(self, name, column)
            elif not isinstance(column, Values):
                raise TypeError(f"{type(self).__name__}.{name} is a column: an array, not a {type(column).__name__}")
            if len(column) != len(self.devices):
                raise ValueError(
                    f"{type(self).__name__}.{name} has {len(column)} rows, its devices are {len(self.devices)}"
                )
        if self.devices.array.dtype.kind != "u":
            raise ValueError(f"{type(self).__name__}.devices are numbers from 0, not {self.devices.array.dtype}")

    def __len__(self) -> int:
        return len(self.devices)

    @property
    def row_bytes(self) -> int:
        """The bytes of the message of one device, as it would be by itself; the batch is not empty."""
        return len((self if len(self) == 1 else self.take(_FIRST)).encode())

    def take(self, rows: NDArray[Any]) -> Self:
        """Return the batch of some rows, in that order."""
        columns = {name: Values.of(getattr(self, name).array[rows]) for name in columns_of(type(self))}
        return msgspec.structs.replace(self, **columns)


@cache
def columns_of(kind: type[Batch]) -> tuple[str, ...]:
    """Return the fields of a batch that have a value for each device, the devices themselves first."""
    hints = typing.get_type_hints(kind)
    return tuple(name for name in kind.__struct_fields__ if hints[name] is Values)
