"""Signals of a simulated process: the handlers of host code, and what a signal does.

`signal.signal`, `getsignal` and `raise_signal` concern the whole interpreter, which all hosts share; in host code they
concern the host's process alone. `loop.add_signal_handler` writes into the same table, as it does in CPython.

It deliberately sends nothing by itself: SIGTERM comes from the fault `stop`, everything else from the program.
"""

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simkit.kernel.fence import here

if TYPE_CHECKING:
    from simkit.kernel.loop import HostLoop

Handler = Callable[[int, Any], Any] | int | signal.Handlers | None
_HARMLESS = frozenset({signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT})
_FATAL = frozenset({signal.SIGKILL, signal.SIGSTOP})


def default(number: int) -> Handler:
    """Return what Python installs for a signal when a process starts."""
    if number == signal.SIGINT:
        return signal.default_int_handler
    return signal.SIG_IGN if number == signal.SIGPIPE else signal.SIG_DFL


def handler_of(loop: "HostLoop", number: int) -> Handler:
    """Return the handler of a host's process."""
    handler: Handler = loop.signal_handlers.get(number, default(number))
    return handler


def deliver(loop: "HostLoop", number: int) -> None:
    """Do what a signal does to the process, within host code: call its handler, nothing, or end the process."""
    handler = handler_of(loop, number)
    if callable(handler):
        handler(number, None)
    elif handler == signal.SIG_DFL and number not in _HARMLESS:
        if loop.host is None:
            raise RuntimeError(f"{signal.Signals(number).name} would end the process")
        loop.host.ended_by_signal(number)


def _checked(number: int) -> int:
    number = int(number)
    if not 1 <= number < signal.NSIG:
        raise ValueError("signal number out of range")
    return number


def _replace(name: str, on_host: Callable[..., Any]) -> None:
    real = getattr(signal, name)

    def function(*arguments: Any, **options: Any) -> Any:
        loop = here()
        return real(*arguments, **options) if loop is None else on_host(loop, *arguments, **options)

    function.__name__ = function.__qualname__ = name
    setattr(signal, name, function)


def _signal(loop: "HostLoop", signalnum: int, handler: Handler) -> Handler:
    number = _checked(signalnum)
    if number in _FATAL:
        raise OSError(22, "Invalid argument")
    if not callable(handler) and handler not in (signal.SIG_IGN, signal.SIG_DFL):
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    before = handler_of(loop, number)
    loop.signal_handlers[number] = handler
    return before


def install() -> None:
    """Change the functions, once in an interpreter."""
    if getattr(signal.signal, "__module__", None) == __name__:
        return
    _replace("signal", _signal)
    _replace("getsignal", lambda loop, signalnum: handler_of(loop, _checked(signalnum)))
    _replace("raise_signal", lambda loop, signalnum: deliver(loop, _checked(signalnum)))
