"""Virtual time and entropy for code that asks the standard library instead of its host.

In a worker interpreter `install` runs before anything else is imported, so that names imported early are the virtual
ones too: `time.time`, `monotonic`, `perf_counter` and their `_ns` twins, `os.urandom`, and the functions of the module
`random` with everything above them (`secrets`, `uuid4`). In host code they answer from the host's clock and the host's
own stream; outside of it they are what they always were.

It deliberately leaves what cannot be reached by replacing names: `datetime.now`, an unseeded `random.Random()`, and C
extensions that call the C library. `docs/limits.md` lists them.
"""

import asyncio
import os
import random
import sys
import threading
import time
from asyncio import events
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from simkit.kernel import sleep
from simkit.kernel.loop import HostLoop
from simkit.kernel.stream import Stream


class RealWorldReached(RuntimeError):
    """Host code reached for something real: a thread, a sleep of the whole process."""


def current_loop() -> HostLoop | None:
    """Return the loop of the host whose code runs now, or None outside of any."""
    loop = events._get_running_loop()
    return loop if isinstance(loop, HostLoop) else None


def _entropy(loop: HostLoop) -> Stream:
    return loop.world.stream(f"entropy/{loop.name}")


class HostRandom(random.Random):
    """What stands behind `random.random` and its like: the host's own stream in host code."""

    def random(self) -> float:
        loop = current_loop()
        return super().random() if loop is None else _entropy(loop).random()

    def getrandbits(self, k: int, /) -> int:
        loop = current_loop()
        if loop is None:
            return super().getrandbits(k)
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        return int.from_bytes(_entropy(loop).bytes((k + 7) // 8), "little") >> (-k % 8)

    def seed(self, *arguments: Any, **options: Any) -> None:
        # A library that seeds the shared generator must not disturb the host's stream, which nobody can seed.
        if current_loop() is None:
            super().seed(*arguments, **options)


def _virtual_clock(real: Callable[[], Any], of_host: Callable[[HostLoop], Any]) -> Callable[[], Any]:
    def clock() -> Any:
        loop = current_loop()
        return real() if loop is None else of_host(loop)

    clock.__name__ = clock.__qualname__ = real.__name__
    return clock


def _wall_ns(loop: HostLoop) -> int:
    clock: Any = loop.clock
    return loop.world.epoch_ns + loop.world.now_ns if clock is None else clock.wall_ns()


def _monotonic_ns(loop: HostLoop) -> int:
    return loop.world.now_ns if loop.clock is None else loop.clock.monotonic_ns()


def _in_seconds(of_host: Callable[[HostLoop], int]) -> Callable[[HostLoop], float]:
    return lambda loop: of_host(loop) / 1e9


def _refused(what: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(*arguments: Any, **options: Any) -> Any:
        loop = current_loop()
        if loop is None:
            return real(*arguments, **options)
        return _refuse(what, loop)

    return refuse


def _refuse(what: str, loop: HostLoop) -> NoReturn:
    frame = sys._getframe(2)
    raise RealWorldReached(f"{what} on host {loop.name!r} at {frame.f_code.co_filename}:{frame.f_lineno}")


def _install_clocks() -> None:
    for name, of_host in (("time", _wall_ns), ("monotonic", _monotonic_ns), ("perf_counter", _monotonic_ns)):
        real_ns, real = getattr(time, f"{name}_ns"), getattr(time, name)
        setattr(time, f"{name}_ns", _virtual_clock(real_ns, of_host))
        setattr(time, name, _virtual_clock(real, _in_seconds(of_host)))
    time.sleep = _refused("time.sleep would stop every host; await asyncio.sleep instead:", time.sleep)


def _install_entropy() -> None:
    real_urandom = os.urandom

    def urandom(size: int, /) -> bytes:
        loop = current_loop()
        return real_urandom(size) if loop is None else _entropy(loop).bytes(size)

    os.urandom = urandom
    random._urandom = urandom  # type: ignore[attr-defined]
    shared = HostRandom()
    for name in dir(random):
        if not name.startswith("_") and getattr(getattr(random, name), "__self__", None) is random._inst:
            setattr(random, name, getattr(shared, name))
    random._inst = shared


def _order_as_completed() -> None:
    """Let `asyncio.as_completed` start coroutines in the order given: its set would order them by address."""
    real = asyncio.as_completed

    def as_completed(fs: Iterable[Any], **options: Any) -> Any:
        return real([asyncio.ensure_future(each) for each in fs] if current_loop() else fs, **options)

    asyncio.as_completed = asyncio.tasks.as_completed = as_completed


def install() -> None:
    """Replace the names, once in this interpreter."""
    if getattr(time, "_simkit_virtual", False):
        return
    time._simkit_virtual = True  # type: ignore[attr-defined]
    _install_clocks()
    _install_entropy()
    _order_as_completed()
    sleep.install()
    threading.Thread.start = _refused("a real thread would leave virtual time:", threading.Thread.start)  # type: ignore[method-assign]
