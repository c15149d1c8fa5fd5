"""A machine's clock: what it shows, and when the world reaches what it will show.

It deliberately says nothing about who corrects clocks.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.hosts.clock import Clock
from simkit.kernel.world import World

SECOND = 10**9
HOUR = 3600 * SECOND


class Time:
    """All that a clock asks of its world."""

    now_ns = 0
    epoch_ns = 0


drifts = st.one_of(st.just(0), st.integers(-200_000, 200_000), st.integers(-999_999_999, 10**10))


@pytest.fixture
def world():
    world = World(1)
    yield world
    world.close()


def test_a_perfect_clock_shows_the_worlds_time(world):
    clock = Clock(world)
    world.run(5 * SECOND)
    assert clock.monotonic_ns() == 5 * SECOND
    assert clock.wall_ns() == world.epoch_ns + 5 * SECOND
    assert (clock.monotonic(), clock.time()) == (5.0, (world.epoch_ns + 5 * SECOND) / 1e9)
    assert clock.world_ns(7) == 7
    assert clock.perfect


def test_an_offset_moves_the_wall_clock_only(world):
    clock = Clock(world, offset_ns=-3 * SECOND)
    clock.shift(10 * SECOND)
    assert clock.wall_ns() == world.epoch_ns + 7 * SECOND
    assert clock.monotonic_ns() == 0
    assert clock.perfect


def test_a_fast_crystal_gains_its_drift(world):
    clock = Clock(world, drift_ppb=100_000)
    world.run(10_000 * SECOND)
    assert clock.monotonic_ns() == 10_001 * SECOND
    assert clock.world_ns(10_001 * SECOND) == 10_000 * SECOND
    assert not clock.perfect


def test_a_changed_rate_does_not_jump_and_does_not_give_back_what_was_gained(world):
    clock = Clock(world)
    clock.set_drift(10**9)
    world.run(SECOND)
    assert clock.monotonic_ns() == 2 * SECOND
    clock.set_drift(0)
    assert clock.monotonic_ns() == 2 * SECOND
    world.run(2 * SECOND)
    assert clock.monotonic_ns() == 3 * SECOND
    assert clock.drift_ppb == 0
    assert not clock.perfect


def test_what_a_clock_showed_before_its_rate_changed_has_passed(world):
    clock = Clock(world)
    world.run(SECOND)
    clock.set_drift(10**9)
    assert clock.world_ns(SECOND // 2) == SECOND


def test_a_drift_undone_before_it_showed_leaves_a_perfect_clock(world):
    clock = Clock(world)
    clock.set_drift(5)
    clock.set_drift(0)
    assert clock.perfect


def test_a_change_of_rate_is_told_and_none_is_not(world):
    clock, told = Clock(world), []
    clock.on_rate_change.append(lambda: told.append(clock.drift_ppb))
    clock.set_drift(7)
    clock.set_drift(7)
    clock.shift(SECOND)
    clock.set_drift(0)
    assert told == [7, 0]


@pytest.mark.parametrize("drift_ppb", [-(10**9), -2 * 10**9])
def test_a_clock_that_would_stand_or_go_back_is_refused(world, drift_ppb):
    with pytest.raises(ValueError, match="does not go forward"):
        Clock(world, drift_ppb=drift_ppb)


@given(changes=st.lists(st.tuples(st.integers(0, HOUR), drifts), max_size=6), ahead_ns=st.integers(0, HOUR))
def test_the_world_reaches_a_host_time_at_the_first_moment_that_shows_it(changes, ahead_ns):
    world = Time()
    clock = Clock(world)
    for wait_ns, drift_ppb in changes:
        world.now_ns += wait_ns
        clock.set_drift(drift_ppb)
    wanted_ns = clock.monotonic_ns() + ahead_ns
    at_ns = clock.world_ns(wanted_ns)
    changed_ns = world.now_ns
    if at_ns > changed_ns:
        world.now_ns = at_ns - 1
        assert clock.monotonic_ns() < wanted_ns
    world.now_ns = max(at_ns, changed_ns)
    assert clock.monotonic_ns() >= wanted_ns


@given(steps=st.lists(st.tuples(st.integers(0, HOUR), drifts, st.integers(-HOUR, HOUR)), max_size=20))
def test_monotonic_time_never_steps_back_whatever_happens_to_the_clock(steps):
    world = Time()
    clock = Clock(world)
    before_ns = 0
    for wait_ns, drift_ppb, by_ns in steps:
        world.now_ns += wait_ns
        shown_ns = clock.monotonic_ns()
        assert shown_ns >= before_ns
        clock.set_drift(drift_ppb)
        clock.shift(by_ns)
        assert clock.monotonic_ns() == shown_ns
        before_ns = shown_ns


@given(changes=st.lists(st.tuples(st.integers(0, HOUR), st.integers(-100, 100)), min_size=1, max_size=30))
def test_a_clock_loses_less_than_a_nanosecond_at_each_change_of_rate(changes):
    world = Time()
    clock = Clock(world)
    exact_ns_billionths = 0
    for wait_ns, drift_ppb in changes:
        exact_ns_billionths += wait_ns * (10**9 + clock.drift_ppb)
        world.now_ns += wait_ns
        clock.set_drift(drift_ppb)
    error = exact_ns_billionths - clock.monotonic_ns() * 10**9
    assert 0 <= error < (len(changes) + 1) * 10**9
