"""What `test_twins` lets each core run, in an interpreter of its own; programs come as hexadecimal digits."""

from collections.abc import Callable
from typing import Any

from inn import Inn
from test_order import WorldMachine, play, program_of

from simkit.kernel import core
from simkit.kernel import sleep as kernel_sleep

Say = Callable[[dict[str, Any]], None]


def name_of_core(say: Say) -> str:
    return core.name


def play_inns(say: Say, texts: list[str]) -> list[Any]:
    """Return of each program what its guests told, the digest, and how much there was to do."""
    told = []
    for text in texts:
        inn = Inn(bytes.fromhex(text), kernel_sleep.sleep)
        log = inn.play()
        told.append([log, inn.world.records.digest(), inn.world.steps, inn.world.sequence, inn.world.now_ns])
    return told


def play_orders(say: Say, texts: list[str], seed: int) -> list[Any]:
    """Return of each program of `test_order` the order of its callbacks."""
    return [play(WorldMachine(seed), program_of(bytes.fromhex(text))) for text in texts]
