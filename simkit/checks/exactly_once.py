"""Exactly once: effects are counted by identity, and what was promised has taken place by the end.

A system marks the methods that see its events and calls `took_effect` and, if it claims more than at most once,
`promised`:

    class ShippedOnce(ExactlyOnce):
        \"\"\"Every acknowledged order is shipped, and shipped once.\"\"\"

        name = "shipped_once"

        @sees(OrderAcknowledged)
        def _acknowledged(self, time_ns: int, host: str, event: OrderAcknowledged) -> None:
            self.promised(time_ns, host, event.order)

        @sees(OrderShipped)
        def _shipped(self, time_ns: int, host: str, event: OrderShipped) -> None:
            self.took_effect(time_ns, host, event.order)

It deliberately does not look at deliveries: something may be delivered and tried as often as it likes.
"""

from collections.abc import Hashable
from typing import ClassVar

from simkit.checks.check import Check, Step
from simkit.checks.model import plain

IDENTITIES_MAX = 1_000_000


class ExactlyOnce(Check):
    """No effect takes place twice, and none that was promised is missing at the end.

    Attributes:
        identities_max: how many effects are told apart; with more the verdict is unknown.
    """

    identities_max: ClassVar[int] = IDENTITIES_MAX

    def __init__(self) -> None:
        super().__init__()
        self.effects = 0
        self.twice = 0
        self.promises = 0
        self._seen: dict[Hashable, tuple[int, Step]] = {}
        self._open: dict[Hashable, Step] = {}

    @property
    def holds(self) -> bool:
        """Whether everything that was promised so far has taken effect, once."""
        return not self.violations_total and not self._open

    def promised(self, time_ns: int, host: str, identity: Hashable) -> None:
        """Note that an effect must take place before the run ends; it may have done so already."""
        self.promises += 1
        if identity not in self._seen and identity not in self._open and self._has_room():
            self._open[identity] = Step(time_ns, host, f"{plain(identity)} is promised")

    def took_effect(self, time_ns: int, host: str, identity: Hashable) -> None:
        """Note an effect; a violation if it is not the first one of this identity."""
        self.effects += 1
        promise = self._open.pop(identity, None)
        known = self._seen.get(identity)
        if known is None:
            if self._has_room():
                self._seen[identity] = (1, Step(time_ns, host, f"{plain(identity)} takes effect"))
            return
        times, first = known[0] + 1, known[1]
        self._seen[identity] = (times, first)
        self.twice += times == 2
        text = f"{plain(identity)} took effect {'twice' if times == 2 else f'{times} times'}"
        steps = [step for step in (promise, first) if step is not None]
        self.violated(time_ns, host, text, *steps, Step(time_ns, host, f"{plain(identity)} takes effect again"))

    def _has_room(self) -> bool:
        if len(self._seen) + len(self._open) < self.identities_max:
            return True
        self.undecided = f"more than {self.identities_max:,} effects to tell apart"
        return False

    def conclude(self, end_ns: int) -> None:
        if not self.undecided:
            for identity, step in self._open.items():
                self.violated(end_ns, step.host, f"{plain(identity)} was promised and never took effect", step)

    def summary(self) -> str:
        missing = f", {len(self._open):,} of {self.promises:,} promised missing" if self.promises else ""
        return f"{self.effects:,} effects, {self.twice:,} more than once{missing}"
