"""What would make the whole process wait: refused in host code, because every host would stand still with it.

A lock that is free is taken as ever. One that is held could only be released by the code that waits for it, so that
waiting is an error with the line instead of a hang; the same for an empty queue, `select`, and sleeping.

It deliberately lets executors run: their work is done inline, and a loop that gives sleeping a price while it does that
work says so by its attribute `inline_sleep`.
"""

import _locale
import _queue
import _socket
import _thread
import os
import queue
import select
import signal
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from simkit.kernel.fence.diversion import divert
from simkit.kernel.fence.refusal import refuse
from simkit.kernel.loop import HostLoop

_NEVER = "nothing else runs while host code waits; use the asyncio one"


def _sleep(loop: HostLoop, seconds: float) -> None:
    inline_sleep: Callable[[float], None] | None = getattr(loop, "inline_sleep", None)
    if inline_sleep is None:
        refuse(loop, "time.sleep", "it would stop every host; await asyncio.sleep(seconds)")
    inline_sleep(seconds)


def _divert_locks() -> None:
    lock_type = type(_thread.allocate_lock())

    def acquire(loop: HostLoop, lock: Any, blocking: bool = True, timeout: float = -1) -> bool:
        taken: bool = take(lock, False)
        if not taken and blocking and timeout != 0:
            refuse(loop, "waiting for a threading lock that is held", _NEVER)
        return taken

    take = divert(lock_type, "acquire", acquire)
    divert(lock_type, "acquire_lock", acquire)
    divert(lock_type, "__enter__", acquire)


def _divert_queues() -> None:
    def get(loop: HostLoop, waiting: Any, block: bool = True, timeout: float | None = None) -> Any:
        try:
            return take(waiting, False)
        except queue.Empty:
            if not block or timeout == 0:
                raise
            refuse(loop, "waiting for an empty queue.SimpleQueue", _NEVER)

    take = divert(_queue.SimpleQueue, "get", get)


def _divert_locale() -> None:
    def setlocale(loop: HostLoop, category: int, name: str | None = None) -> Any:
        if name is not None:
            refuse(loop, f"setlocale(..., {name!r})", _PROCESS_WIDE + "format without a locale")
        return real(category)

    real = divert(_locale, "setlocale", setlocale)


def _refusing(what: str, instead: str) -> Callable[..., Any]:
    def refusing(loop: HostLoop, *_: object, **__: object) -> NoReturn:
        refuse(loop, what, instead)

    return refusing


_PROCESS_WIDE = "it concerns the whole process, which all hosts share; "
_REFUSED: tuple[tuple[Any, tuple[str, ...], str], ...] = (
    (select, ("select",), _NEVER),
    (signal, ("alarm", "setitimer"), _PROCESS_WIDE + "use loop.call_later, or a fault of the scenario"),
    (signal, ("pause", "sigwaitinfo", "sigtimedwait"), _NEVER),
    (os, ("_exit", "abort"), _PROCESS_WIDE + "return from the program, or raise"),
    (os, ("wait", "wait3", "wait4", "waitpid", "waitid"), "a host has no child processes"),
    (time, ("tzset",), _PROCESS_WIDE + "a host's time zone is UTC"),
    (_socket.socket, ("listen", "_accept"), "use asyncio.start_server"),
    (_socket.socket, ("send", "sendall", "recv", "recv_into", "recvfrom", "recvfrom_into"), "use asyncio streams"),
)


def install() -> None:
    """Divert what waits, and what concerns the whole process."""
    divert(time, "sleep", _sleep)
    _divert_locks()
    _divert_queues()
    _divert_locale()
    for owner, names, instead in _REFUSED:
        for name in names:
            divert(owner, name, _refusing(f"{owner.__name__}.{name}", instead))
    for name in ("poll", "epoll"):
        if hasattr(select, name):
            poll = select.poll() if name == "poll" else select.epoll
            divert(poll if isinstance(poll, type) else type(poll), "poll", _refusing(f"select.{name}", _NEVER))
    for module, name in (("_posixsubprocess", "fork_exec"), ("_posixshmem", "shm_open")):
        try:
            divert(import_module(module), name, _refusing(name, "a host is one process; use more hosts"))
        except ImportError:
            continue
