"""Real threads that a run has brought about, and the error when they are all that is left to wait for.

Host code cannot start a thread. What it calls can: a module that it imports first, a thread that such a module started,
a C extension. They run in real time, and a world whose queue is empty would let the rest of its time pass without them.
So a world that runs dry while such a thread lives ends with an error that names it and the line that started it.

It deliberately does not wait for them, and does not mind those that lived before the world began to run.
"""

import _thread
import threading

from simkit.kernel.fence.diversion import divert
from simkit.kernel.fence.refusal import RealWorldReached, offending_lines, refuse
from simkit.kernel.fence.whereabouts import beginnings, here, step_in, step_out
from simkit.kernel.loop import HostLoop

_INSTEAD = "a real thread would leave virtual time; await asyncio.to_thread, which runs inline"

_started: dict[threading.Thread, str] = {}
"""Where each thread was started while a world ran."""


def living() -> list[tuple[str, str]]:
    """Return name and place of every thread that was started while a world ran and still lives."""
    for thread in [thread for thread in _started if not thread.is_alive()]:
        del _started[thread]
    return [(thread.name, place) for thread, place in _started.items()]


def refuse_dry(control: HostLoop) -> None:
    """Raise `RealWorldReached` if a real thread lives; called when a world has nothing left to do."""
    threads = living()
    if threads:
        named = "; ".join(f"{name!r}, started at {place}" for name, place in threads[:4])
        text = f"nothing is left to do in virtual time while a real thread lives: {named}"
        raise RealWorldReached(text, "", control.world.now_ns, threads[0][1])


def install() -> None:
    """Refuse threads of host code, and remember the others that are started while a world runs."""
    for name in ("start_new_thread", "start_new", "start_joinable_thread"):
        divert(_thread, name, lambda loop, *_, **__: refuse(loop, "starting a thread", _INSTEAD))
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        loop = here()
        if loop is not None:
            refuse(loop, f"starting thread {self.name!r}", _INSTEAD)
        counted = step_out()
        step_in(counted)
        if counted or threading.current_thread() in _started:
            _started[self] = offending_lines()[0]
        real(self)

    threading.Thread.start = start  # type: ignore[method-assign]
    # What an earlier run has left behind is not the next one's.
    beginnings.append(lambda _: _started.clear())
