"""A wandering crystal strays as a random walk does: its variance grows with time, its time error with time cubed."""

from math import sqrt

import pytest

from simkit.hosts.clock import Clock
from simkit.hosts.wander import Wander
from simkit.kernel import World

CLOCKS = 400
SECONDS = 1600


@pytest.fixture(scope="module")
def clocks():
    world = World(seed=3)
    made = [Clock(world) for _ in range(CLOCKS)]
    for number, clock in enumerate(made):
        Wander(world, clock, str(number), 5.0).start()
    seen = []
    for _ in range(2):
        world.run(world.now_ns + SECONDS * 10**9 // 2)
        seen.append([(clock.drift_ppb, clock.monotonic_ns() - world.now_ns) for clock in made])
    yield seen
    world.close()


def deviation(values):
    return sqrt(sum(value**2 for value in values) / len(values))


def test_the_frequency_strays_with_the_square_root_of_time(clocks):
    half, whole = ([drift for drift, _ in seen] for seen in clocks)
    # A standard deviation estimated from 400 clocks has itself one of 3.5 %: three of them.
    assert deviation(whole) == pytest.approx(5.0 * sqrt(SECONDS), rel=0.11)
    assert deviation(half) == pytest.approx(5.0 * sqrt(SECONDS / 2), rel=0.11)


def test_the_time_error_grows_with_time_to_the_power_of_three_halves(clocks):
    errors = [error for _, error in clocks[1]]
    assert deviation(errors) == pytest.approx(5.0 * SECONDS**1.5 / sqrt(3), rel=0.12)


def test_a_deviation_below_zero_is_refused():
    world = World(1)
    with pytest.raises(ValueError, match="not negative"):
        Wander(world, Clock(world), "x", -1.0)
    world.close()
