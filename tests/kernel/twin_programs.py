"""What `test_twins` lets each core run, in an interpreter of its own; programs come as hexadecimal digits."""

import logging
from collections.abc import Callable
from typing import Any

from inn import Inn
from test_order import WorldMachine, play, program_of
from town import Town

from simkit.kernel import Empirical, Stream, World, arithmetic, core
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


def play_towns(say: Say, texts: list[str]) -> list[Any]:
    """Return of each network what its people told, the digest, and how much there was to do."""
    logging.disable()
    told = []
    for text in texts:
        town = Town(bytes.fromhex(text))
        log = town.play()
        told.append([log, town.world.records.digest(), town.world.steps, town.world.sequence])
    return told


def play_draws(say: Say, seed: int, name: str, kinds: list[int], number: float) -> list[Any]:
    """Return draws of every kind from one stream, one after the other; floats to the last bit."""
    stream = Stream(seed, name)
    draws: tuple[Callable[[], Any], ...] = (
        stream.bits64,
        stream.random,
        lambda: stream.below(1 + int(number * 1e6)),
        lambda: stream.below(1 << 70),
        lambda: stream.chance(0.5),
        lambda: stream.uniform(-number, number * 3),
        lambda: stream.uniform(1, 2**60),
        lambda: stream.exponential(number),
        stream.standard_normal,
        lambda: stream.normal(number, 2),
        lambda: stream.lognormal(number, 1.5),
        lambda: stream.bytes(int(number) % 30).hex(),
        lambda: stream.choice(range(1000)),
        lambda: stream.sample(range(50), 5),
        lambda: Empirical((0.5, 1.0, number + 2)).draw(stream),
    )
    drawn = [draws[kind % len(draws)]() for kind in kinds]
    functions = [arithmetic.log(number), arithmetic.exp(number - 600), arithmetic.exp(-number)]
    return [each.hex() if isinstance(each, float) else each for each in drawn + functions]


def play_records(say: Say, writes: list[list[Any]]) -> list[Any]:
    """Return the digest over some records, and what an observer has seen of them."""
    world = World(1)
    seen: list[Any] = []
    world.records.subscribe(("message", "log"), lambda record: seen.append(repr(tuple(record))))
    for kind, host, payload, *detail in writes:
        world.now_ns += len(payload) ** 2
        world.records.write(kind, host, *detail, payload=payload.encode(), value=host)
    return [world.records.digest(), world.records.count, seen]


def play_orders(say: Say, texts: list[str], seed: int) -> list[Any]:
    """Return of each program of `test_order` the order of its callbacks."""
    return [play(WorldMachine(seed), program_of(bytes.fromhex(text))) for text in texts]
