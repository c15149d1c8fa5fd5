"""Whether overlapping operations can be put into one order that respects real time and the object's specification.

The search is that of Wing and Gong (1993) with the memory of Lowe (2017): it goes through the history in order of
return, chooses which of the operations under way took effect next, and never enters twice a configuration (which
operations took effect, which state they left) that it has left without success. Five rules keep it short and lose
nothing: an operation that only reads is placed as soon as its answer fits; of two equal operations under way the one
that returns first goes first; the one whose return is due is tried before all others; lost operations, of which nobody
knows the end, are tried last and only where somebody can notice what they did; a configuration that used more of them
than another that led nowhere leads nowhere.

It deliberately looks at no clock: what it may spend is counted in steps and in bytes, so that the verdict is the same
on every machine. Prior art: https://github.com/anishathalye/porcupine, https://github.com/jepsen-io/knossos.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from simkit.checks.entries import NEVER, UNKNOWN, Entries, Transitions
from simkit.checks.model import Model
from simkit.observe.history import Operation

CONFIGURATION_BYTES = 200
"""About what one remembered configuration takes, without its bits."""

DUE, CHANGING, USEFUL_LOST, OTHER_LOST = range(4)
"""In which order operations are tried: the one whose return is due; the others under way that change something; the
lost ones that let the due one follow; the other lost ones."""

_Path = Any  # None, or a pair: the operation that took effect last, and the path before it


@dataclass(frozen=True)
class Budget:
    """What a search may spend.

    Attributes:
        steps: operations tried.
        memory_bytes: configurations and states remembered, by estimate.
    """

    steps: int = 2_000_000
    memory_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True)
class Linearization:
    """What a search found.

    Attributes:
        verdict: whether there is an order; ``unknown`` when the budget did not suffice.
        order: all operations that took effect, in an order that explains everything; unless ``ok``, the longest one
            that was found.
        blocked: unless ``ok``, the first operation to return that no such order has a place for (``unknown``: that
            none was found for).
        steps, memory_bytes: what was spent.
        exhausted: ``steps``, ``memory`` or "".
    """

    verdict: Literal["ok", "illegal", "unknown"]
    order: tuple[Operation, ...]
    blocked: Operation | None
    steps: int
    memory_bytes: int
    exhausted: str = ""


def linearize(model: Model, operations: Sequence[Operation], budget: Budget | None = None) -> Linearization:
    """Look for an order of operations that belong to one part of a model."""
    return _Search(model, operations, budget or Budget()).run()


class _Search:
    def __init__(self, model: Model, operations: Sequence[Operation], budget: Budget) -> None:
        self.entries = entries = Entries(model, operations)
        self.transitions = Transitions(model, entries.samples)
        self.budget = budget
        self.steps = 0
        self.configurations_bytes = 0
        # By operations returned, operations under way that took effect, and state: the lost ones that took effect.
        self.seen: dict[tuple[int, int, int], tuple[int, ...]] = {}
        # Three rings of operations that have not taken effect, by order of beginning, each with a head that ends it.
        count = len(entries)
        self.changing, self.reading, self.lost = count, count + 1, count + 2
        self.began = [*entries.began, NEVER + 1, NEVER + 1, NEVER + 1]
        self.after, self.before = [0] * (count + 3), [0] * (count + 3)
        done = sorted(range(entries.completed), key=entries.began.__getitem__)
        self._close(self.changing, [each for each in done if not entries.reads[each]])
        self._close(self.reading, [each for each in done if entries.reads[each]])
        self._close(self.lost, list(range(entries.completed, count)))
        self.looking_lost = [each for each in range(entries.completed, count) if not entries.overwrites[each]]

    def _close(self, head: int, members: list[int]) -> None:
        ring = [head, *members, head]
        for left, right in pairwise(ring):
            self.after[left], self.before[right] = right, left

    def run(self) -> Linearization:
        """Search until there is an order, or certainly none, or the budget is spent."""
        entries, after, before, began = self.entries, self.after, self.before, self.began
        completed, bit, kind = entries.completed, entries.bit, entries.kind
        rows, work_out = self.transitions.rows, self.transitions.work_out
        frames: list[tuple[int, int, int, int, int, int, _Path]] = []
        due = bits = lost = 0
        state, path, furthest = self.transitions.initial, None, (-1, None)
        while True:
            # A configuration: all before `due` has returned; of those under way `bits`, and `lost`, took effect.
            due, bits, path = self._settle(due, bits, state, path)
            if due == completed:
                return self._found("ok", due, path)
            if due > furthest[0]:
                furthest = (due, path)
            stage, operation = (CHANGING, after[self.changing]) if entries.reads[due] else (DUE, due)
            if not self._enter(due, bits, lost, state):
                stage, operation = OTHER_LOST, self.lost
            elif exhausted := self._exhausted():
                return self._found("unknown", *furthest, exhausted)
            while True:
                bound, row = entries.ended[due], rows[state]
                while stage < OTHER_LOST or began[operation] <= bound:
                    if began[operation] > bound:
                        stage, operation = stage + 1, after[self.lost]
                        continue
                    if operation != due or stage == DUE:
                        self.steps += 1
                        target = row.get(kind[operation], UNKNOWN)
                        if target == UNKNOWN:
                            target = work_out(state, kind[operation])
                        if target >= 0 and (stage < USEFUL_LOST or self._has_turn(stage, state, target, due, lost)):
                            twin = entries.twin[operation]
                            if twin < 0 or self._is_past(twin, due, bits, lost, bound):
                                break
                    operation = after[operation if stage else self.changing]
                    stage = stage or CHANGING
                else:
                    if not frames:
                        return self._found("illegal", *furthest)
                    stage, operation, due, bits, lost, state, here = frames.pop()
                    while path is not here:
                        undone, path = path
                        after[before[undone]] = before[after[undone]] = undone
                    operation = after[operation if stage else self.changing]
                    stage = stage or CHANGING
                    continue
                break
            frames.append((stage, operation, due, bits, lost, state, path))
            after[before[operation]], before[after[operation]] = after[operation], before[operation]
            path, state = (operation, path), target
            if operation >= completed:
                lost |= bit[operation]
            else:
                bits |= bit[operation]

    def _has_turn(self, stage: int, state: int, target: int, due: int, lost: int) -> bool:
        """Say whether a lost operation is to be tried in this stage: whether somebody can notice that it happened."""
        if target == state:
            return False
        useful = not self.entries.overwrites[due] and self._allows(target, due)
        return (
            useful if stage == USEFUL_LOST else not useful and self._is_noticed(target, self.entries.ended[due], lost)
        )

    def _is_noticed(self, state: int, bound: int, lost: int) -> bool:
        """Say whether an operation that can come next is possible in a state and looks at it."""
        for head in (self.reading, self.changing):
            operation = self.after[head]
            while self.began[operation] <= bound:
                if not self.entries.overwrites[operation] and self._allows(state, operation):
                    return True
                operation = self.after[operation]
        for operation in self.looking_lost:
            if self.began[operation] > bound:
                return False
            if not lost & self.entries.bit[operation] and self._allows(state, operation):
                return True
        return False

    def _allows(self, state: int, operation: int) -> bool:
        self.steps += 1
        kind = self.entries.kind[operation]
        target = self.transitions.rows[state].get(kind, UNKNOWN)
        return (self.transitions.work_out(state, kind) if target == UNKNOWN else target) >= 0

    def _settle(self, due: int, bits: int, state: int, path: _Path) -> tuple[int, int, _Path]:
        """Place the reads that fit, and go on to the first return of an operation that has not taken effect."""
        entries, after, before, began = self.entries, self.after, self.before, self.began
        bit, kind, row = entries.bit, entries.kind, self.transitions.rows[state]
        while True:
            while due < entries.completed and bits & bit[due]:
                bits ^= bit[due]
                due += 1
            if due == entries.completed:
                return due, bits, path
            bound, operation = entries.ended[due], after[self.reading]
            while began[operation] <= bound:
                self.steps += 1
                target = row.get(kind[operation], UNKNOWN)
                if target == UNKNOWN:
                    target = self.transitions.work_out(state, kind[operation])
                if target >= 0:
                    after[before[operation]], before[after[operation]] = after[operation], before[operation]
                    bits |= bit[operation]
                    path = (operation, path)
                operation = after[operation]
            if not bits & bit[due]:
                return due, bits, path

    def _enter(self, due: int, bits: int, lost: int, state: int) -> bool:
        """Remember a configuration; False if this one, or one that used fewer lost operations, was entered before."""
        key = (due, bits, state)
        known = self.seen.get(key)
        if known is None:
            self.seen[key] = (lost,)
            self.configurations_bytes += CONFIGURATION_BYTES + (bits.bit_length() + lost.bit_length()) // 8
            return True
        self.steps += len(known)
        for each in known:
            if each & lost == each:
                return False
        self.seen[key] = (*(each for each in known if each & lost != lost), lost)
        self.configurations_bytes += CONFIGURATION_BYTES // 4 + lost.bit_length() // 8
        return True

    def _is_past(self, twin: int, due: int, bits: int, lost: int, bound: int) -> bool:
        """Say whether an operation that goes before its equal has taken effect, or cannot yet."""
        bit = self.entries.bit[twin]
        if twin >= self.entries.completed:
            return bool(lost & bit)
        return twin < due or bool(bits & bit) or self.began[twin] > bound

    @property
    def _memory_bytes(self) -> int:
        return self.configurations_bytes + self.transitions.memory_bytes

    def _exhausted(self) -> str:
        if self.steps > self.budget.steps:
            return "steps"
        return "memory" if self._memory_bytes > self.budget.memory_bytes else ""

    def _found(
        self, verdict: Literal["ok", "illegal", "unknown"], due: int, path: _Path, exhausted: str = ""
    ) -> Linearization:
        order = []
        while path is not None:
            operation, path = path
            order.append(self.entries.operations[operation])
        blocked = None if verdict == "ok" else self.entries.operations[due]
        return Linearization(verdict, tuple(reversed(order)), blocked, self.steps, self._memory_bytes, exhausted)
