"""Convergence: when nothing is written any more, all replicas come to the same state.

A system marks the methods that see its events and calls `replica` with each state that a replica tells (a digest of it
is enough), `disturbed` for each update, and `left` when a replica is gone. As ``eventually CHECK within 30s`` it asks
whether all replicas agree at some moment after the last fault healed; as ``always CHECK`` whether they agree whenever
it has been quiet for `quiet_s`.

It deliberately says nothing about *which* state they agree on: replicas that all forgot everything have converged.
"""

from collections.abc import Hashable
from typing import ClassVar

from simkit.checks.check import Check, Step
from simkit.checks.model import plain
from simkit.observe.moment import NANOSECONDS, span


class Convergence(Check):
    """Replicas that hear of no more updates agree.

    Attributes:
        quiet_s: for how long nothing must have disturbed them before they have to agree, for ``always``.
        replicas_min: how many must have told their state before they can agree, for ``eventually``.
    """

    quiet_s: ClassVar[float] = 30.0
    replicas_min: ClassVar[int] = 2

    def __init__(self) -> None:
        super().__init__()
        self.updates = 0
        self._states: dict[str, tuple[Hashable, Step]] = {}
        self._disturbed_ns = 0
        self._told = False

    @property
    def holds(self) -> bool:
        """Whether all replicas that told their state agree."""
        return len(self._states) >= self.replicas_min and self._count <= 1

    # What held until now is judged before each change: it may be the one that begins to mend it.

    def replica(self, time_ns: int, host: str, state: Hashable) -> None:
        """Note the state of the replica on a host."""
        self._judge(time_ns)
        self._states[host] = (state, Step(time_ns, host, f"{host} is at {plain(state)}"))

    def disturbed(self, time_ns: int) -> None:
        """Note an update, of which replicas may need time to hear."""
        self._judge(time_ns)
        self.updates += 1
        self._disturbed_ns, self._told = time_ns, False

    def left(self, time_ns: int, host: str) -> None:
        """Note that a replica is gone; it counts again when it tells its state."""
        self._judge(time_ns)
        self._states.pop(host, None)

    def conclude(self, end_ns: int) -> None:
        self._judge(end_ns)

    @property
    def _count(self) -> int:
        return len({state for state, _ in self._states.values()})

    def _judge(self, now_ns: int) -> None:
        quiet_ns = round(self.quiet_s * NANOSECONDS)
        due_ns = self._disturbed_ns + quiet_ns
        if self._told or now_ns <= due_ns or self._count <= 1:
            return
        self._told = True
        told = sorted((step for _, step in self._states.values()), key=lambda step: step.time_ns)
        text = f"{len(told)} replicas are in {self._count} states after {span(quiet_ns)} of quiet"
        self.violated(due_ns, told[-1].host, text, *told)

    def summary(self) -> str:
        agree = "agree" if self._count <= 1 else f"are in {self._count} states"
        return f"{self.updates:,} updates, {len(self._states)} replicas {agree}"
