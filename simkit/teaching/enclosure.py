"""The inside of the interpreter in which a student's code runs: one class, its instances, one call after another.

The code is a program on a simulated host, so the fence refuses it files, sockets, processes and the real clock; what it
prints goes nowhere. The process has limits of its own, and a call may execute only so many operations: an endless loop
ends the process at the same place on every machine.

It deliberately holds nothing that is worth reaching: world, checks and marks live in other processes, and whatever
comes out of here is taken for an answer of the student's method and for nothing else.
"""

import json
import os
import resource
import sys
import traceback
from types import FrameType
from typing import IO, Any

from simkit.hosts.host import Host
from simkit.kernel import World, fence, sleep
from simkit.kernel.fence import outside

OPERATIONS_MAX = 1_000_000
"""Operations of the interpreter that the solution may execute in one call."""

CPU_SECONDS_MAX = 10
MEMORY_BYTES_MAX = 2 << 30
TOO_MANY_OPERATIONS = 77
"""The exit code that says so."""

FILE = "solution.py"
"""What tracebacks call the solution, whatever its path is."""


def serve() -> None:
    """Read one line of JSON for each call from standard input, and answer each with one."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    fence.install()
    sleep.install()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    begin = json.loads(sys.stdin.buffer.readline())
    world = World(begin["seed"])

    async def program(host: Host) -> None:
        _serve_calls(begin, answers)

    host = Host(world, "solution", program=program)
    host.boot()
    world.run(1)
    world.close()


def _serve_calls(begin: dict[str, Any], answers: IO[bytes]) -> None:
    """Be the host's program: everything from here on is the student's to use or to misuse."""
    done = [0]

    def count(frame: FrameType, event: str, _: Any) -> Any:
        if event == "call":
            if frame.f_code.co_filename != FILE:
                return None
            # Lines would not do: a loop on one line is one line for ever.
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
        if event == "opcode":
            done[0] += 1
            if done[0] > OPERATIONS_MAX:
                # Not an exception, which the solution could catch.
                with outside():
                    os._exit(TOO_MANY_OPERATIONS)
        return count

    made: list[Any] = []
    part: Any = None
    request: dict[str, Any] | None = {"load": begin["source"], "class": begin["class"]}
    while request is not None:
        done[0] = 0
        sys.settrace(count)
        try:
            if "load" in request:
                names: dict[str, Any] = {"__name__": "solution", "__file__": FILE}
                exec(compile(request["load"], FILE, "exec"), names)
                part, value = names[request["class"]], None
            elif "call" in request:
                value = getattr(made[request["of"]], request["call"])(*request["arguments"])
            else:
                made.append(part())
                value = len(made) - 1
            answer = json.dumps({"returned": value})
        except Exception as error:
            answer = json.dumps({"raised": _told(error)})
        sys.settrace(None)
        with outside():
            answers.write(answer.encode() + b"\n")
            answers.flush()
            line = sys.stdin.buffer.readline()
            request = json.loads(line) if line else None


def _told(error: Exception) -> str:
    """Return an exception and the last line of the solution that it went through."""
    if isinstance(error, SyntaxError):
        return f"{FILE}:{error.lineno}: {type(error).__name__}: {error.msg}"
    if isinstance(error, KeyError) and not any(f.filename == FILE for f in traceback.extract_tb(error.__traceback__)):
        return f"{FILE} has no class {error}"
    places = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == FILE]
    where = f"{FILE}:{places[-1].lineno}: " if places else ""
    return f"{where}{type(error).__name__}: {error}"[:2_000]
