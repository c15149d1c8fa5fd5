"""The history of a run: operations that clients invoked, and how each ended, as linearizability checkers read it.

An operation is invoked by a process and ends as `ok` (it happened, with this output), `fail` (it did not happen) or
`info` (nobody knows: a timeout, a client that died). The words and their meaning are those of Jepsen and Knossos. A
process does one thing at a time; after `info` its name gets a new number, because the old operation may still happen.

Which of two operations came first in real time is told by the order in which beginnings and ends were recorded, not by
times alone: in one instant of virtual time a client may end an operation and begin the next.

It deliberately judges nothing: checkers take `operations` when the run is over.
"""

from typing import Any, Protocol, Self

import msgspec

from simkit.kernel.records import Record, Records
from simkit.observe.states import ENDS

OPERATIONS_MAX = 1_000_000
"""Operations kept; later ones are still in the digest and are counted in `left_out` (a verdict is then unknown)."""


class Recorded(Protocol):
    """What a history needs of a world."""

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        ...

    @property
    def records(self) -> Records:
        """The sink."""
        ...


class Operation:
    """One operation, from its invocation on.

    Attributes:
        process: who invoked it, such as ``clients-0`` or, after a lost operation, ``clients-0/2``.
        name: the same without the number.
        function: what was asked, such as ``enqueue``; `input` and `output` are plain values.
        outcome: ``ok``, ``fail``, ``info``, or None while it is under way.
        invoked_ns, completed_ns: virtual times; the second is None while under way, and for an operation that was
            lost with its process.
        began, ended: places in the one order of all beginnings and ends of the history, which is real-time order: an
            operation came before another when its `ended` is smaller than the other's `began`. `ended` is None unless
            the outcome is ``ok`` or ``fail``: what nobody knows the end of may happen at any time after its beginning.
    """

    __slots__ = (
        "_history",
        "began",
        "completed_ns",
        "ended",
        "function",
        "host",
        "input",
        "invoked_ns",
        "name",
        "outcome",
        "output",
        "process",
        "serial",
    )

    def __init__(
        self, history: "History | None", host: str, name: str, life: int, function: str, given: Any, at_ns: int
    ) -> None:
        self._history = history
        self.host, self.name, self.function, self.input = host, name, function, given
        self.process = name if life == 1 else f"{name}/{life}"
        self.serial = self.began = 0
        self.invoked_ns = at_ns
        self.output: Any = None
        self.outcome: str | None = None
        self.completed_ns: int | None = None
        self.ended: int | None = None

    @classmethod
    def past(
        cls,
        process: str,
        function: str,
        given: Any = None,
        output: Any = None,
        *,
        began: int,
        ended: int | None = None,
        outcome: str = "ok",
    ) -> Self:
        """Return an operation that was recorded elsewhere, such as in a log; `began` and `ended` are of one order.

        Without `ended` it never returned, and its outcome is ``info``.
        """
        operation = cls(None, process, process, 1, function, given, began)
        operation.serial = operation.began = began
        operation.outcome = outcome if ended is not None else "info"
        operation.ended = ended if operation.outcome != "info" else None
        operation.output, operation.completed_ns = output, ended
        return operation

    def ok(self, output: object = None) -> None:
        """It happened, and this came back."""
        self._end("ok", output)

    def fail(self, reason: object = None) -> None:
        """It certainly did not happen."""
        self._end("fail", reason)

    def info(self, reason: object = None) -> None:
        """Nobody knows whether it happened or will happen."""
        self._end("info", reason)

    def _end(self, outcome: str, output: object) -> None:
        if self._history is None:
            raise ValueError(f"{self.function} of {self.process} was recorded elsewhere and has ended")
        self._history.complete(self, outcome, output)


class History:
    """All operations of one run, in the order of their invocation."""

    def __init__(self, world: Recorded) -> None:
        self._world = world
        self._encode = msgspec.msgpack.Encoder(order="deterministic", enc_hook=_refuse).encode
        self._open: dict[str, Operation] = {}
        self._lives: dict[str, int] = {}
        self.invoked = 0
        self._order = 0
        self.operations: list[Operation] = []
        self.left_out = 0
        world.records.subscribe(("host",), self._host_changed)

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        return self._world.now_ns

    def invoke(self, host: str, function: str, given: object = None, *, process: str | None = None) -> Operation:
        """Begin an operation.

        Args:
            host: where the client runs.
            function: such as ``read``, ``write``, ``enqueue``.
            given: its input, a plain value (numbers, text, bytes, lists, maps, structs).
            process: who does it; the host when None. A ValueError says that it has an operation under way already.
        """
        name = process or host
        if name in self._open:
            raise ValueError(f"process {name} invokes {function} while its {self._open[name].function} is under way")
        operation = Operation(self, host, name, self._lives.get(name, 1), function, given, self.now_ns)
        operation.serial, operation.began = self.invoked, self._next()
        self.invoked += 1
        self._open[name] = operation
        if len(self.operations) < OPERATIONS_MAX:
            self.operations.append(operation)
        else:
            self.left_out += 1
        self._write(operation, "invoke", given)
        return operation

    def complete(self, operation: Operation, outcome: str, output: object) -> None:
        """End an operation; ending it twice is an error."""
        if operation.outcome is not None:
            raise ValueError(f"{operation.function} of {operation.process} has ended as {operation.outcome} already")
        operation.outcome, operation.output, operation.completed_ns = outcome, output, self.now_ns
        place = self._next()
        operation.ended = None if outcome == "info" else place
        self._close(operation)
        self._write(operation, outcome, output)

    def conclude(self) -> None:
        """The run is over: what is under way was lost."""
        for operation in list(self._open.values()):
            self._lose(operation)

    def _host_changed(self, record: Record) -> None:
        # Nothing is written: an observer never writes back, and the end of the process is in the digest already.
        if record.detail and record.detail[0] in ENDS:
            for operation in [one for one in self._open.values() if one.host == record.host]:
                self._lose(operation)

    def _lose(self, operation: Operation) -> None:
        operation.outcome = "info"
        self._close(operation)

    def _close(self, operation: Operation) -> None:
        self._open.pop(operation.name, None)
        if operation.outcome == "info":
            self._lives[operation.name] = self._lives.get(operation.name, 1) + 1

    def _next(self) -> int:
        self._order += 1
        return self._order - 1

    def _write(self, operation: Operation, word: str, value: object) -> None:
        detail = (word, operation.serial, operation.process, operation.function)
        self._world.records.write("history", operation.host, *detail, payload=self._encode(value), value=operation)


def _refuse(value: Any) -> Any:
    text = f"{type(value).__module__}.{type(value).__qualname__}"
    raise TypeError(f"a history holds plain values, not {text}: its bytes would not be the same in every run")
