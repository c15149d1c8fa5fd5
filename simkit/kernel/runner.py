"""`asyncio.run` in host code: refused, with the line and what to do instead.

A host's program runs on the host's loop already; what a script does under ``if __name__ == "__main__"`` is what booting
the host does here. It deliberately does not run a second loop inside the first: time in it would not be the world's.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from simkit.kernel.fence import here


def _refuse(coroutine: Any, host: str) -> NoReturn:
    if asyncio.iscoroutine(coroutine):
        coroutine.close()
    frame = sys._getframe(2)
    text = "asyncio.run on a loop that runs already; await the coroutine, or name its function as the host's program"
    raise RuntimeError(f"{text}: on host {host!r} at {frame.f_code.co_filename}:{frame.f_lineno}")


def _refusing(real: Callable[..., Any], position: int) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        loop = here()
        if loop is not None:
            _refuse(arguments[position] if len(arguments) > position else None, loop.name)
        return real(*arguments, **options)

    run.__name__ = run.__qualname__ = "run"
    run.__doc__ = real.__doc__
    return run


def install() -> None:
    """Change `asyncio.run` and `asyncio.Runner.run`, once in an interpreter."""
    if asyncio.run.__module__ == __name__:
        return
    asyncio.run = asyncio.runners.run = _refusing(asyncio.run, 0)
    asyncio.Runner.run = _refusing(asyncio.Runner.run, 1)  # type: ignore[method-assign]
