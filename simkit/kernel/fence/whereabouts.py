"""Whose code runs now: a host's, the framework's outside of every host, or nobody's of any world.

Everything that the fence decides begins with this question. A world says when it begins and ends to run (`enter`,
`leave`); in between, the code on its thread is a host's, that of the loop asyncio calls running, and between two turns
the world's own control loop's. `outside` steps out of that for a while: modules are imported outside, and whoever in
the framework really wants the machine says so. Other threads are always outside.

It deliberately knows nothing of clocks, randomness or files; it is the same question for all of them.
"""

import os
from asyncio import events
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
    """The same four functions as the compiled module's, for installations without it."""

    def __init__(self) -> None:
        self._state: tuple[HostLoop | None, int, int] = (None, 0, 0)  # control loop, thread, times stepped out

    def here(self) -> HostLoop | None:
        control, thread, outside = self._state
        if control is None or outside or get_ident() != thread:
            return None
        loop = events._get_running_loop()
        return loop if isinstance(loop, HostLoop) else control

    def enter(self, control: HostLoop) -> Before:
        before, self._state = self._state, (control, get_ident(), 0)
        return before

    def leave(self, before: Before) -> None:
        self._state = before

    def step_out(self) -> bool:
        control, thread, outside = self._state
        if control is None or get_ident() != thread:
            return False
        self._state = control, thread, outside + 1
        return True

    def step_in(self, counted: bool) -> None:
        control, thread, outside = self._state
        self._state = control, thread, outside - counted


if compiled is None:
    _interpreted = _Interpreted()
    here: Callable[[], HostLoop | None] = _interpreted.here
    enter: Callable[[HostLoop], Before] = _interpreted.enter
    leave: Callable[[Before], None] = _interpreted.leave
    step_out, step_in = _interpreted.step_out, _interpreted.step_in
else:
    compiled.know(events._get_running_loop, HostLoop)
    here, enter, leave = compiled.here, compiled.enter, compiled.leave
    step_out, step_in = compiled.step_out, compiled.step_in


@contextmanager
def outside() -> Iterator[None]:
    """Be outside of every host for a while: real clock, real files, nothing refused."""
    counted = step_out()
    try:
        yield
    finally:
        step_in(counted)
