"""How host code is told that it reached for something a simulated host does not have.

The error names the host and the line of the code that asked, past the libraries of the interpreter that it asked
through. It deliberately decides nothing: who calls it does.
"""

import socket
import ssl
import sys
from pathlib import Path
from typing import Final

from simkit.kernel.virtual_time import RealWorldReached, current_loop

_BETWEEN: Final = (str(Path(__file__).parent), socket.__file__, ssl.__file__)


def refusal(what: str) -> RealWorldReached:
    """Return the error that tells of the line of host code that led here."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        frame = frame.f_back
    loop = current_loop()
    name = "" if loop is None else loop.name
    return RealWorldReached(f"{what} on host {name!r} at {frame.f_code.co_filename}:{frame.f_lineno}")
