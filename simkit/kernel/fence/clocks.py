"""The host's clock behind every function of `time` and `datetime` that reads one.

Wall time is the host's, with its offset and drift; monotonic time is what its loop counts. The processor time of a
process is told as its monotonic time, because computing takes no virtual time unless a node says so.

It deliberately lets no time pass: `time.sleep` belongs to `blocking`. Time zone and locale are the worker's, UTC and C.
"""

import datetime
import errno
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

from simkit.kernel.fence.diversion import divert
from simkit.kernel.loop import HostLoop

_BILLION = 10**9
_WALL_CLOCKS = frozenset({"CLOCK_REALTIME", "CLOCK_TAI", "CLOCK_REALTIME_COARSE"})
_RUNNING_CLOCKS = frozenset(
    f"CLOCK_{name}"
    for name in (
        "MONOTONIC",
        "MONOTONIC_RAW",
        "MONOTONIC_COARSE",
        "BOOTTIME",
        "PROCESS_CPUTIME_ID",
        "THREAD_CPUTIME_ID",
        "UPTIME_RAW",
    )
)


def wall_ns(loop: HostLoop) -> int:
    """Return the Unix time in nanoseconds that the host believes in."""
    clock: Any = loop.clock
    if clock is None:
        return loop.world.epoch_ns + loop.world.now_ns
    return clock.wall_ns()  # type: ignore[no-any-return]


def monotonic_ns(loop: HostLoop) -> int:
    """Return the host's monotonic time in nanoseconds."""
    clock = loop.clock
    return loop.world.now_ns if clock is None or clock.perfect else clock.monotonic_ns()


def _wall(loop: HostLoop) -> float:
    clock: Any = loop.clock
    return (loop.world.epoch_ns + loop.world.now_ns if clock is None else clock.wall_ns()) / 1e9


def _monotonic(loop: HostLoop) -> float:
    clock = loop.clock
    return (loop.world.now_ns if clock is None or clock.perfect else clock.monotonic_ns()) / 1e9


def _divert_readings() -> None:
    divert(time, "time", _wall)
    divert(time, "time_ns", wall_ns)
    for name in ("monotonic", "perf_counter", "process_time", "thread_time"):
        divert(time, name, _monotonic)
        divert(time, f"{name}_ns", monotonic_ns)
    readers = {getattr(time, name): wall_ns for name in _WALL_CLOCKS if hasattr(time, name)}
    readers |= {getattr(time, name): monotonic_ns for name in _RUNNING_CLOCKS if hasattr(time, name)}

    def clock_gettime_ns(loop: HostLoop, clock: int) -> int:
        reader = readers.get(clock)
        if reader is None:
            raise OSError(errno.EINVAL, f"a simulated host has no clock {clock}")
        return reader(loop)

    divert(time, "clock_gettime_ns", clock_gettime_ns)
    divert(time, "clock_gettime", lambda loop, clock: clock_gettime_ns(loop, clock) / 1e9)


def _divert_calendar() -> None:
    real: dict[str, Callable[..., Any]] = {}

    def now_in(breakdown: str) -> Callable[..., Any]:
        return lambda loop, seconds=None: real[breakdown](wall_ns(loop) // _BILLION if seconds is None else seconds)

    for name in ("localtime", "gmtime", "ctime"):
        real[name] = divert(time, name, now_in(name))
    localtime = now_in("localtime")
    for name in ("asctime", "strftime"):
        real[name] = divert(time, name, _formatting(name, real, localtime))


def _formatting(name: str, real: dict[str, Callable[..., Any]], localtime: Callable[..., Any]) -> Callable[..., Any]:
    """Return what formats the host's time of day where no other is given; the moment is the last argument."""
    patterns = 1 if name == "strftime" else 0

    def formatting(loop: HostLoop, *arguments: Any) -> Any:
        return real[name](*arguments, localtime(loop)) if len(arguments) == patterns else real[name](*arguments)

    return formatting


def _now(loop: HostLoop, cls: type[datetime.datetime], tz: datetime.tzinfo | None = None) -> datetime.datetime:
    # Whole microseconds survive a float of seconds until the year 2242.
    return cls.fromtimestamp(wall_ns(loop) // 1000 / 1e6, tz)


def _utcnow(loop: HostLoop, cls: type[datetime.datetime]) -> datetime.datetime:
    if sys.version_info >= (3, 12):
        warnings.warn("datetime.datetime.utcnow() is deprecated", DeprecationWarning, stacklevel=2)
    return _now(loop, cls, datetime.UTC).replace(tzinfo=None)


def install() -> None:
    """Divert every function that reads a clock."""
    _divert_readings()
    _divert_calendar()
    divert(datetime.datetime, "now", _now)
    divert(datetime.datetime, "utcnow", _utcnow)
    # `date.today` and `datetime.today` ask `time.time`, by its name, each time.
