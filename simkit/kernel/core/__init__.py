"""Which core runs: the compiled one, where there is a compiler and it fits the interpreter, or the one in Python.

`SIMKIT_CORE=python` or `c` chooses; without it the compiled one runs where it was built. Both give the same order of
events, the same draws and the same digest. A module of the kernel that has a twin in C ends with handing over to it.

It deliberately offers no choice within a process: a world is made of one core's parts.
"""

import asyncio
import os
from asyncio import events
from collections.abc import Coroutine
from importlib import import_module
from pathlib import Path
from struct import pack
from typing import Any

from xxhash import xxh3_64_intdigest

from simkit.kernel.core.sources import digest_of_sources
from simkit.kernel.handles import Timer, handle_failed, receiving_failed, set_unless_done

CHOICE = "SIMKIT_CORE"
PURE_PYTHON = "SIMKIT_PURE_PYTHON"
_TRIAL_KEY = 0xFEDC_BA98_7654_3210


async def _trial() -> None:
    """Be the coroutine of a task that never runs."""


def _check_sources(built_from: str, folder: Path) -> None:
    """Raise RuntimeError if the C files in `folder` are not those with the digest `built_from`.

    A module compiled by hand knows no digest, and is taken as it is; so is one that has no sources beside it.
    """
    if built_from and digest_of_sources(folder) not in ("", built_from):
        raise RuntimeError(
            f"simkit's compiled core was built from other sources than those in {folder}: run make setup "
            f"(or choose the core in Python with {CHOICE}=python)"
        )


def _load() -> Any:
    """Return the compiled module, ready to be used; ImportError where it is not built or does not fit."""
    module = import_module("simkit.kernel.core._core")
    _check_sources(getattr(module, "sources", ""), Path(__file__).parent)
    coroutine = _trial()
    tasks: Any = asyncio.tasks
    try:
        current = module.prepare(
            {
                "future": asyncio.Future,
                "task": asyncio.Task,
                "handle": events.Handle,
                "timer": Timer,
                "cancelled_error": asyncio.CancelledError,
                "handle_failed": handle_failed,
                "receiving_failed": receiving_failed,
                "set_unless_done": set_unless_done,
                "iscoroutine": asyncio.iscoroutine,
                "sleep": asyncio.sleep,
                "set_running_loop": events._set_running_loop,
                "get_running_loop": events._get_running_loop,
                "current_tasks": tasks._current_tasks,
                "current_task": asyncio.current_task,
                "trial_coroutine": coroutine,
                "trial_key": _TRIAL_KEY,
                "trial_hash": xxh3_64_intdigest(pack("<qq", 7, 3), _TRIAL_KEY),
            }
        )
    finally:
        coroutine.close()
    tasks._current_tasks = current
    Coroutine.register(module.Sleep)
    Coroutine.register(module.Receive)
    Coroutine.register(module.Acquire)
    Coroutine.register(module.Exchange)
    mark = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]
    module.sleep._is_coroutine = mark
    return module


def _chosen() -> Any:
    """Return the compiled module, or None for the core in Python."""
    choice = os.environ.get(CHOICE, "")
    if choice not in ("", "python", "c"):
        raise ValueError(f"{CHOICE}={choice!r}: the cores are python and c")
    if choice == "python" or (not choice and os.environ.get(PURE_PYTHON)):
        return None
    try:
        return _load()
    except ImportError as problem:
        if choice == "c":
            raise ImportError(f"{CHOICE}=c, but there is no compiled core here: {problem}") from problem
        return None


compiled: Any = _chosen()
"""The compiled module, or None."""

name = "python" if compiled is None else "c"
"""What `simkit --version` and a run's page say."""
