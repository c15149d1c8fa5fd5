"""What a loop gives to those who call `call_at`, and what becomes of an exception in a callback.

Both cores use these: the compiled one fills and reads the slots of handles and timers by their place in the object.

It deliberately decides nothing about order; that is the business of `turns` and `agenda`.
"""

import asyncio
import contextvars
from asyncio import events, format_helpers
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simkit.kernel.loop import HostLoop


class Timer(events.TimerHandle):
    """What `call_at` returns; `deadline_ns` is in the host's monotonic time."""

    __slots__ = ("deadline_ns", "sequence")

    _loop: "HostLoop"

    def __init__(
        self,
        when: float,
        deadline_ns: int,
        sequence: int,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: "HostLoop",
        context: Context | None,
    ) -> None:
        # What the initialisers of TimerHandle and Handle do, in one call instead of three.
        self._context = contextvars.copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when
        self.deadline_ns = deadline_ns
        self.sequence = sequence
        self._scheduled = True

    def order(self) -> tuple[int, int]:
        """Return the place among the timers that fall due together."""
        return self.deadline_ns, self.sequence


def handle_failed(handle: Any, error: BaseException) -> None:
    """Tell the loop of an exception in a callback, as `Handle._run` does."""
    callback = format_helpers._format_callback_source(handle._callback, handle._args)
    text = f"Exception in callback {callback}"
    handle._loop.call_exception_handler({"message": text, "exception": error, "handle": handle})


def receiving_failed(loop: "HostLoop", error: BaseException) -> None:
    """Tell the loop of an exception in what a host has received."""
    loop.call_exception_handler({"message": "exception while receiving", "exception": error})


def set_unless_done(future: "asyncio.Future[None]") -> None:
    """Set the result of a sleep's future."""
    if not future.done():
        future.set_result(None)
