"""How much memory a process holds, counted from what its program can reach.

The size of an object is worked out from what it contains by a table of this module, never asked of the allocator, so
that it is the same in every process. Counted are data: texts, numbers, containers, the attributes of the program's own
objects, the local variables of coroutines that wait.

Deliberately not counted: modules, classes, functions and loggers, which hosts of one interpreter share; objects of the
simulation itself, where the page cache and the buffers of sockets are, which are the kernel's memory and not the
process's; what C extensions keep to themselves. The interpreter of a real process would come on top.
"""

import gc
import inspect
import logging
import types
from collections import deque
from collections.abc import Iterable
from typing import Any

OBJECTS_MAX = 5_000_000
"""Objects that are looked at; of a process with more the rest counts nothing."""

_HEAD = 16
_WORD = 8
_INSTANCE = 48
_SHARED = (types.ModuleType, type, types.FunctionType, types.BuiltinFunctionType, types.CodeType, logging.Logger)
_FIXED = {int: 32, float: 24, complex: 32, bool: 0, type(None): 0}


def footprint(roots: Iterable[object]) -> int:
    """Return the bytes of everything that can be reached from `roots`, each object once."""
    waiting: list[Any] = list(roots)
    seen = {id(each) for each in waiting}
    total = 0
    while waiting and len(seen) < OBJECTS_MAX:
        one = waiting.pop()
        total += _size(one)
        for inner in gc.get_referents(one):
            if id(inner) not in seen and not _left_out(inner):
                seen.add(id(inner))
                waiting.append(inner)
    return total


def _size(one: Any) -> int:
    kind = type(one)
    if kind in _FIXED:
        return _FIXED[kind]
    if isinstance(one, (str, bytes, bytearray)):
        return 2 * _HEAD + len(one)
    if isinstance(one, dict):
        return 4 * _HEAD + 3 * _WORD * len(one)
    if isinstance(one, (list, tuple, set, frozenset, deque)):
        return 2 * _HEAD + _WORD * len(one)
    held = getattr(kind, "nbytes", None)  # an array
    return _INSTANCE + (int(one.nbytes) if held is not None else 0)


def _left_out(one: object) -> bool:
    if isinstance(one, _SHARED):
        return True
    module = getattr(type(one), "__module__", "")
    return isinstance(module, str) and (module == "simkit" or module.startswith("simkit."))


def held_by(tasks: Iterable[Any]) -> int:
    """Return the bytes that the coroutines of these tasks can reach through what they wait with: their variables."""
    coroutines = (task.get_coro() for task in tasks)
    return footprint(each for each in coroutines if inspect.iscoroutine(each))
