"""A machine's cores: how long work takes, and what becomes of it when the process stops or ends.

It deliberately uses the bare kernel: a loop stands for the process.
"""

import asyncio

import pytest

from simkit.hosts.cpu import Cpu, SlowDown
from simkit.kernel.world import World

SECOND = 10**9


@pytest.fixture
def world():
    world = World(1)
    yield world
    world.close()


@pytest.fixture
def loop(world):
    return world.new_loop("worker")


def start(world, loop, cpu, log, *seconds):
    """Begin one job after the other; log the virtual time at which each is done."""

    async def one(amount):
        await cpu.work(amount)
        log.append((world.now_ns / SECOND, amount))

    for amount in seconds:
        loop.create_task(one(amount))


def test_work_takes_the_time_that_the_speed_of_the_core_makes_of_it(world, loop):
    log = []
    start(world, loop, Cpu(world, speed=2.0), log, 3)
    world.run(10 * SECOND)
    assert log == [(1.5, 3)]


def test_jobs_wait_for_a_free_core_in_the_order_of_their_arrival(world, loop):
    log = []
    start(world, loop, Cpu(world, cores=2), log, 4, 1, 2, 3)
    world.run(20 * SECOND)
    assert log == [(1.0, 1), (3.0, 2), (4.0, 4), (6.0, 3)]


def test_backlog_is_what_a_job_that_arrives_now_would_wait(world, loop):
    cpu = Cpu(world)
    start(world, loop, cpu, [], 3, 4)
    world.run(SECOND)
    assert cpu.backlog_ns() == 6 * SECOND


def test_a_slow_down_holds_for_as_long_as_it_lasts_also_for_the_job_under_way_and_those_that_wait(world, loop):
    cpu, log = Cpu(world, cores=2), []
    start(world, loop, cpu, log, 4, 1, 3)
    world.run(2 * SECOND)
    undo = cpu.slow(10)
    world.run(7 * SECOND)  # half a second of work in five
    undo()
    start(world, loop, cpu, log, 1)
    world.run(20 * SECOND)
    assert log == [(1.0, 1), (8.5, 4), (8.5, 3), (9.5, 1)]


def test_a_slow_down_that_begins_and_ends_in_a_pause_changes_nothing(world, loop):
    cpu, log = Cpu(world), []
    start(world, loop, cpu, log, 4)
    world.run(SECOND)
    loop.freeze()
    cpu.pause()
    world.run(2 * SECOND)
    undo = cpu.slow(10)
    world.run(10 * SECOND)
    undo()
    loop.thaw()
    cpu.resume()
    world.run(100 * SECOND)
    assert log == [(13.0, 4)]


def test_slow_downs_multiply_and_are_undone_in_any_order_exactly():
    slow_down = SlowDown()
    first, second, third = slow_down.add(0.1), slow_down.add(3.0), slow_down.add(7.0)
    assert slow_down.factor == 0.1 * 3.0 * 7.0
    second()
    assert slow_down.factor == 0.1 * 7.0
    first()
    assert slow_down.factor == 7.0
    second()
    third()
    assert slow_down.factor == 1.0


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_a_factor_that_is_no_slow_down_is_refused(world, factor):
    with pytest.raises(ValueError, match="cannot slow down"):
        Cpu(world).slow(factor)


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(world, loop, seconds):
    refused = []

    async def body():
        with pytest.raises(ValueError, match="cannot work"):
            await Cpu(world).work(seconds)
        refused.append(seconds)

    loop.create_task(body())
    world.run(0)
    assert len(refused) == 1


def test_a_job_of_a_dead_process_vanishes_and_frees_its_core(world, loop):
    cpu, log = Cpu(world), []
    start(world, loop, cpu, log, 100)
    world.run(SECOND)
    loop.bury()
    cpu.process_ended()
    again = world.new_loop("worker", loop.index)
    start(world, again, cpu, log, 1)
    world.run(1000 * SECOND)
    assert log == [(2.0, 1)]


def test_code_that_outlives_its_process_by_the_rest_of_a_callback_computes_nothing(world, loop):
    cpu, log = Cpu(world), []

    async def body():
        loop.bury()
        cpu.process_ended()
        await cpu.work(1)
        log.append("went on")

    loop.create_task(body())
    world.run(0)
    assert cpu.backlog_ns() == 0
    world.run(10 * SECOND)
    assert log == []


def test_a_paused_process_has_what_was_left_of_its_work_still_before_it(world, loop):
    cpu, log = Cpu(world, cores=2), []
    start(world, loop, cpu, log, 4, 6, 1)
    world.run(3 * SECOND)
    loop.freeze()
    cpu.pause()
    world.run(90 * SECOND)
    assert log == []
    loop.thaw()
    cpu.resume()
    world.run(200 * SECOND)
    assert log == [(91.0, 4), (92.0, 1), (93.0, 6)]


def test_a_short_pause_only_shifts_what_is_under_way(world, loop):
    cpu, log = Cpu(world), []
    start(world, loop, cpu, log, 10, 5)
    world.run(SECOND)
    loop.freeze()
    cpu.pause()
    world.run(3 * SECOND)
    loop.thaw()
    cpu.resume()
    start(world, loop, cpu, log, 1)
    world.run(100 * SECOND)
    assert log == [(12.0, 10), (17.0, 5), (18.0, 1)]


def test_a_process_paused_twice_still_does_its_work_once(world, loop):
    cpu, log = Cpu(world), []
    start(world, loop, cpu, log, 10)
    for _ in range(2):
        world.run(world.now_ns + 3 * SECOND)
        loop.freeze()
        cpu.pause()
        world.run(world.now_ns + 100 * SECOND)
        loop.thaw()
        cpu.resume()
    world.run(1000 * SECOND)
    assert log == [(210.0, 10)]


def test_a_process_killed_in_a_pause_leaves_a_free_core(world, loop):
    cpu, log = Cpu(world), []
    start(world, loop, cpu, log, 10)
    world.run(SECOND)
    loop.freeze()
    cpu.pause()
    loop.bury()
    cpu.process_ended()
    start(world, world.new_loop("worker", loop.index), cpu, log, 1)
    world.run(1000 * SECOND)
    assert log == [(2.0, 1)]


def test_cancelling_the_caller_leaves_the_job_on_its_core(world, loop):
    cpu, log = Cpu(world), []

    async def body():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cpu.work(5), 1)
        await cpu.work(1)
        log.append(world.now_ns / SECOND)

    loop.create_task(body())
    world.run(100 * SECOND)
    assert log == [6.0]
