"""The kernel gives back what it takes: no object and no block of memory is left when a world is closed.

A reference too many in the compiled core would show here; one too few would end the interpreter.
"""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from simkit.kernel import Empirical, Stream, World
from simkit.kernel import sleep as kernel_sleep
from tests.kernel.inn import Inn
from tests.kernel.town import Town

TEXTS = [b"".join(sha256(bytes([one, two])).digest() for two in range(8)) for one in range(40)]


def guests() -> None:
    for text in TEXTS:
        Inn(text, kernel_sleep.sleep).play()


def letters() -> None:
    logging.disable()  # who captures logs keeps the exceptions in them
    for text in TEXTS[:8]:
        Town(text).play()
    logging.disable(logging.NOTSET)


def draws() -> None:
    for number in range(200):
        stream = Stream(number, f"leak/{number}")
        stream.lognormal(1, 2), stream.below(1 << 90), stream.bytes(9), stream.sample(range(9), 3)
        Empirical((1.0, 2.0, 3.0)).draw(stream)


def misuse() -> None:
    world = World(1)
    loop: Any = world.new_loop("a")
    nap = asyncio.sleep(0)
    wrong: tuple[Callable[[], object], ...] = (
        lambda: loop.call_later(None, print),
        lambda: loop.call_at(float("nan"), print),
        lambda: loop.call_soon(),
        lambda: loop.call_soon(print, other=1),
        lambda: loop.create_task(3),
        lambda: loop.create_task(nap, colour="red"),
        lambda: world.post(-1, loop, print),
        lambda: world.post(1, print, print),  # type: ignore[arg-type]
        lambda: Stream(1, "a").below(0),
        lambda: asyncio.sleep(),  # type: ignore[call-arg]
    )
    for number in range(50):
        for each in wrong:
            try:
                each()
            except (TypeError, ValueError, AttributeError):
                continue
            raise AssertionError(f"number {number} went well")
    nap.close()
    world.close()


def many_at_once() -> None:
    """Fill the free lists of the compiled core, which keep a few hundred objects for the next."""
    world = World(1)
    kept = [(kernel_sleep.sleep(1), world.post(1, world.control, print)) for _ in range(300)]
    for nap, posted in kept:
        nap.close()
        posted.cancel()
    world.close()


@pytest.mark.parametrize("work", [guests, letters, draws, misuse], ids=lambda work: work.__name__)
def test_nothing_is_left_of_a_closed_world(work: Callable[[], None]) -> None:
    many_at_once()
    for _ in range(10):  # what is made once, and free lists
        work()
    gc.collect()
    blocks, objects = sys.getallocatedblocks(), len(gc.get_objects())
    for _ in range(15):
        work()
    gc.collect()
    assert len(gc.get_objects()) - objects < 20
    assert sys.getallocatedblocks() - blocks < 500  # the interpreter keeps free lists, too
