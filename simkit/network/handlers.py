"""Which method of a node handles which message, and how many at a time.

A method marked with `handles` runs as one task for each message, or, with ``serial=True``, one message after the
other. A method that is no coroutine function runs at once, without a task.

It deliberately matches the exact type of a message, not its bases.
"""

import inspect
import logging
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from simkit.network.errors import Refused, RemoteError
from simkit.network.message import Message, MessageType

if TYPE_CHECKING:
    from simkit.kernel import HostLoop

Function = TypeVar("Function", bound=Callable[..., Any])
_MARK = "__simkit_handles__"
_log = logging.getLogger(__name__)


class Failure(Message, tag="simkit.failure/1"):
    """The answer to a request whose handler raised."""

    type_name: str
    text: str


class Done(Message, tag="simkit.done/1"):
    """The answer to a request whose handler returned None."""


class Origin(NamedTuple):
    """Where a message came from; `answer` sends the reply, None if none is wanted."""

    source: str
    answer: Callable[[Message], None] | None


current_origin: ContextVar[Origin] = ContextVar("current_origin")
"""Where the message came from that is being handled."""


def handles(*kinds: type[Message], serial: bool = False) -> Callable[[Function], Function]:
    """Mark a method as the handler of messages of the given types; `serial` means one at a time, in order."""
    for kind in kinds:
        if not isinstance(kind, MessageType):
            raise TypeError(f"handles() takes message types, {kind!r} is none")
    if not kinds:
        raise TypeError("handles() needs at least one message type")

    def mark(function: Function) -> Function:
        setattr(function, _MARK, (kinds, serial))
        return function

    return mark


class Handler:
    """One marked method of one node."""

    __slots__ = ("_busy", "_function", "_is_coroutine", "_logged", "_loop", "_queue")

    def __init__(self, function: Callable[[Any], Any], serial: bool, loop: "HostLoop") -> None:
        self._function = function
        self._loop = loop
        self._is_coroutine = inspect.iscoroutinefunction(function)
        self._queue: deque[tuple[Message, Origin]] | None = deque() if serial and self._is_coroutine else None
        self._busy = False
        self._logged: set[type[Exception]] = set()

    def take(self, message: Message, origin: Origin) -> None:
        """Handle a message, now or after those before it."""
        if not self._is_coroutine:
            self._handle_at_once(message, origin)
        elif self._queue is None:
            self._loop.create_task(self._handle(message, origin))
        else:
            self._queue.append((message, origin))
            if not self._busy:
                self._busy = True
                self._loop.create_task(self._handle_queue(self._queue))

    def _handle_at_once(self, message: Message, origin: Origin) -> None:
        current_origin.set(origin)
        try:
            reply = self._function(message)
        except Exception as error:
            self._failed(message, origin, error)
        else:
            self._answer(message, origin, reply)

    async def _handle(self, message: Message, origin: Origin) -> None:
        current_origin.set(origin)
        try:
            reply = await self._function(message)
        except Exception as error:
            self._failed(message, origin, error)
        else:
            self._answer(message, origin, reply)

    async def _handle_queue(self, queue: deque[tuple[Message, Origin]]) -> None:
        try:
            while queue:
                await self._handle(*queue.popleft())
        finally:
            self._busy = False

    def _answer(self, message: Message, origin: Origin, reply: object) -> None:
        if origin.answer is None:
            return
        if reply is None:
            origin.answer(Done())
        elif isinstance(reply, Message):
            origin.answer(reply)
        else:
            text = f"the handler of {message.wire_tag} returned a {type(reply).__name__}, which is no message"
            self._failed(message, origin, TypeError(text))

    def _failed(self, message: Message, origin: Origin, error: Exception) -> None:
        if origin.answer is not None:
            if not isinstance(error, Refused) and type(error) not in self._logged:
                # The caller may take it for an answer like any other; somebody has to see the mistake.
                self._logged.add(type(error))
                _log.error("the handler of %s from %s raised", message.wire_tag, origin.source, exc_info=error)
            origin.answer(Failure(type(error).__name__, str(error)))
        elif not isinstance(error, Refused):
            # Nobody waits for an answer, so nobody else would ever hear of it.
            what = f"the handler of {message.wire_tag} from {origin.source} raised"
            self._loop.call_exception_handler({"message": what, "exception": error})


def handlers_of(owner: object, loop: "HostLoop") -> dict[type[Message], Handler]:
    """Return the handlers among the methods of `owner`; TypeError if two are marked for one message type."""
    found: dict[type[Message], Handler] = {}
    names: dict[str, None] = {}
    for kind in reversed(type(owner).__mro__):
        names.update(dict.fromkeys(vars(kind)))
    for name in names:
        marked = getattr(getattr(type(owner), name, None), _MARK, None)
        if marked is None:
            continue
        kinds, serial = marked
        handler = Handler(getattr(owner, name), serial, loop)
        for kind in kinds:
            if kind in found:
                raise TypeError(f"{type(owner).__name__} has two handlers of {kind.wire_tag}")
            found[kind] = handler
    return found


def checked_reply(target: str, reply: Message, expect: type[Message] | None) -> Message | None:
    """Return a reply as the caller of a request wants it; RemoteError or TypeError if it is none of that."""
    if isinstance(reply, Failure):
        raise RemoteError(target, reply.type_name, reply.text)
    if expect is not None and not isinstance(reply, expect):
        raise TypeError(f"{target} answered with {reply.wire_tag}, not with {expect.wire_tag}")
    return None if isinstance(reply, Done) else reply
