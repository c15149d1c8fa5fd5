"""A world whose time a test moves by hand."""

from collections.abc import Callable, Iterator

import pytest

from simkit.kernel.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """A world in which nothing happens by itself."""
    world = World(seed=7)
    yield world
    world.close()


@pytest.fixture
def at(world: World) -> Callable[[float], None]:
    """Move virtual time, in seconds."""

    def move(seconds: float) -> None:
        world.now_ns = round(seconds * 1e9)

    return move
