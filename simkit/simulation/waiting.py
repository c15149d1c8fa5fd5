"""How asyncio waits for SimPy and SimPy for asyncio.

A SimPy event becomes a future of the host's loop, a future becomes a SimPy event; values and exceptions pass through.

It deliberately leaves SimPy's classes alone: an event cannot be awaited by itself, because that would need a changed
`simpy.Event`.
"""

import asyncio
from typing import Any

import simpy

from simkit.kernel import Future, HostLoop


class EventFuture(Future):
    """A future for what a SimPy event brings."""

    __slots__ = ("_event",)

    def __init__(self, loop: HostLoop, event: simpy.Event) -> None:
        super().__init__(loop=loop)
        self._event = event
        if event.processed:
            self._settle(event)
        else:
            event.callbacks.append(self._settle)

    def _settle(self, event: simpy.Event) -> None:
        if self.done():
            return
        if event.ok:
            self.set_result(event.value)
        else:
            event.defused = True
            error: Any = event.value
            self.set_exception(error)

    def cancel(self, msg: Any = None) -> bool:
        """Stop waiting; the event itself goes on."""
        # What nobody waits for any more must not look handled when it fails; and an event may outlive many waits.
        event = self._event
        if not event.processed and self._settle in event.callbacks:
            event.callbacks.remove(self._settle)
        return super().cancel(msg=msg)


def event_of(environment: simpy.Environment, future: "asyncio.Future[Any]") -> simpy.Event:
    """Return an event that brings what a future brings."""
    event = simpy.Event(environment)

    def settle(done: "asyncio.Future[Any]") -> None:
        if event.triggered:
            return  # somebody else decided it
        try:
            value = done.result()
        except BaseException as error:
            event.fail(_as_simpy_can_throw(error))
        else:
            event.succeed(value)

    future.add_done_callback(settle)
    return event


def _as_simpy_can_throw(error: BaseException) -> Any:
    """Return the error, or one that tells of it where SimPy could not copy it for the process that gets it."""
    try:
        type(error)(*error.args)
    except Exception:
        told = RuntimeError(repr(error))
        told.__cause__ = error
        return told
    return error
