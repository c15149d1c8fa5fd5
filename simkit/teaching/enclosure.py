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
from typing import IO, Any

from simkit.hosts.host import Host
from simkit.kernel import World, exchange, fence, semaphore, sleep
from simkit.kernel.fence import outside
from simkit.teaching.meter import Meter

CPU_SECONDS_MAX = 10
MEMORY_BYTES_MAX = 2 << 30
"""Of the whole process, over all calls."""


def serve() -> None:
    """Read one line of JSON for each call from standard input, and answer each with one."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    fence.install()
    sleep.install()
    semaphore.install()
    exchange.install()
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
    meter = Meter()
    made: list[Any] = []
    part: Any = None
    file = begin["file"]
    request: dict[str, Any] | None = {"load": begin["source"], "class": begin["class"]}
    while request is not None:
        try:
            if "load" in request:
                names: dict[str, Any] = {"__name__": "solution", "__file__": file}
                code = compile(request["load"], file, "exec")
                meter.watch(code)
                meter.begin()
                exec(code, names)
                part, value = names[request["class"]], None
            elif "call" in request:
                meter.begin()
                value = getattr(made[request["of"]], request["call"])(*request["arguments"])
            else:
                meter.begin()
                made.append(part())
                value = len(made) - 1
            answer = json.dumps({"returned": value})
        except Exception as error:
            answer = json.dumps({"raised": _told(error, file)})
        meter.end()
        with outside():
            answers.write(answer.encode() + b"\n")
            answers.flush()
            line = sys.stdin.buffer.readline()
            request = json.loads(line) if line else None


def _told(error: Exception, file: str) -> str:
    """Return an exception and the last line of the solution that it went through."""
    if isinstance(error, SyntaxError):
        return f"{file}:{error.lineno}: {type(error).__name__}: {error.msg}"
    if isinstance(error, KeyError) and not any(f.filename == file for f in traceback.extract_tb(error.__traceback__)):
        return f"{file} has no class {error}"
    places = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == file]
    where = f"{file}:{places[-1].lineno}: " if places else ""
    return f"{where}{type(error).__name__}: {error}"[:2_000]
