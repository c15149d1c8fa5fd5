"""Contenders in C++: compiled when they are wanted, if a compiler and their library are there; they time themselves.

Each program does every work of `works.hpp`; it reads the delays from a file and leaves the order of events in another.
They are yardsticks: callbacks without coroutines, cancellation, hosts or contexts.
"""

import shutil
import subprocess
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.messages import Latencies
from benchmarks.mm1 import Customers
from benchmarks.timers import Sleeps
from benchmarks.work import Missing, Outcome, Timed

HERE = Path(__file__).parent
FLAGS = ("-O2", "-std=c++17")
NS3 = ("-DNDEBUG", "-lns3-core")
NS3_HEADERS = ("/usr/include/ns3/simulator.h", "/usr/local/include/ns3/simulator.h")


def _built(name: str, libraries: Sequence[str], folder: Path) -> Path:
    if not shutil.which("g++"):
        raise Missing("there is no C++ compiler")
    program = folder / name
    command = ["g++", *FLAGS, str(HERE / f"{name}.cpp"), "-o", str(program), *libraries]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{name}.cpp does not compile here: {done.stderr.splitlines()[0]}")
    return program


def _prepare(name: str, libraries: Sequence[str], work: str, rows_ns: Iterable[Sequence[int]]) -> Timed:
    folder = Path(tempfile.mkdtemp(prefix="simkit-compiled-"))
    try:
        program = _built(name, libraries, folder)
    except Missing:
        shutil.rmtree(folder)
        raise
    rows = list(rows_ns)
    numbers = array("q", [len(rows)])
    for row in rows:
        numbers.append(len(row))
        numbers.extend(row)
    (folder / "input").write_bytes(numbers.tobytes())

    def run() -> Outcome:
        command = [program, work, folder / "input", folder / "order"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        order = array("q", (folder / "order").read_bytes())
        shutil.rmtree(folder)
        return Outcome(len(order), int(told[1]) / 1e9, order, seconds=float(told[0]))

    return run


def _nanoseconds(seconds: Sequence[float]) -> list[int]:
    return [round(each * 1e9) for each in seconds]


def _timers(name: str, libraries: Sequence[str], given: Sleeps) -> Timed:
    return _prepare(name, libraries, "timers", map(_nanoseconds, given.delays_s))


def _messages(name: str, libraries: Sequence[str], given: Latencies) -> Timed:
    pairs = zip(given.there_ns, given.back_ns, strict=True)
    rows = ([each for two in zip(there, back, strict=True) for each in two] for there, back in pairs)
    return _prepare(name, libraries, "messages", rows)


def _mm1(name: str, libraries: Sequence[str], given: Customers) -> Timed:
    return _prepare(name, libraries, "mm1", (_nanoseconds(given.gaps_s), _nanoseconds(given.services_s)))


def _with_ns3() -> tuple[str, ...]:
    if not any(Path(header).exists() for header in NS3_HEADERS):
        raise Missing("ns-3 is not installed (Debian: libns3-dev)")
    return NS3


timers_queue = partial(_timers, "queue", ())
messages_queue = partial(_messages, "queue", ())
mm1_queue = partial(_mm1, "queue", ())


def timers_ns3(given: Sleeps) -> Timed:
    """Run the work on ns-3."""
    return _timers("ns3", _with_ns3(), given)


def messages_ns3(given: Latencies) -> Timed:
    """Run the work on ns-3."""
    return _messages("ns3", _with_ns3(), given)


def mm1_ns3(given: Customers) -> Timed:
    """Run the work on ns-3."""
    return _mm1("ns3", _with_ns3(), given)
