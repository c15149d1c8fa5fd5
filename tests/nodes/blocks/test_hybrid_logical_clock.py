"""The hybrid logical clock: causality, closeness to physical time, and what happens when clocks are wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.hosts.clock import Clock
from simkit.kernel import World
from simkit_nodes.blocks.hybrid_logical_clock import (
    COUNTER_BITS,
    MICROSECOND,
    ClockAhead,
    HybridLogicalClock,
    counter,
    physical_ns,
    span_of,
    timestamp_of,
)


class Physical:
    """A clock that is set by hand."""

    def __init__(self, at_ns=0):
        self.at_ns = at_ns

    def wall_ns(self):
        return self.at_ns


# Who does what next: (host, how long it takes, whom it sends to or None for a local event).
histories = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30_000), st.none() | st.integers(0, 3)), max_size=80)
offsets = st.lists(st.integers(0, 1_000_000), min_size=4, max_size=4)


@given(histories, offsets)
def test_what_happened_before_has_the_smaller_timestamp_and_nobody_runs_ahead_of_the_fastest_clock(history, offsets):
    physical = [Physical() for _ in range(4)]
    clocks = [HybridLogicalClock(each) for each in physical]
    last = [-1] * 4
    true_ns = 10**15
    for host, takes_ns, to in history:
        true_ns += takes_ns
        for each, offset in zip(physical, offsets, strict=True):
            each.at_ns = true_ns + offset
        sent = clocks[host].now()
        assert sent > last[host]
        last[host] = sent
        if to is not None:
            clocks[to].update(sent)
            received = clocks[to].now()
            assert received > max(sent, last[to])
            last[to] = received
        # Kulkarni et al., theorem 4: l - pt <= the greatest difference of clocks; the counter carries beyond that.
        fastest_ns = max(each.at_ns for each in physical)
        assert physical_ns(last[host]) <= fastest_ns
        assert counter(last[host]) < 2 * len(history) + 2


@given(st.integers(0, 2**62 // MICROSECOND - 1), st.integers(0, 10**15))
def test_timestamps_and_physical_time_are_converted_without_loss_of_microseconds(microseconds, duration_ns):
    assert physical_ns(timestamp_of(microseconds * 1000)) == microseconds * 1000
    assert 0 <= (span_of(duration_ns) >> COUNTER_BITS) * 1000 - duration_ns < 1000


def test_a_clock_that_is_set_back_does_not_take_timestamps_back():
    physical = Physical(10**18)
    clock = HybridLogicalClock(physical)
    before = clock.now()
    physical.at_ns -= 10**9
    assert clock.now() == before + 1
    assert clock.physical_now() < before


def test_a_clock_that_drifts_is_within_its_drift():
    world = World(1)
    fast = Clock(world, drift_ppb=100_000)
    clock = HybridLogicalClock(fast)
    world.post(10 * 10**9, world.new_loop("a"), lambda: None)
    world.run(10 * 10**9)
    assert abs(physical_ns(clock.now()) - (world.epoch_ns + 10 * 10**9) - 1_000_000) < 1000


def test_the_counter_carries_into_the_microseconds():
    clock = HybridLogicalClock(Physical(10**18))
    given_out = [clock.now() for _ in range(MICROSECOND + 10)]
    assert given_out == sorted(set(given_out))
    assert physical_ns(given_out[-1]) == 10**18 + 1000


def test_whoever_is_too_far_ahead_is_not_followed():
    clock = HybridLogicalClock(Physical(10**18), offset_ns_max=500_000_000)
    clock.update(timestamp_of(10**18 + 400_000_000))
    latest = clock.latest
    with pytest.raises(ClockAhead, match=r"501.000 ms ahead; at most 500.000"):
        clock.update(timestamp_of(10**18 + 501_000_000))
    assert clock.latest == latest
