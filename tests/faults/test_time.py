"""Wall clocks that are wrong and crystals that run too fast or too slow.

It deliberately looks at what the host's own clock and timers show, not at who might correct them.
"""

import asyncio

import pytest
from pydantic import ValidationError

from simkit.language.problem import Refusal
from simkit.language.units import Drift, Offset
from simkit.network.ntp import TimeDaemon
from simkit_faults.time import ClockDrift, ClockOffset, ClockStep, LeapSecond, SyncLost

SECOND = 10**9


@pytest.mark.parametrize(("text", "ns"), [("10min", 600 * SECOND), ("-5min", -300 * SECOND)])
def test_an_offset_steps_the_wall_clock_and_steps_it_back(arena, text, ns):
    clock = arena.hosts["a-0"].clock
    before_ns = clock.wall_ns()
    with ClockOffset(by=Offset.parse(text)).hold(arena, (arena.hosts["a-0"],)):
        assert clock.wall_ns() == before_ns + ns
        assert clock.monotonic_ns() == 0
        assert arena.hosts["a-1"].clock.wall_ns() == before_ns
        arena.world.run(SECOND)
    assert clock.wall_ns() == before_ns + SECOND
    assert clock.offset_ns == 0
    assert clock.perfect


def test_offsets_add_up(arena):
    host = arena.hosts["a-0"]
    with (
        ClockOffset(by=Offset.parse("1s")).hold(arena, (host,)),
        ClockOffset(by=Offset.parse("-3s")).hold(arena, (host,)),
    ):
        assert host.clock.offset_ns == -2 * SECOND
    assert host.clock.offset_ns == 0


def test_a_drifting_clock_gains_and_its_timers_with_it(arenas):
    log = []

    async def ticking(host):
        while host.name == "a-0":
            await asyncio.sleep(10)
            log.append(host.world.now_ns / SECOND)

    arena = arenas(program=ticking)
    with ClockDrift(by=Drift.parse("25%")).hold(arena, (arena.hosts["a-0"],)):
        arena.world.run(20 * SECOND)
        assert arena.hosts["a-0"].clock.monotonic_ns() == 25 * SECOND
    arena.world.run(36 * SECOND)
    # A timer that was under way when the rate changed back has half of its ten seconds left.
    assert log == [8, 16, 25, 35]


def test_a_healed_drift_leaves_the_wall_clock_right_and_monotonic_time_where_it_got_to(arena):
    host = arena.hosts["a-0"]
    with ClockDrift(by=Drift.parse("333ppm")).hold(arena, (host,)):
        arena.world.run(1_000 * SECOND + 7)
    assert host.clock.drift_ppb == 0
    assert host.clock.wall_ns() == arena.world.epoch_ns + arena.world.now_ns
    assert host.clock.monotonic_ns() == 1_000 * SECOND + 7 + 333_000_000
    arena.world.run(2_000 * SECOND)
    assert host.clock.wall_ns() == arena.world.epoch_ns + arena.world.now_ns


def test_drifts_add_up_and_heal_in_any_order_to_the_nanosecond(arena):
    host = arena.hosts["a-0"]
    first = ClockDrift(by=Drift.parse("100ppm")).hold(arena, (host,))
    second = ClockDrift(by=Drift.parse("-30ppm")).hold(arena, (host,))
    first.__enter__()
    arena.world.run(1_000 * SECOND)
    second.__enter__()
    arena.world.run(2_000 * SECOND)
    assert host.clock.drift_ppb == 70_000
    first.__exit__(None, None, None)
    arena.world.run(3_000 * SECOND)
    second.__exit__(None, None, None)
    assert host.clock.drift_ppb == 0
    assert abs(host.clock.wall_ns() - arena.world.epoch_ns - arena.world.now_ns) <= 2


def test_a_clock_that_would_stand_still_is_refused():
    with pytest.raises((ValidationError, Refusal)):
        ClockDrift.model_validate_json('{"by": "-100%"}')


# -- steps, leap seconds, lost sources


def wall_error_ns(host):
    return host.clock.wall_ns() - host.world.epoch_ns - host.world.now_ns


def test_a_step_stays(arena):
    host = arena.hosts["a-0"]
    ClockStep(by=Offset.parse("-2s")).strike(arena, (host,))
    arena.world.run(10 * SECOND)
    assert wall_error_ns(host) == -2 * SECOND
    assert host.clock.monotonic_ns() == 10 * SECOND


def leap(arena, *hosts, **options):
    arena.world.control.create_task(LeapSecond(**options).carry_out(arena, hosts))


def test_a_leap_second_is_repeated_and_who_does_not_know_of_it_stays_ahead(arena):
    knows, ignores = arena.hosts["a-0"], arena.hosts["a-1"]
    leap(arena, knows)
    leap(arena, ignores, mode="none")
    arena.world.run(SECOND)
    assert (wall_error_ns(knows), wall_error_ns(ignores)) == (-SECOND, 0)


def test_a_smear_takes_a_day_and_never_steps(arena):
    host = arena.hosts["a-0"]
    leap(arena, host, mode="smear")
    for hour in range(1, 25):
        arena.world.run(hour * 3600 * SECOND)
        assert wall_error_ns(host) == pytest.approx(-SECOND * hour / 24, abs=1_000_000)
    arena.world.run(30 * 3600 * SECOND)
    assert wall_error_ns(host) == pytest.approx(-SECOND, abs=1_000_000)
    assert host.clock.drift_ppb == 0


def test_a_clock_without_its_source_runs_on_and_its_bound_grows(arenas):
    arena = arenas()
    host, source = arena.hosts["a-0"], arena.hosts["b-0"]
    host.clock.set_drift(20_000)
    machines = [arena.network.interfaces[name] for name in ("a-0", "b-0")]
    TimeDaemon(machines[0], (machines[1],), 4 * SECOND).start()
    arena.world.run(600 * SECOND)
    with SyncLost().hold(arena, (host, source)):
        arena.world.run(700 * SECOND)
        before_ns = host.clock.error_ns()
        arena.world.run(1700 * SECOND)
        assert host.clock.error_ns() - before_ns == pytest.approx(15_000 * 1000, rel=0.02)
    arena.world.run(2000 * SECOND)
    assert host.clock.error_ns() < before_ns
