"""`asyncio.run` in host code: refused, with the line and what to do instead.

A host's program runs on the host's loop already; what a script does under ``if __name__ == "__main__"`` is what booting
the host does here. It deliberately does not run a second loop inside the first: time in it would not be the world's.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from simkit.kernel.fence import here
from simkit.kernel.fence.refusal import offending_lines


def _refusing(real: Callable[..., Any], name: str, position: int) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        loop = here()
        if loop is None:
            return real(*arguments, **options)
        for coroutine in arguments[position : position + 1]:
            if asyncio.iscoroutine(coroutine):
                coroutine.close()
        raise RuntimeError(
            f"{name} cannot be called from a running event loop; await the coroutine, or name its function as the "
            f"host's program: on host {loop.name!r} at {offending_lines()[0]}"
        )

    run.__name__ = run.__qualname__ = "run"
    run.__doc__ = real.__doc__
    return run


def install() -> None:
    """Change `asyncio.run` and `asyncio.Runner.run`, once in an interpreter."""
    if asyncio.run.__module__ == __name__:
        return
    asyncio.run = asyncio.runners.run = _refusing(asyncio.run, "asyncio.run()", 0)
    asyncio.Runner.run = _refusing(asyncio.Runner.run, "Runner.run()", 1)  # type: ignore[method-assign]
