"""How suspended code ends when its machine is gone: without running another line.

A power cut runs no `finally`. Python would: a coroutine that is dropped gets a GeneratorExit at its `await`. So what a
dead host left suspended is kept until the world closes, and is then marked as already finalized, in the collector's
header in front of the object, before it is dropped. The place of that mark belongs to the interpreter's build; a test
on a throwaway coroutine guards it, and where the test fails the suspended objects are kept for good instead.

It deliberately buries only what is suspended and hangs from a dead host: frames that run, and whatever can only be
reached through modules, classes and the globals of functions, are left alone.
"""

import asyncio
import ctypes
import gc
import sys
import sysconfig
from functools import lru_cache
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, FunctionType, GeneratorType, ModuleType
from typing import Any

_FINALIZED = 1
_KEPT: list[object] = []
_ASYNC_GENERATOR_STEPS = frozenset({"async_generator_asend", "async_generator_athrow"})


def bury_suspended(graves: list[object]) -> None:
    """Make sure that dropping `graves`, and everything that hangs from them, runs no code."""
    endings = _endings_under(graves)
    if not endings:
        return
    if _can_mark():
        for item in endings:
            _mark(item)
    else:
        _KEPT.append((graves[:], endings))


def _endings_under(graves: list[object]) -> list[object]:
    """Return what would run code when it is dropped, if it can be reached from `graves`, but not through code.

    That is every suspended coroutine or generator, and every object whose class has a `__del__` in Python. Tasks and
    futures, which complain when they are dropped unfinished or unread, are told not to.
    """
    reached: set[int] = set()
    found: list[object] = []
    stack: list[object] = [graves]
    while stack:
        item = stack.pop()
        if id(item) in reached or isinstance(item, (ModuleType, type, CodeType)):
            continue
        reached.add(id(item))
        if isinstance(item, FunctionType):
            # Through a function's globals everything could be reached, the caller's own generators too.
            stack.extend(item.__closure__ or ())
            continue
        if isinstance(item, asyncio.Future):
            item._log_traceback = False
            if isinstance(item, asyncio.Task):
                item._log_destroy_pending = False  # type: ignore[attr-defined]
        elif _is_suspended(item) or _would_tell(item):
            found.append(item)
        referents = gc.get_referents(item)
        if isinstance(item, FrameType):
            # A frame kept by a traceback leads back to whoever runs the world.
            referents = [each for each in referents if each is not item.f_back]
        stack.extend(filter(gc.is_tracked, referents))
    return found


def _is_suspended(item: Any) -> bool:
    if isinstance(item, CoroutineType):
        return item.cr_frame is not None and not item.cr_running
    if isinstance(item, GeneratorType):
        return item.gi_frame is not None and not item.gi_running
    if isinstance(item, AsyncGeneratorType):
        return item.ag_frame is not None and not item.ag_running
    return False


def _would_tell(item: object) -> bool:
    """Whether dropping the item runs a `__del__`, or (since Python 3.13) warns that it was never awaited."""
    kind = type(item)
    return kind.__name__ in _ASYNC_GENERATOR_STEPS or isinstance(getattr(kind, "__del__", None), FunctionType)


def _mark(item: object) -> None:
    # PyGC_Head stands right before the object: _gc_next, then _gc_prev, whose lowest bit says "finalized".
    word = ctypes.c_size_t.from_address(id(item) - ctypes.sizeof(ctypes.c_size_t))
    word.value |= _FINALIZED


@lru_cache(maxsize=1)
def _can_mark() -> bool:
    """Try the mark on a coroutine whose `finally` would tell."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return False
    told: list[int] = []

    async def trial(waiting: Any) -> None:
        try:
            await waiting
        finally:
            told.append(1)

    class Forever:
        def __await__(self) -> Any:
            yield

    coroutine = trial(Forever())
    coroutine.send(None)
    if gc.is_finalized(coroutine):
        return False
    _mark(coroutine)
    marked = gc.is_finalized(coroutine)
    del coroutine
    return marked and not told
