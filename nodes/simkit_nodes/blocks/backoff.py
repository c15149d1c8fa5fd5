"""Exponential backoff with jitter: how long to wait before trying again.

Stateless: the caller keeps the attempt number and, for decorrelated jitter, the last delay. It does not sleep, retry
or budget.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015), whose names and formulas these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Jitter(StrEnum):
    """How much of the delay is chance."""

    NONE = "none"
    EQUAL = "equal"
    FULL = "full"
    DECORRELATED = "decorrelated"


class Uniform(Protocol):
    """A random stream; `simkit.kernel.stream.Stream` is one."""

    def uniform(self, low: float, high: float, /) -> float: ...


@dataclass(frozen=True)
class Backoff:
    """Delays that start at `base_ns`, double with each attempt and stop growing at `cap_ns`."""

    base_ns: int
    cap_ns: int
    jitter: Jitter = Jitter.FULL

    def __post_init__(self) -> None:
        if not 0 < self.base_ns <= self.cap_ns:
            raise ValueError("backoff needs 0 < base <= cap")

    def ceiling_ns(self, attempt: int) -> int:
        """min(cap, base * 2**(attempt - 1)), the delay after `attempt` failures (from 1) without jitter."""
        if attempt < 1:
            raise ValueError("attempts are counted from 1")
        return min(self.cap_ns, self.base_ns << min(attempt - 1, 64))

    def bounds_ns(self, attempt: int) -> tuple[int, int]:
        """The least and the most that `delay_ns` can return after `attempt` failures."""
        ceiling = self.ceiling_ns(attempt)
        match self.jitter:
            case Jitter.NONE:
                return ceiling, ceiling
            case Jitter.EQUAL:
                return ceiling - ceiling // 2, ceiling
            case Jitter.FULL:
                return 0, ceiling
            case Jitter.DECORRELATED:
                return self.base_ns, min(self.cap_ns, self.base_ns * 3 ** min(attempt, 64))

    def delay_ns(self, attempt: int, stream: Uniform, last_ns: int = 0) -> int:
        """The delay after `attempt` failures. Takes exactly one draw whatever the jitter, so that comparing modes moves
        nothing else; `last_ns` is the previous delay (decorrelated only)."""
        draw = stream.uniform(0.0, 1.0)
        lower, upper = self.bounds_ns(attempt)
        if self.jitter is Jitter.DECORRELATED:
            upper = min(upper, max(self.base_ns, last_ns) * 3)
        return min(upper, lower + int(draw * (upper - lower + 1)))
