"""What `now` shows, when events are due, and what a host's faults and clock do to its processes."""

import asyncio
import gc
from collections.abc import Callable, Generator
from math import inf, nan
from typing import Any

import pytest
import simpy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simkit.hosts import Clock, Host
from simkit.kernel import Limits, World
from simkit.simulation import HostEnvironment

SECOND = 10**9
Steps = Generator[simpy.Event, Any, Any]


def clockwork(env: simpy.Environment, delay: float, told: list[Any]) -> Steps:
    """Tell the time after every `delay`, and tell when the process is unwound."""
    try:
        while True:
            yield env.timeout(delay)
            told.append(env.now)
    finally:
        told.append("finally")


# -- now


def test_now_is_the_time_of_the_host_in_units_of_the_environment(world: World, host: Host) -> None:
    world.run(90 * SECOND)
    seconds, minutes = HostEnvironment(host.loop), HostEnvironment(host.loop, unit_seconds=60)
    assert (seconds.now, minutes.now) == (90.0, 1.5)
    world.run(120 * SECOND)
    assert (seconds.now, minutes.now) == (120.0, 2.0) == (host.loop.time(), host.loop.time() / 60)


def test_a_model_may_count_from_its_own_beginning(world: World, host: Host) -> None:
    world.run(90 * SECOND)
    env = HostEnvironment(host.loop, initial_time=0)
    told: list[Any] = []
    env.process(clockwork(env, 0.1, told))
    world.run(world.now_ns + SECOND // 2)
    assert told == [0.1, 0.2, 0.30000000000000004, 0.4, 0.5]
    assert env.now == 0.5


def test_a_coroutine_that_waits_for_events_sees_the_same_floats_as_a_process(world: World) -> None:
    told: list[Any] = []

    async def program(host: Host) -> None:
        env = HostEnvironment()
        while True:
            await env.wait(env.timeout(0.1))
            told.append(env.now)

    Host(world, "a", program=program).boot()
    world.run(SECOND // 2)
    assert told == [0.1, 0.2, 0.30000000000000004, 0.4, 0.5]


def test_a_timeout_begins_when_the_coroutine_makes_it_not_at_the_last_event(world: World, host: Host) -> None:
    env = HostEnvironment(host.loop)
    told: list[Any] = []

    async def late() -> None:
        await asyncio.sleep(2.5)
        await env.wait(env.timeout(1))
        told.append((env.now, host.loop.time()))

    env.process(clockwork(env, 1.0, []))
    host.loop.create_task(late())
    world.run(4 * SECOND)
    assert told == [(3.5, 3.5)]


def test_reading_the_time_from_outside_leaves_the_floats_of_the_model_alone(world: World, host: Host) -> None:
    env = HostEnvironment(host.loop)
    told: list[Any] = []

    async def read() -> None:
        while True:
            assert env.now >= 0
            await asyncio.sleep(1e-9)

    env.process(clockwork(env, 1e-10, told))
    host.loop.create_task(read())
    world.run(3)
    expected, now = [], 0.0
    while (now := now + 1e-10) <= 3e-9:
        expected.append(now)
    assert told == expected


@settings(max_examples=150, deadline=None)
@given(
    time=st.floats(0, 1e9),
    unit_seconds=st.sampled_from([1.0, 60.0, 3600.0, 1e-3, 1e-9]),
    initial=st.sampled_from([None, 0, 1, 0.1, 1e6, 1e15, -1e12]),
    start_ns=st.integers(0, 10**16),
)
@example(time=0.1 + 0.2, unit_seconds=1.0, initial=None, start_ns=0)
@example(time=1e9, unit_seconds=1e-9, initial=1e15, start_ns=7)
def test_an_event_is_due_at_the_first_nanosecond_that_shows_its_time(
    time: float, unit_seconds: float, initial: float | None, start_ns: int
) -> None:
    world = World(1)
    world.run(start_ns)
    env = HostEnvironment(world.new_loop("a"), unit_seconds=unit_seconds, initial_time=initial)
    time = time if initial is None else time + initial
    due_ns = env._due_ns(time)
    assert due_ns >= 2**62 or env._shown(due_ns - 1) < time <= env._shown(due_ns)


@pytest.mark.parametrize("unit_seconds", [0, -1.0, 1e-10, 1 / 3, inf, nan])
def test_a_unit_is_a_whole_number_of_nanoseconds(host: Host, unit_seconds: float) -> None:
    with pytest.raises(ValueError, match="whole number of nanoseconds"):
        HostEnvironment(host.loop, unit_seconds=unit_seconds)


def test_an_event_at_the_end_of_time_never_comes_and_one_at_no_time_is_refused(world: World, host: Host) -> None:
    env = HostEnvironment(host.loop)
    never = env.timeout(inf)
    world.run(1000 * SECOND)
    assert not never.processed
    with pytest.raises(ValueError, match="not a number"):
        env.timeout(nan)


# -- processes and their host


def begin_work(host: Host, told: list[Any]) -> None:
    """Start processes in an environment that only they know."""
    env = HostEnvironment(host.loop)
    env.process(clockwork(env, 1.0, told))

    def forgotten() -> Steps:
        try:
            yield env.event()  # that nobody else knows
        finally:
            told.append("finally")

    env.process(forgotten())
    simpy.Process(env, forgotten())


@pytest.mark.parametrize("end", [Host.kill, Host.power_cut, Host.wipe])
def test_processes_die_with_their_host_and_run_no_finally(
    world: World, host: Host, end: Callable[[Host], None]
) -> None:
    told: list[Any] = []
    begin_work(host, told)
    world.run(2 * SECOND)
    end(host)
    world.run(5 * SECOND)
    gc.collect()
    assert told == [1.0, 2.0]
    world.close()
    gc.collect()
    assert told == [1.0, 2.0]


def test_a_process_that_waits_for_what_nobody_else_knows_is_not_collected(world: World, host: Host) -> None:
    told: list[Any] = []
    env = HostEnvironment(host.loop)

    def forgotten() -> Steps:
        try:
            yield env.event()
        finally:
            told.append("finally")

    env.process(forgotten())
    world.run(SECOND)
    gc.collect()
    assert told == []
    assert len(env._unfinished) == 1


def test_a_process_that_ended_is_forgotten(world: World, host: Host) -> None:
    env = HostEnvironment(host.loop)

    def brief() -> Steps:
        yield env.timeout(1)

    for _ in range(3):
        env.process(brief())
    world.run(2 * SECOND)
    assert not env._unfinished


def test_a_process_that_kills_its_own_host_has_no_later_effect(world: World, host: Host) -> None:
    env = HostEnvironment(host.loop)
    told: list[Any] = []

    def killer() -> Steps:
        yield env.timeout(1)
        host.kill()
        env.process(clockwork(env, 1, told))
        yield env.timeout(0)
        told.append("killer lives")

    def neighbour() -> Steps:
        yield env.timeout(1)
        told.append("neighbour lives")

    env.process(killer())
    env.process(neighbour())
    world.run(10 * SECOND)
    assert told == []


def test_the_next_process_of_the_host_has_an_environment_of_its_own(world: World) -> None:
    told: list[Any] = []

    async def program(host: Host) -> None:
        env = HostEnvironment(initial_time=0)
        env.process(clockwork(env, 1.0, told))
        await host.loop.create_future()

    host = Host(world, "a", program=program)
    host.boot()
    world.run(2 * SECOND)
    host.kill()
    told.append("boot")
    host.boot()
    world.run(4 * SECOND)
    assert told == [1.0, 2.0, "boot", 1.0, 2.0]


def test_a_paused_host_stands_still_and_then_has_its_overdue_events_in_order(world: World, host: Host) -> None:
    env = HostEnvironment(host.loop)
    told: list[Any] = []

    def sleeper(name: str, delay: float) -> Steps:
        yield env.timeout(delay)
        told.append((name, env.now))
        yield env.timeout(1)
        told.append((name, env.now))

    for name, delay in (("third", 4.5), ("first", 2), ("second", 3), ("punctual", 10)):
        env.process(sleeper(name, delay))
    world.run(SECOND)
    host.pause()
    world.run(10 * SECOND - 1)
    assert told == []
    world.run(10 * SECOND)
    host.resume()
    world.run(12 * SECOND)
    assert told == [
        *((name, 10.0) for name in ("first", "second", "third", "punctual")),
        *((name, 11.0) for name in ("first", "second", "third", "punctual")),
    ]


@pytest.mark.parametrize("resume_ns", [3, 4, 5])
def test_time_never_goes_back_for_a_process(world: World, host: Host, resume_ns: int) -> None:
    env = HostEnvironment(host.loop)
    told: list[Any] = []
    for delay in (0.7e-9, 0.3e-9, 1e-10):
        env.process(clockwork(env, delay, told))
    world.run(1)
    host.pause()
    world.run(resume_ns)
    host.resume()
    world.run(10)
    assert told == sorted(told)
    assert told[-1] <= 1e-8


def test_a_process_that_pauses_its_own_host_goes_on_where_it_stood(world: World, host: Host) -> None:
    env = HostEnvironment(host.loop)
    told: list[Any] = []

    def pausing() -> Steps:
        yield env.timeout(1)
        host.pause()
        yield env.timeout(0)
        told.append(env.now)

    env.process(pausing())
    world.run(3 * SECOND)
    assert told == []
    host.resume()
    world.run(4 * SECOND)
    assert told == [3.0]


def test_a_drifting_host_has_the_same_floats_at_other_times_of_the_world(world: World) -> None:
    told: list[Any] = []

    async def program(host: Host) -> None:
        env = HostEnvironment()

        def process() -> Steps:
            while True:
                yield env.timeout(0.1)
                told.append((env.now, world.now_ns))

        await env.wait(env.process(process()))

    Host(world, "a", clock=Clock(world, drift_ppb=100_000), program=program).boot()
    world.run(350_000_000)
    assert told == [(0.1, 99_990_001), (0.2, 199_980_002), (0.30000000000000004, 299_970_004)]


def test_events_follow_a_clock_whose_rate_changes(world: World, host: Host) -> None:
    env = HostEnvironment(host.loop)
    told: list[Any] = []
    env.process(clockwork(env, 1.0, told))
    world.run(SECOND + SECOND // 2)
    host.clock.set_drift(SECOND)  # twice as fast: the clock shows 2 s at 1.75 s
    world.run(1_749_999_999)
    assert told == [1.0]
    world.run(1_750_000_000)
    assert told == [1.0, 2.0]
    world.run(2_250_000_000)
    assert (told, env.now) == ([1.0, 2.0, 3.0], 3.0)


def test_the_worlds_own_loop_can_have_an_environment(world: World) -> None:
    env = HostEnvironment(world.control)
    told: list[Any] = []
    env.process(clockwork(env, 2, told))
    world.run(5 * SECOND)
    assert told == [2.0, 4.0]


# -- errors


def test_nobody_but_the_world_runs_an_environment(host: Host) -> None:
    env = HostEnvironment(host.loop)
    env.timeout(1)
    with pytest.raises(RuntimeError, match=r"env\.run\(\) has no place in a world.*await env\.wait\(event\)"):
        env.run(until=10)
    with pytest.raises(RuntimeError, match=r"env\.step\(\) has no place in a world"):
        env.step()


def test_running_the_environment_from_its_own_process_ends_the_host_with_that_error(world: World, host: Any) -> None:
    env = HostEnvironment(host.loop)

    def impatient() -> Steps:
        yield env.timeout(1)
        env.run()

    env.process(impatient())
    world.run(2 * SECOND)
    assert host.state == "down"
    assert "env.run() has no place" in str(host.failures[0])


def test_an_unhandled_failure_ends_the_host_as_any_exception_does(world: World, host: Any) -> None:
    env = HostEnvironment(host.loop)
    told: list[Any] = []

    def broken() -> Steps:
        yield env.timeout(1)
        raise KeyError("lost")

    env.process(broken())
    env.process(clockwork(env, 1, told))
    world.run(3 * SECOND)
    assert (host.state, host.exit_code) == ("down", 1)
    assert [repr(error) for error in host.failures] == ["KeyError('lost')"]
    assert isinstance(host.failures[0].__cause__, KeyError)
    assert told == [1.0]


def test_a_process_that_yields_no_event_ends_the_host(world: World, host: Any) -> None:
    env = HostEnvironment(host.loop)

    def wrong() -> Steps:
        yield 1  # type: ignore[misc]

    env.process(wrong())
    world.run(SECOND)
    assert "Invalid yield value" in str(host.failures[0])
    assert env.active_process is None


def test_processes_that_never_let_time_pass_are_a_livelock() -> None:
    world = World(1, limits=Limits(steps_per_instant=100))
    told: list[Any] = []
    loop = world.new_loop("a")
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]) or loop.bury())
    env = HostEnvironment(loop)
    env.process(clockwork(env, 0, []))
    world.run(SECOND)
    assert "SimPy on host 'a' took 100 events at 0 ns without letting time pass: <Timeout(0)" in str(told[0])
    world.close()


def test_an_environment_needs_the_loop_of_a_host(world: World) -> None:
    async def outside() -> None:
        HostEnvironment()

    with pytest.raises(TypeError, match="event loop of a simulated host"):
        asyncio.run(outside())
