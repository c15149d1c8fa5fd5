"""The error for host code that reaches for something real, with the line that did it and what to use instead.

The line is the innermost one that belongs neither to the standard library nor to an installed package, because that is
the one its author can change; where it went through such code, that is named too. The first refusal is kept by the
world, which stops and raises it: code that swallows the exception does not hide it.

It deliberately knows no rule of what is refused.
"""

import os
import sys
import sysconfig
from types import FrameType
from typing import NoReturn

from simkit.kernel.loop import HostLoop

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_WORLD = os.path.join(os.path.dirname(os.path.dirname(_HERE)), "world.py")
_FRAMEWORK = os.path.dirname(os.path.dirname(_WORLD)) + os.sep
_PATHS = sysconfig.get_paths()
_STANDARD = tuple({_PATHS[name] + os.sep for name in ("stdlib", "platstdlib")})
_OURS = 3
_INSTALLED = tuple({_PATHS[name] + os.sep for name in ("purelib", "platlib")})


class RealWorldReached(RuntimeError):
    """Host code reached for something real: a thread, a file, a socket, a sleep of the whole process.

    Attributes:
        host: whose code it was; empty for the world's own.
        time_ns: when.
        place: file and line.
    """

    def __init__(self, text: str, host: str = "", time_ns: int = 0, place: str = "") -> None:
        super().__init__(text)
        self.host = host
        self.time_ns = time_ns
        self.place = place


def refuse(loop: HostLoop, what: str, instead: str) -> NoReturn:
    """Raise what `refusal` returns."""
    raise refusal(loop, what, instead)


def refusal(loop: HostLoop | None, what: str, instead: str = "") -> RealWorldReached:
    """Return the error that tells of the line of host code that led here; its world remembers it and stops.

    Args:
        loop: the host's; None outside of host code.
        what: was reached for.
        instead: what to do; empty if `what` says it.
    """
    place, through = offending_lines()
    name = "" if loop is None else loop.name
    text = what + (f" on host {name!r}" if name else "") + f" at {place}" + (f", through {through}" if through else "")
    error = RealWorldReached(
        f"{text}: {instead}" if instead else text, name, 0 if loop is None else loop.world.now_ns, place
    )
    if loop is not None:
        loop.world.reached(error)
    return error


def offending_lines() -> tuple[str, str]:
    """Return the line that is to blame as ``file:line``, and the library's line it went through, or an empty text."""
    frames = _frames()
    ranks = [_rank(frame) for frame in frames]
    blamed = frames[ranks.index(min(ranks))]
    # What simkit itself has between is of no use to who reads it.
    innermost = next((frame for frame, rank in zip(frames, ranks, strict=True) if rank != _OURS), blamed)
    return _place(blamed), "" if blamed is innermost else _place(innermost)


def _frames() -> list[FrameType]:
    """Return the frames of the code that runs, innermost first, up to the world that called it; at least one."""
    frame: FrameType | None = sys._getframe(1)
    found: list[FrameType] = []
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((_HERE, "<frozen ")):
            if path == _WORLD and found:
                break
            found.append(frame)
        frame = frame.f_back
    return found or [sys._getframe(1)]


def _rank(frame: FrameType) -> int:
    """Return 0 for a program's own code, 1 for an installed package, 2 for the standard library, 3 for simkit."""
    path = frame.f_code.co_filename
    if path.startswith(_FRAMEWORK):
        return _OURS
    if path.startswith(_INSTALLED):
        return 1
    return 2 if path.startswith(_STANDARD) else 0


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
