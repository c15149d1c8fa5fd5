"""How many operations of the interpreter a student's code may execute in one call; one more ends the process.

Only code that was compiled from the solution is counted. The process exits at the limit: an
exception could be caught.

It deliberately is not the only limit: code that the solution makes at run time, and a single operation that does not
end, are met by the process's limit on processor time.
"""

import os
import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

from simkit.kernel.fence import outside

OPERATIONS_MAX = 1_000_000
"""Operations of the interpreter that the solution may execute in one call."""

TOO_MANY_OPERATIONS = 77
"""The exit code that says so."""


class Meter:
    """Counts the operations of one compiled module, anew for each call."""

    def __init__(self) -> None:
        self._done = 0
        self._file = ""

    def watch(self, code: CodeType) -> None:
        """Count what this module and everything in it executes."""
        self._file = code.co_filename
        if sys.version_info >= (3, 12):
            # Since then a trace function no longer sees every operation of the frame that it is called for.
            monitoring = sys.monitoring
            monitoring.use_tool_id(monitoring.PROFILER_ID, "simkit")
            monitoring.register_callback(
                monitoring.PROFILER_ID, monitoring.events.INSTRUCTION, lambda _code, _offset: self._count()
            )
            for each in _codes(code):
                monitoring.set_local_events(monitoring.PROFILER_ID, each, monitoring.events.INSTRUCTION)

    def begin(self) -> None:
        """Begin a call."""
        self._done = 0
        if sys.version_info < (3, 12):
            sys.settrace(self._trace)

    def end(self) -> None:
        """End a call."""
        if sys.version_info < (3, 12):
            sys.settrace(None)

    def _count(self) -> None:
        self._done += 1
        if self._done > OPERATIONS_MAX:
            with outside():
                os._exit(TOO_MANY_OPERATIONS)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "call":
            if frame.f_code.co_filename != self._file:
                return None
            # Lines would not do: a loop on one line is one line for ever.
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
        elif event == "opcode":
            self._count()
        return self._trace


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
