"""The one task type, and the one future type, of every host's loop.

`Task` is a true subclass of `asyncio.Task` that steps its coroutine itself: it never runs the initialiser of the C
task, only that of the future underneath, so that task groups, timeouts, gather, shield and all_tasks work while the
kernel keeps the order of steps. Both types hash by a serial number, because the order of a set of address-hashed tasks
would differ from process to process.

Twin of `core/task.c`, which takes the place of both where the compiled core runs. They deliberately have no eager
start, and no debug mode.
"""

import asyncio
import sys
from asyncio import CancelledError
from asyncio.tasks import _enter_task, _leave_task, _register_task
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from heapq import heappush
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from simkit.kernel.all_tasks import REGISTERS
from simkit.kernel.core import compiled

if TYPE_CHECKING:
    from simkit.kernel.loop import HostLoop


class _CurrentTasks:
    """The tasks that run now, by loop, where asyncio keeps them elsewhere than in a table (since Python 3.14)."""

    def __setitem__(self, loop: Any, task: asyncio.Task[Any]) -> None:
        _enter_task(loop, task)

    def __delitem__(self, loop: Any) -> None:
        _leave_task(loop, asyncio.current_task(loop))  # type: ignore[arg-type]

    def get(self, loop: Any) -> asyncio.Task[Any] | None:
        return None if loop is None else asyncio.current_task(loop)


current_tasks: Any = asyncio.tasks._current_tasks if sys.version_info < (3, 14) else _CurrentTasks()  # type: ignore[attr-defined]


class _SerialHash:
    """Hashes by a number that is taken from the world when the hash is first asked for."""

    __slots__ = ()

    def __hash__(self: Any) -> int:
        try:
            return self._serial  # type: ignore[no-any-return, unused-ignore]
        except AttributeError:
            self._serial = self._loop.world.next_serial()
            return self._serial  # type: ignore[no-any-return, unused-ignore]


class Future(_SerialHash, asyncio.Future[Any]):
    """What `loop.create_future()` returns."""

    __slots__ = ("_serial",)
    __hash__ = _SerialHash.__hash__


_loop_of = asyncio.futures._get_loop  # type: ignore[attr-defined]
_future_init = asyncio.Future.__init__
_set_result = asyncio.Future.set_result
_set_exception = asyncio.Future.set_exception
_cancel = asyncio.Future.cancel


ASLEEP = object()
"""What a coroutine yields to its task when it wants to go on at `Task.wake_ns`."""


class Task(asyncio.Task[Any]):
    """What `loop.create_task()` returns: a coroutine of one host, stepped by the kernel.

    Attributes:
        number: in the order of creation, among all tasks of the world; in its default name, and its hash.
        wake_ns: the world's time at which it goes on, set by a coroutine that yields `ASLEEP`.
        sleep_sequence: the number of its entry in the world's queue while it sleeps there, 0 otherwise; an entry with
            another number is stale.
    """

    __slots__ = (
        "_context",
        "_coro",
        "_fut_waiter",
        "_host_loop",
        "_must_cancel",
        "_name",
        "_num_cancels_requested",
        "_send",
        "_throw",
        "number",
        "sleep_sequence",
        "wake_ns",
    )
    _make_cancelled_error: Any  # of the C future
    _log_traceback: bool
    _loop: "HostLoop"
    wake_ns: int
    _cancelled = False  # a task stands in the ready queue as itself, where handles may be cancelled

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, Any, Any],
        *,
        loop: "HostLoop",
        name: object = None,
        context: Context | None = None,
    ) -> None:
        if type(coro) is not CoroutineType and not asyncio.iscoroutine(coro):
            raise TypeError(f"a coroutine was expected, got {coro!r}")
        _future_init(self, loop=loop)
        self._host_loop = loop
        self._coro = coro
        self._send = coro.send
        self._throw = coro.throw
        self._context = copy_context() if context is None else context
        world = loop.world
        world.task_number = self.number = number = world.task_number + 1
        self._name = None if name is None else str(name)
        self._must_cancel = False
        self._fut_waiter: Any = None
        self._num_cancels_requested = 0
        self.sleep_sequence = 0
        loop.tasks[number] = self
        if REGISTERS:
            _register_task(self)
        loop.enqueue(self)

    def __hash__(self) -> int:
        return self.number

    def get_coro(self) -> Any:
        return self._coro

    def get_context(self) -> Context:
        return self._context

    def get_name(self) -> str:
        return f"Task-{self.number}" if self._name is None else self._name

    def set_name(self, value: object) -> None:
        self._name = str(value)

    def set_result(self, result: Any) -> None:
        raise RuntimeError("Task does not support set_result operation")

    def set_exception(self, exception: Any) -> None:
        raise RuntimeError("Task does not support set_exception operation")

    def cancel(self, msg: Any = None) -> bool:
        self._log_traceback = False  # whoever cancels has taken notice of how it ended
        if self.done():
            return False
        self._num_cancels_requested += 1
        if self.sleep_sequence:
            self._loop.world.timer_cancelled()
            self.await_future()
        if self._fut_waiter is not None and self._fut_waiter.cancel(msg=msg):
            return True
        self._must_cancel = True
        self._cancel_message = msg
        return True

    def cancelling(self) -> int:
        return self._num_cancels_requested

    def uncancel(self) -> int:
        if self._num_cancels_requested > 0:
            self._num_cancels_requested -= 1
            if self._num_cancels_requested == 0 and _UNCANCEL_WITHDRAWS:
                self._must_cancel = False
        return self._num_cancels_requested

    def _run(self) -> None:
        """Run the coroutine to its next `await`, in the task's own context; the kernel calls this when it is due."""
        error: BaseException | None = None
        awaited = self._fut_waiter
        if awaited is not None:
            self._fut_waiter = None
            try:
                awaited.result()
            except BaseException as raised:
                error = raised
        if self._must_cancel:
            if not isinstance(error, CancelledError):
                error = self._make_cancelled_error()
            self._must_cancel = False
        loop = self._host_loop
        current_tasks[loop] = self
        try:
            if error is None:
                awaited = self._context.run(self._send, None)
            else:
                awaited = self._context.run(self._throw, error)
        except BaseException as ending:
            self._end(ending)
        else:
            if awaited is ASLEEP and not self._must_cancel:
                world = loop.world
                world.sequence = self.sleep_sequence = sequence = world.sequence + 1
                heappush(world.queue, (self.wake_ns, sequence, loop, self))
            else:
                self._wait_for(awaited)
        finally:
            del current_tasks[loop]
            # A kept exception keeps this frame; without this the two would wait for the collector together.
            self = error = awaited = None  # type: ignore[assignment]

    def _end(self, ending: BaseException) -> None:
        """Become done: the coroutine has returned, or raised."""
        try:
            self._loop.tasks.pop(self.number, None)
            if isinstance(ending, StopIteration):
                if self._must_cancel:
                    self._must_cancel = False
                    _cancel(self, msg=self._cancel_message)
                else:
                    _set_result(self, ending.value)
            elif isinstance(ending, CancelledError):
                self._cancel_message = ending.args[0] if ending.args else None
                _cancel(self, msg=self._cancel_message)
            else:
                _set_exception(self, ending)
                if isinstance(ending, (KeyboardInterrupt, SystemExit)):
                    raise ending
        finally:
            self = ending = None  # type: ignore[assignment]

    def _wait_for(self, awaited: Any) -> None:
        """Arrange the next step after whatever the coroutine has just yielded."""
        if awaited is None:
            self._loop.enqueue(self)
        elif awaited is ASLEEP:
            self.await_future().cancel(msg=self._cancel_message)
            self._must_cancel = False
        elif getattr(awaited, "_asyncio_future_blocking", None) is None:
            self._fail_soon(f"Task got bad yield: {awaited!r}")
        elif (awaited._loop if type(awaited) in _OWN else _loop_of(awaited)) is not self._loop:
            self._fail_soon(f"Task {self!r} got Future {awaited!r} attached to a different loop")
        elif not awaited._asyncio_future_blocking:
            self._fail_soon(f"yield was used instead of yield from in task {self!r} with {awaited!r}")
        elif awaited is self:
            self._fail_soon(f"Task cannot await on itself: {self!r}")
        else:
            awaited._asyncio_future_blocking = False
            awaited.add_done_callback(self, context=self._context)
            self._fut_waiter = awaited
            if self._must_cancel and awaited.cancel(msg=self._cancel_message):
                self._must_cancel = False

    def await_future(self) -> Future:
        """Wait for a new future, and no longer for an entry in the world's queue; return the future."""
        self.sleep_sequence = 0
        self._fut_waiter = future = self._loop.create_future()
        future.add_done_callback(self, context=self._context)
        return future

    def _fail_soon(self, text: str) -> None:
        self.await_future().set_exception(RuntimeError(text))

    def __call__(self, future: asyncio.Future[Any]) -> None:
        """Go on: the awaited future is done. `HostLoop.call_soon` spares a future this call, and itself the handle."""
        self._loop.enqueue(self)


_OWN = (Future, Task)  # of these it is known that they have a loop, without a call

# Since CPython 3.13 a task whose last cancellation request is withdrawn is not cancelled at its next step.
_UNCANCEL_WITHDRAWS = sys.version_info >= (3, 13)


if compiled is not None:
    Future, Task = compiled.Future, compiled.Task  # type: ignore[misc]
