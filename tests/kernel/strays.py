"""Called in a worker: where the fence ends, and what becomes of real threads."""

import asyncio
import datetime
import importlib
import random
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from os import getpid, urandom
from time import time as now
from typing import Any

from simkit.kernel import RealWorldReached, World
from simkit.kernel.fence import here, outside

SECOND = 10**9


def run(program: Callable[[], Awaitable[Any]], seconds: int = 100) -> str:
    """Run a program on a host; return what it returned, or the error that ended the run."""
    world = World(1)
    loop = world.new_loop("a")
    task: asyncio.Task[Any] = loop.create_task(program())  # type: ignore[arg-type]
    try:
        world.run(seconds * SECOND)
        return repr(task.result()) if task.done() else "unfinished"
    except RealWorldReached as error:
        return str(error)
    finally:
        world.close()


async def imports_a_thread() -> bool:
    sys.modules.pop("module_with_a_thread", None)
    return bool(importlib.import_module("module_with_a_thread").sweeper.is_alive())


def dry_while_a_thread_lives(say: Any) -> str:
    told = run(imports_a_thread)
    sys.modules["module_with_a_thread"].wake.set()
    return told


def dry_after_the_thread_has_ended(say: Any) -> str:
    async def program() -> bool:
        await imports_a_thread()
        module = sys.modules["module_with_a_thread"]
        module.wake.set()
        with outside():
            module.sweeper.join()
        return bool(module.sweeper.is_alive())

    return run(program)


def not_dry_while_a_thread_lives(say: Any) -> str:
    async def program() -> None:
        await imports_a_thread()
        while True:
            await asyncio.sleep(1)

    told = run(program)
    sys.modules["module_with_a_thread"].wake.set()
    return told


def a_thread_from_before(say: Any) -> str:
    """Start a thread, then run a world that runs dry; return what the thread saw meanwhile, and the world."""
    seen: list[Any] = []
    wake, looked = threading.Event(), threading.Event()

    def look() -> None:
        wake.wait()
        seen.append((abs(now() - started) < 60, here() is None, len(urandom(4)), datetime.datetime.now().year))
        looked.set()

    started = now()
    thread = threading.Thread(target=look)
    thread.start()

    async def program() -> float:
        wake.set()
        with outside():
            looked.wait()
        return now()

    told = run(program)
    thread.join()
    year = time.gmtime(started).tm_year
    return f"{seen == [(True, True, 4, year)]} {told}"


def before_between_and_after(say: Any) -> list[bool]:
    """Whether everything is real outside of a world, whatever happens in it."""
    real: list[bool] = []
    started, process = now(), getpid()

    def look() -> None:
        with open("/dev/null", "w"):
            real.append(abs(now() - started) < 60 and getpid() == process and here() is None)

    look()
    run(sleeps)
    look()
    world = World(1)
    world.new_loop("a").call_soon(lambda: open("refused", "w").close())
    for _ in range(2):
        try:
            world.run(SECOND)
        except RealWorldReached:
            look()
    world.close()
    look()
    return real


async def sleeps() -> None:
    await asyncio.sleep(1)


def restarted(say: Any) -> list[Any]:
    """Draw on a host, and again as its next process; and let it have another number."""
    from simkit.hosts.host import Host

    world = World(1)
    told: list[Any] = []

    async def program(host: Host) -> None:
        random.seed(1) if host.incarnation == 1 else None
        told.append((getpid(), random.random()))

    host = Host(world, "a", program=program)
    host.boot()
    world.run(SECOND)
    host.boot()
    world.run(2 * SECOND)
    world.close()
    return told


def twice_in_one_interpreter(say: Any) -> list[str]:
    """Draw from everything that has a memory, in three worlds one after another."""

    async def program() -> Any:
        import tempfile
        import uuid

        import numpy as np

        names = tempfile._get_candidate_names()  # type: ignore[attr-defined]
        return random.gauss(0, 1), np.random.standard_normal(), next(names), str(uuid.uuid1(node=1, clock_seq=1))

    return [run(program) for _ in range(3)]


def wait(say: Any) -> None:
    """Say so and wait, as a call does that still imports what it needs."""
    say({"waiting": True})
    threading.Event().wait(60)
