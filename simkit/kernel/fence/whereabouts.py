"""Whose code runs now: a host's, the framework's outside of every host, or nobody's of any world.

Everything that the fence decides begins with this question. A world says when it begins and ends to run (`enter`,
`leave`), and whose turn it is (`turn`): a host's, or its own control loop's while the collector runs between two turns.
`outside` steps out of that for a while: modules are imported outside, and whoever in the framework really wants the
machine says so. Other threads are always outside.

It deliberately knows nothing of clocks, randomness or files; it is the same question for all of them.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import get_ident
from typing import Any

from simkit.kernel.loop import HostLoop

PURE_PYTHON = "SIMKIT_PURE_PYTHON"
"""With this in the environment the compiled module is left aside, as when it could not be built."""

compiled: Any = None
if not os.environ.get(PURE_PYTHON):
    with suppress(ImportError):
        compiled = import_module("simkit.kernel.fence._diversion")

beginnings: list[Callable[[HostLoop], None]] = []
"""Called with a world's control loop before the world runs for the first time."""

Before = Any


class _Interpreted:
    """The same functions as the compiled module's, for installations without it."""

    def __init__(self) -> None:
        self._turning: HostLoop | None = None
        self._thread = 0
        self._outside = 0

    def here(self) -> HostLoop | None:
        return None if self._turning is None or self._outside or get_ident() != self._thread else self._turning

    def enter(self, loop: HostLoop) -> Before:
        before = self._turning, self._thread, self._outside
        self._turning, self._thread, self._outside = loop, get_ident(), 0
        return before

    def turn(self, loop: HostLoop) -> None:
        self._turning = loop

    def leave(self, before: Before) -> None:
        self._turning, self._thread, self._outside = before

    def step_out(self) -> bool:
        counted = self._turning is not None and get_ident() == self._thread
        self._outside += counted
        return counted

    def step_in(self, counted: bool) -> None:
        self._outside -= counted


_functions: Any = compiled or _Interpreted()
here: Callable[[], HostLoop | None] = _functions.here
"""Return the loop of the host whose code runs now, the world's control loop between two turns, or None outside."""
enter: Callable[[HostLoop], Before] = _functions.enter
"""Begin to run a world on this thread, with its control loop; return what `leave` wants."""
turn: Callable[[HostLoop], None] = _functions.turn
"""Give the turn to a loop of the world that runs."""
leave: Callable[[Before], None] = _functions.leave
step_out: Callable[[], bool] = _functions.step_out
"""Leave host code for a while; return what `step_in` wants."""
step_in: Callable[[bool], None] = _functions.step_in


@contextmanager
def outside() -> Iterator[None]:
    """Be outside of every host for a while: real clock, real files, nothing refused."""
    counted = step_out()
    try:
        yield
    finally:
        step_in(counted)
