"""Hosts of a simkit world for the contenders: booted, with everything that a host of a scenario has.

Tasks belong to the host on whose loop they are made and run in a context of their own, as a node's do.
"""

from collections.abc import Coroutine
from typing import Any

from simkit.hosts.host import Host
from simkit.kernel import World, exchange, semaphore
from simkit.kernel import sleep as kernel_sleep

HORIZON_NS = 2**61
"""Later than anything here ends."""


def booted(world: World, count: int) -> list[Host]:
    """Return `count` hosts that are up; whatever waits is what it is in the interpreter that runs a scenario."""
    kernel_sleep.install()
    semaphore.install()
    exchange.install()
    hosts = [Host(world, f"host-{number}", index=number) for number in range(count)]
    for host in hosts:
        host.boot()
    return hosts


def start(host: Host, coroutine: Coroutine[Any, Any, None]) -> None:
    """Make a task on a host."""
    host.loop.create_task(coroutine, context=host.loop.context.copy())


def failing(host: Host, error: BaseException) -> None:
    """Raise what ended a host: a benchmark has no crashes."""
    raise error
