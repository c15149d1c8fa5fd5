"""MPyC: three parties add what each of them keeps secret, in a new session every second."""

import asyncio
import importlib
import itertools
import math
import sys
from contextlib import suppress
from types import ModuleType

from probe import Probe, exchanges

PARTIES = ("test", "server", "third")
PORT = 20_000
SESSION_SECONDS = 0.9


def modules() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "mpyc"}


def own_copy() -> dict[str, ModuleType]:
    """Import MPyC once more: what it knows of its party stands in its modules, of which a process has its own."""
    kept = modules()
    for name in kept:
        del sys.modules[name]
    importlib.import_module("mpyc.runtime")
    copy = modules()
    for name in copy:
        del sys.modules[name]
    sys.modules.update(kept)
    return copy


def new_runtime(copy, party, session):
    """Do what `mpyc.runtime.setup` does from a command line, for one session on ports of its own."""
    module = copy["mpyc.runtime"]
    options, _ = copy["mpyc"]._get_arg_parser().parse_known_args([])
    options.threshold, options.no_async, options.no_prss = 1, False, False
    first = PORT + len(PARTIES) * session
    parties = [module.Party(number, name, first + number) for number, name in enumerate(PARTIES)]
    runtime = module.Runtime(party, parties, options)
    for name in ("sectypes", "asyncoro", "mpctools", "seclists", "secpols", "secgroups", "random", "statistics"):
        copy[f"mpyc.{name}"].runtime = runtime
    return runtime


async def add(copy, party, session):
    """Return the sum of what the parties keep: the session's number, its square, and one."""
    runtime = new_runtime(copy, party, session)
    secret = (session, session**2, 1)[party]
    async with asyncio.timeout(SESSION_SECONDS):
        await runtime.start()
        integer = runtime.SecInt(32)
        shares = runtime.input(integer(secret))
        total = await runtime.output(runtime.sum(shares))
        await runtime.shutdown()
    return int(total)


def party(number):
    async def run():
        loop = asyncio.get_running_loop()
        copy = own_copy()
        for session in itertools.count(math.ceil(loop.time())):
            await asyncio.sleep(session - loop.time())
            with suppress(Exception):  # a session in which somebody is missing ends here, for all of them
                await add(copy, number, session)

    return run


async def client(node):
    copy = own_copy()

    async def exchange(number):
        return number if await add(copy, 0, number) == number + number**2 + 1 else None

    await exchanges(node, exchange)


PROBE = Probe(
    "three parties, connections among all, Shamir's sharing with threshold 1; a new session after a fault",
    party(1),
    client,
    ("mpyc",),
    hosts={"third": party(2)},
    remedy="each process imports a copy of its own (the party stands in the modules) and makes its `Runtime` itself",
)
