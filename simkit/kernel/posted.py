"""What a host receives from outside: a message, a fault, an arrival.

Twin of `core/handles.c`, which makes it where the compiled core runs.

It deliberately has no context of its own: what is received runs in the receiver's, so that tracing spans and the like
do not travel from host to host by themselves.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simkit.kernel.core import compiled
from simkit.kernel.handles import receiving_failed

if TYPE_CHECKING:
    from simkit.kernel.loop import HostLoop


class Posted:
    """Something a host receives: `world.post` returns it, `cancel` takes it back."""

    __slots__ = ("_args", "_callback", "_cancelled", "_loop", "_scheduled")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...], loop: "HostLoop") -> None:
        self._callback = callback
        self._args = args
        self._loop = loop
        self._cancelled = False
        self._scheduled = False  # it waits in the world's queue for a later instant

    def cancel(self) -> None:
        """Let it not happen."""
        if self._scheduled and not self._cancelled:
            self._loop.world.timer_cancelled()
        self._cancelled = True

    def _run(self) -> None:
        try:
            loop = self._loop
            context = loop._context
            if context is None:
                context = loop.context
            context.run(self._callback, *self._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            receiving_failed(self._loop, error)


if compiled is not None:
    Posted = compiled.Posted  # type: ignore[misc]
