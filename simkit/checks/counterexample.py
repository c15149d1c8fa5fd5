"""Why a history cannot be linearized: the operation without a place, and the few others that leave it none.

The core is found by delta debugging (Zeller and Hildebrandt, 2002). Leaving an operation out would not do: without the
write of 3 any read of 3 is wrong. So an operation is not left out but *set free*: it may take effect at any time after
it began, with any outcome, or never. If the history still has no order then, that operation is no part of the reason,
and what is left contradicts itself whatever the freed ones did.

It deliberately promises only what the budget allowed: `minimal` says whether every operation of the core is known to be
needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from simkit.checks.linearization import Budget, Linearization, linearize
from simkit.checks.model import Model
from simkit.observe.history import Operation

STEPS_EACH = 50_000
STEPS_TOTAL = 1_000_000


@dataclass(frozen=True)
class Counterexample:
    """A contradiction within a history.

    Attributes:
        blocked: the operation without a place.
        core: the operations that contradict each other, `blocked` among them, in order of beginning.
        freed: how many others took part before `blocked` returned; the core is wrong whatever they did.
        order: the longest order that was found, which has no place for `blocked`.
        minimal: whether the core would be no contradiction without any one of its members.
    """

    blocked: Operation
    core: tuple[Operation, ...]
    freed: int
    order: tuple[Operation, ...]
    minimal: bool


def counterexample(model: Model, operations: Sequence[Operation], found: Linearization) -> Counterexample:
    """Return the smallest contradiction that the budget finds in a history that `linearize` called illegal."""
    blocked = found.blocked
    if found.verdict != "illegal" or blocked is None or blocked.ended is None:
        raise ValueError("only a history that has no order has a counterexample")
    # What began later cannot matter: the search met the contradiction without it.
    part = [each for each in operations if each.outcome != "fail" and each.began <= blocked.ended]
    part.sort(key=lambda each: each.began)
    search = _Shrinking(model, blocked, part)
    search.shrink()
    core = (*(each for each in part if each in search.held or each is blocked),)
    return Counterexample(blocked, core, len(part) - len(core), found.order, search.minimal)


class _Shrinking:
    def __init__(self, model: Model, blocked: Operation, part: list[Operation]) -> None:
        self.model, self.blocked, self.part = model, blocked, part
        self.held = {each for each in part if each.ended is not None and each is not blocked}
        self.steps_left = STEPS_TOTAL
        self.minimal = True

    def shrink(self) -> None:
        """Set free whatever can be: big pieces first, then smaller ones, then one by one."""
        # Those that were still under way when the blocked one returned are the least likely to matter.
        later = [each for each in self.part if each in self.held and (each.ended or 0) > (self.blocked.ended or 0)]
        self._free(later)
        # Reads first: without them the search has less to look at, where freed writes give it more.
        self._free_pieces([each for each in self.part if self.model.reads(each)])
        self._free_pieces(self.part)

    def _free_pieces(self, some: Sequence[Operation]) -> None:
        size = max(1, sum(each in self.held for each in some) // 2)
        while True:
            rest = [each for each in some if each in self.held]
            for start in range(0, len(rest), size):
                self._free(rest[start : start + size], last=size == 1)
            if size == 1:
                return
            size = max(1, min(size // 2, len(rest) // 2))

    def _free(self, some: Sequence[Operation], *, last: bool = False) -> None:
        if not some:
            return
        held = self.held - set(some)
        steps = min(STEPS_EACH, self.steps_left)
        verdict = "unknown"
        if steps > len(self.part):
            freed = [each if each in held or each is self.blocked else _freed(each) for each in self.part]
            found = linearize(self.model, freed, Budget(steps=steps))
            verdict = found.verdict
            self.steps_left -= found.steps + len(self.part)
        if verdict == "illegal":
            self.held = held
        elif verdict == "unknown" and last:
            self.minimal = False


def _freed(operation: Operation) -> Operation:
    return Operation.past(operation.process, operation.function, operation.input, began=operation.began)
