"""The corpus of escapes: what each is and what becomes of it, and the function of a worker that tries them all.

The escapes themselves stand in `virtual_escapes`, `refused_escapes` and `open_escapes`. Names that those modules import
are early: in a test they are bound before any world exists. The line that is to be named in a refusal ends with the
comment ``here``.
"""

import asyncio
import importlib
import inspect
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from simkit.hosts.host import Host
from simkit.kernel import RealWorldReached, World
from simkit.kernel.fence import in_words
from simkit.network.network import Network
from simkit.network.standard_library import install
from simkit.network.topology import Topology

SECOND = 10**9
Escape = Callable[[], Awaitable[Any]]


@dataclass
class Entry:
    """One escape.

    Attributes:
        outcome: virtual, refused, or known open.
        code: what the node does.
        told: what a virtual one returns, None for "the same in every interpreter"; the text of a refusal; the words
            with which docs/limits.md tells of one that is open.
        compiled: whether it takes the compiled module.
    """

    outcome: str
    code: Escape
    told: Any = None
    compiled: bool = False

    def line(self) -> int:
        """Return the number of the line marked ``here``."""
        lines, first = inspect.getsourcelines(self.code)
        (marked,) = (first + number for number, line in enumerate(lines) if line.rstrip().endswith("# here"))
        return marked


CORPUS: dict[str, Entry] = {}


def virtual(told: Any = None, *, compiled: bool = False) -> Callable[[Escape], Escape]:
    return lambda code: _enter(Entry("virtual", code, told, compiled))


def refused(told: str, *, compiled: bool = False) -> Callable[[Escape], Escape]:
    return lambda code: _enter(Entry("refused", code, told, compiled))


def known_open(told: str) -> Callable[[Escape], Escape]:
    return lambda code: _enter(Entry("known open", code, told))


def _enter(entry: Entry) -> Escape:
    CORPUS[entry.code.__name__] = entry
    return entry.code


def load() -> dict[str, Entry]:
    """Return the whole corpus; its imports find `socket` as a worker prepares it."""
    install()
    for name in ("virtual_escapes", "refused_escapes", "open_escapes"):
        importlib.import_module(name)
    return CORPUS


# -- the worker's side


def attempt(code: Escape, name: str, seed: int = 7) -> dict[str, Any]:
    """Let a host with three cores run the escape at second 5; return what it returned, or the error of the run."""
    world = World(seed)
    told: list[str] = []

    async def program(_: Host) -> None:
        await asyncio.sleep(5)
        told.append(repr(await code()))

    host = Host(world, name, program=program)
    host.cpu.cores = 3
    Network(world, Topology()).attach(host)
    failures: list[BaseException] = []
    host.on_failure = lambda _, error: failures.append(error)
    host.boot()
    error: BaseException | None = None
    try:
        world.run(100 * SECOND)
        error = failures[0] if failures else None
    except RealWorldReached as reached:
        error = reached
    finally:
        world.close()
    return {"value": told[0] if told else None, "error": f"{type(error).__name__}: {error}" if error else None}


LITTER: list[bytearray] = []


def attempt_all(say: Any, *, backwards: bool = False, host: str = "a", compiled: bool = True) -> dict[str, Any]:
    """Try the escapes, one world after another; neither their order nor what lies on the heap must matter."""
    LITTER.extend(bytearray(size) for size in os.urandom(5_000))
    signal.alarm(100)  # a worker that hangs is killed, and the test fails
    names = [name for name, entry in load().items() if compiled or not entry.compiled]
    answers = {name: attempt(CORPUS[name].code, host) for name in (reversed(names) if backwards else names)}
    signal.alarm(0)
    return {"fence": in_words(), "answers": answers}
