"""What runs a function that blocks: on a host no thread, but the loop itself, inline.

A real thread would let virtual time run past it. So `run_in_executor`, and with it `asyncio.to_thread`, calls the
function in the loop's next pass; its result comes after what the host charges for such a call and after what the
function slept. anyio keeps threads of its own, through which FastAPI runs routes that are plain functions; `install`
gives it the same way.

It deliberately has no pool: any number of functions run side by side, and none of them sees time pass while it runs.
"""

import asyncio
import contextvars
import functools
import importlib.abc
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simkit.kernel.loop import HostLoop

_ANYIO = "anyio._backends._asyncio"
_MOST_SLEEP_S = 1e9


def submit(loop: "HostLoop", function: Callable[[], Any]) -> "asyncio.Future[Any]":
    """Run `function` in the next pass, in a context of its own as in a thread; return the future of its result."""
    future = loop.create_future()
    loop.call_soon(_work, loop, future, function)
    return future


def _work(loop: "HostLoop", future: "asyncio.Future[Any]", function: Callable[[], Any]) -> None:
    if future.cancelled():
        return
    slept_ns = 0

    def sleep(seconds: float) -> None:
        nonlocal slept_ns
        if not 0 <= seconds < _MOST_SLEEP_S:
            raise ValueError("sleep length must be non-negative and below 1e9 seconds")
        slept_ns += round(seconds * 1e9)

    loop.inline_sleep = sleep
    error: BaseException | None = None
    result = None
    try:
        result = contextvars.Context().run(function)
    except StopIteration as raised:
        error = RuntimeError(f"{function!r} raised {raised!r}")
    except BaseException as raised:
        error = raised
    finally:
        loop.inline_sleep = None
    taken_ns = slept_ns + loop.executor_cost_ns
    if taken_ns:
        loop.call_at_ns(loop._host_ns() + taken_ns, _tell, future, result, error)
    else:
        _tell(future, result, error)


def _tell(future: "asyncio.Future[Any]", result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


# -- anyio's threads


def _without_threads(module: ModuleType) -> None:
    """Let anyio's asyncio backend run blocking functions through the loop's executor, on a host."""
    backend: Any = module.AsyncIOBackend
    real = backend.run_sync_in_worker_thread.__func__

    async def run_sync_in_worker_thread(
        cls: Any, func: Callable[..., Any], args: tuple[Any, ...], abandon_on_cancel: bool = False, limiter: Any = None
    ) -> Any:
        loop = asyncio.get_running_loop()
        if not hasattr(loop, "executor_cost_ns"):
            return await real(cls, func, args, abandon_on_cancel, limiter)
        await cls.checkpoint()
        async with limiter or cls.current_default_thread_limiter():
            with cls.create_cancel_scope(shield=not abandon_on_cancel):
                context = contextvars.copy_context()
                return await loop.run_in_executor(None, functools.partial(context.run, func, *args))

    backend.run_sync_in_worker_thread = classmethod(run_sync_in_worker_thread)


class _Changing(importlib.abc.Loader):
    """Loads a module by its own loader, which may be everybody's, and then takes its threads away."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `importlib.abc.Loader`."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        self._loader.exec_module(module)
        _without_threads(module)


class _AfterImport(importlib.abc.MetaPathFinder):
    """Finds one module as everybody else would, and has it changed when it is imported."""

    _asking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _ANYIO or self._asking:
            return None
        self._asking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Changing(spec.loader)
        return spec


def install() -> None:
    """Take anyio's threads away on hosts, now or when it is imported; once in an interpreter."""
    if any(type(finder) is _AfterImport for finder in sys.meta_path):
        return
    module = sys.modules.get(_ANYIO)
    if module is None:
        sys.meta_path.insert(0, _AfterImport())
    elif module.AsyncIOBackend.run_sync_in_worker_thread.__module__ != __name__:
        _without_threads(module)
