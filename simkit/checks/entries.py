"""A history made ready for the search: operations by number, in order of beginning and of return, with their kinds.

Operations that are known not to have happened are gone, and so are reads whose answer nobody heard. Equal operations
are of one kind: what a kind leads to from a state is worked out once and then looked up.

It deliberately does not search: that is `linearization`.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

from simkit.checks.model import ILLEGAL, Model, frozen
from simkit.observe.history import Operation

NEVER = 1 << 62
UNKNOWN, NOT_LEGAL = -2, -1
ROW_BYTES, CELL_BYTES, ITEM_BYTES = 400, 100, 8


class Entries:
    """The operations of one partition.

    Attributes:
        operations: the completed ones in order of return, then the lost ones in order of beginning; all lists below
            have one item for each of them.
        completed: how many are completed.
        began, ended: places in real-time order; `ended` of a lost one is `NEVER`.
        kind: equal operations have equal kinds. samples: one operation of each kind.
        reads: whether it leaves every state as it is. overwrites: whether it never looks at the state.
        bit: of a completed one among those that can be under way together; of a lost one among the lost ones.
        twin: the operation of the same kind that goes first when both are under way, or -1.
    """

    def __init__(self, model: Model, operations: Sequence[Operation]) -> None:
        happened = [each for each in operations if each.outcome != "fail"]
        done = sorted((each for each in happened if each.ended is not None), key=lambda each: each.ended or 0)
        lost = sorted((each for each in happened if each.ended is None), key=lambda each: each.began)
        lost = [each for each in lost if not model.reads(each)]
        self.operations = [*done, *lost]
        self.completed = len(done)
        self.began = [each.began for each in self.operations]
        self.ended = [NEVER if each.ended is None else each.ended for each in self.operations]
        self.reads = [model.reads(each) for each in self.operations]
        self.overwrites = [model.overwrites(each) for each in self.operations]
        self._name_kinds(model)
        self._give_bits()
        self._pair_twins()

    def __len__(self) -> int:
        return len(self.operations)

    def _name_kinds(self, model: Model) -> None:
        numbers: dict[Any, int] = {}
        self.samples: list[Operation] = []
        self.kind = []
        for operation in self.operations:
            model.check_function(operation)
            known = operation.outcome == "ok"
            # 1, 1.0 and True are one key of a dict and need not be one value for a model.
            given, came = operation.input, operation.output if known else None
            name: tuple[Any, ...] = (operation.function, known, *_tagged(given), *_tagged(came))
            if model.sees_processes:
                name += (operation.process,)
            number = numbers.setdefault(name, len(self.samples))
            if number == len(self.samples):
                self.samples.append(operation)
            self.kind.append(number)

    def _give_bits(self) -> None:
        self.bit = [0] * len(self)
        free: list[int] = []
        used = 0
        under_way: list[tuple[int, int]] = []
        for number in sorted(range(self.completed), key=self.began.__getitem__):
            while under_way and under_way[0][0] < self.began[number]:
                heappush(free, heappop(under_way)[1])
            if not free:
                heappush(free, used)
                used += 1
            place = heappop(free)
            heappush(under_way, (self.ended[number], place))
            self.bit[number] = 1 << place
        for place, number in enumerate(range(self.completed, len(self))):
            self.bit[number] = 1 << place

    def _pair_twins(self) -> None:
        last: dict[tuple[int, bool], int] = {}
        self.twin = [-1] * len(self)
        for number, kind in enumerate(self.kind):
            is_lost = number >= self.completed
            before = last.get((kind, is_lost), -1)
            if before >= 0 and self.ended[before] > self.began[number]:
                self.twin[number] = before
            last[kind, is_lost] = number


def _tagged(value: Any) -> tuple[Any, type]:
    """Return a value as part of a dict's key, told apart from equal values of other types."""
    value = frozen(value)
    try:
        hash(value)
    except TypeError:
        value = repr(value)
    return (repr(value) if isinstance(value, (tuple, frozenset, float)) else value), type(value)


class Transitions:
    """States by number, and what every kind of operation leads to from them.

    Attributes:
        rows: for each state, the number of the next state by kind, or `NOT_LEGAL`; only what was asked for.
        memory_bytes: about what all of it takes.
    """

    def __init__(self, model: Model, samples: Sequence[Operation]) -> None:
        self._model = model
        self._samples = samples
        self._numbers: dict[Any, int] = {}
        self._states: list[Any] = []
        self.rows: list[dict[int, int]] = []
        self.memory_bytes = 0
        self.initial = self._number(model.init())

    def work_out(self, state: int, kind: int) -> int:
        """Ask the model, and remember."""
        after = self._model.step(self._states[state], self._samples[kind])
        number = NOT_LEGAL if after is ILLEGAL else self._number(after)
        if number == NOT_LEGAL and self._model.overwrites(self._samples[kind]):
            name, function = type(self._model).__name__, self._samples[kind].function
            raise ValueError(f"{name}.overwrites says that {function} can always happen, but its step does not")
        if number not in (state, NOT_LEGAL) and self._model.reads(self._samples[kind]):
            name, function = type(self._model).__name__, self._samples[kind].function
            raise ValueError(f"{name}.reads says that {function} leaves every state as it is, but its step does not")
        self.rows[state][kind] = number
        self.memory_bytes += CELL_BYTES
        return number

    def _number(self, state: Any) -> int:
        try:
            number = self._numbers.setdefault(state, len(self._states))
        except TypeError:
            name = type(self._model).__name__
            raise TypeError(f"{name}: a state must be hashable, such as a tuple, not {type(state).__name__}") from None
        if number == len(self._states):
            self._states.append(state)
            self.rows.append({})
            size = len(state) if hasattr(state, "__len__") else 1
            self.memory_bytes += ROW_BYTES + ITEM_BYTES * size
        return number
