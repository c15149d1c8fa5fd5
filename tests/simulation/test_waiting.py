"""Coroutines wait for SimPy events, SimPy processes for coroutines and futures."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

import pytest
import simpy

from simkit.hosts import Host
from simkit.kernel import World
from simkit.simulation import HostEnvironment

SECOND = 10**9
Steps = Generator[simpy.Event, Any, Any]


@pytest.fixture
def env(host: Host) -> HostEnvironment:
    return HostEnvironment(host.loop)


def run(world: World, host: Host, coroutine: Coroutine[Any, Any, Any], seconds: int = 20) -> Any:
    """Return what a coroutine of the host returns."""
    task = host.loop.create_task(coroutine)
    world.run(world.now_ns + seconds * SECOND)
    return task.result()


# -- a coroutine waits


def test_a_coroutine_gets_the_value_of_an_event(world: World, host: Host, env: HostEnvironment) -> None:
    async def waiting() -> Any:
        return await env.wait(env.timeout(3, "value")), env.now

    assert run(world, host, waiting()) == ("value", 3.0)


def test_a_coroutine_gets_what_a_process_returns_or_raises(world: World, host: Any, env: HostEnvironment) -> None:
    def process(error: Exception | None) -> Steps:
        yield env.timeout(1)
        if error is not None:
            raise error
        return "result"

    async def waiting() -> Any:
        assert await env.wait(env.process(process(None))) == "result"
        with pytest.raises(LookupError, match="gone"):
            await env.wait(env.process(process(LookupError("gone"))))
        return env.now

    assert run(world, host, waiting()) == 2.0
    assert host.failures == []


def test_waiting_for_what_has_happened_takes_no_time(world: World, host: Host, env: HostEnvironment) -> None:
    async def waiting() -> Any:
        event = env.timeout(1, "old")
        await asyncio.sleep(2)
        return await env.wait(event), env.now

    assert run(world, host, waiting()) == ("old", 2.0)


def test_several_coroutines_wait_for_one_event(world: World, host: Host, env: HostEnvironment) -> None:
    async def waiting() -> Any:
        event = env.event()
        env.loop.call_later(1, event.succeed, 7)
        return await asyncio.gather(env.wait(event), env.wait(event), env.wait(event))

    assert run(world, host, waiting()) == [7, 7, 7]


def test_a_coroutine_shares_resources_with_processes(world: World, host: Host, env: HostEnvironment) -> None:
    told: list[Any] = []
    room = simpy.Resource(env)
    store = simpy.Store(env)

    def process() -> Steps:
        with room.request() as request:
            yield request
            yield env.timeout(2)
        told.append(("process got", (yield store.get()), env.now))

    async def waiting() -> None:
        await asyncio.sleep(1)
        with room.request() as request:
            await env.wait(request)
            told.append(("room is free", env.now))
            await asyncio.sleep(1)
            await env.wait(store.put("parcel"))

    env.process(process())
    run(world, host, waiting())
    assert told == [("room is free", 2.0), ("process got", "parcel", 3.0)]
    assert room.count == 0


def test_a_condition_brings_its_values(world: World, host: Host, env: HostEnvironment) -> None:
    async def waiting() -> Any:
        fast, slow = env.timeout(1, "fast"), env.timeout(2, "slow")
        return list((await env.wait(fast | slow)).values()), list((await env.wait(fast & slow)).values())

    assert run(world, host, waiting()) == (["fast"], ["fast", "slow"])


def test_who_gives_up_leaves_nothing_behind(world: World, host: Host, env: HostEnvironment) -> None:
    event = env.event()

    async def waiting() -> Any:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(env.wait(event), 1.5)
        assert event.callbacks == []
        return env.now

    assert run(world, host, waiting()) == 1.5


def test_a_failure_that_nobody_waits_for_any_more_ends_the_host(world: World, host: Any, env: HostEnvironment) -> None:
    event = env.event()

    async def waiting() -> None:
        waiter = env.wait(event)
        waiter.cancel()
        event.fail(LookupError("nobody's"))

    run(world, host, waiting())
    assert [repr(error) for error in host.failures] == ['LookupError("nobody\'s")']


def test_an_event_of_another_environment_is_refused(world: World, host: Host, env: HostEnvironment) -> None:
    with pytest.raises(ValueError, match="another environment"):
        env.wait(HostEnvironment(host.loop).event())
    with pytest.raises(ValueError, match="another environment"):
        env.wait(simpy.Environment().event())


def test_a_coroutine_of_another_host_cannot_wait(world: World, host: Host, env: HostEnvironment) -> None:
    other = world.new_loop("b")

    async def waiting() -> None:
        await env.wait(env.event())

    task = other.create_task(waiting())
    world.run(SECOND)
    with pytest.raises(RuntimeError, match="different loop"):
        task.result()


# -- a process waits


def test_a_process_gets_what_a_coroutine_returns(world: World, host: Host, env: HostEnvironment) -> None:
    told: list[Any] = []

    async def ask() -> str:
        await asyncio.sleep(1.5)
        return "answer"

    def process() -> Steps:
        told.append((yield env.from_coroutine(ask())))
        told.append(env.now)
        yield env.timeout(1)
        told.append(env.now)

    env.process(process())
    world.run(3 * SECOND)
    assert told == ["answer", 1.5, 2.5]


def test_a_process_gets_the_exception_of_a_coroutine(world: World, host: Any, env: HostEnvironment) -> None:
    told: list[Any] = []

    async def refuse() -> None:
        raise ConnectionRefusedError(111, "refused")

    async def stop_reading() -> None:
        raise asyncio.IncompleteReadError(b"half", 8)  # which cannot be made again from its arguments

    def process() -> Steps:
        for coroutine in (refuse(), stop_reading()):
            try:
                yield env.from_coroutine(coroutine)
            except (OSError, RuntimeError) as error:
                told.append(repr(error))

    env.process(process())
    world.run(SECOND)
    assert told[0] == "ConnectionRefusedError(111, 'refused')"
    assert told[1].startswith("RuntimeError(")
    assert "4 bytes read on a total of 8" in told[1]
    assert host.failures == []


def test_a_process_waits_for_a_future_or_a_time_limit(world: World, host: Host, env: HostEnvironment) -> None:
    told: list[Any] = []
    future = host.loop.create_future()
    host.loop.call_later(3, future.set_result, "done")

    def process() -> Steps:
        answer = env.from_future(future)
        for _ in range(2):
            told.append((answer in (yield answer | env.timeout(2)), env.now))
        told.append((yield env.from_future(future)))

    env.process(process())
    world.run(5 * SECOND)
    assert told == [(False, 2.0), (True, 3.0), "done"]


def test_a_cancelled_task_is_told_to_the_process(world: World, host: Host, env: HostEnvironment) -> None:
    told: list[Any] = []
    task = host.loop.create_task(asyncio.sleep(10))
    host.loop.call_later(1, task.cancel)

    def process() -> Steps:
        try:
            yield env.from_future(task)
        except asyncio.CancelledError:
            told.append(env.now)

    env.process(process())
    world.run(2 * SECOND)
    assert told == [1.0]


def test_an_interrupted_process_leaves_its_coroutine_running(world: World, host: Host, env: HostEnvironment) -> None:
    told: list[Any] = []

    async def work() -> None:
        await asyncio.sleep(3)
        told.append(("work is done", env.now))

    def process() -> Steps:
        try:
            yield env.from_coroutine(work())
        except simpy.Interrupt as interrupt:
            told.append((interrupt.cause, env.now))

    waiting = env.process(process())
    host.loop.call_later(1, waiting.interrupt, "enough")
    world.run(5 * SECOND)
    assert told == [("enough", 1.0), ("work is done", 3.0)]


def test_a_coroutine_that_fails_unheard_ends_the_host(world: World, host: Any, env: HostEnvironment) -> None:
    async def fail() -> None:
        await asyncio.sleep(1)
        raise LookupError("unheard")

    env.from_coroutine(fail())
    world.run(2 * SECOND)
    assert [repr(error) for error in host.failures] == ["LookupError('unheard')"]


def test_a_future_of_another_host_is_refused(world: World, env: HostEnvironment) -> None:
    with pytest.raises(ValueError, match="another event loop"):
        env.from_future(world.new_loop("b").create_future())


def test_both_kinds_wake_within_one_instant_in_the_order_of_causes(
    world: World, host: Host, env: HostEnvironment
) -> None:
    told: list[str] = []
    bell = env.event()

    def process(name: str) -> Steps:
        yield bell
        told.append(name)

    async def waiting() -> None:
        await env.wait(bell)
        told.append("coroutine")
        ring.succeed()

    ring = env.event()

    def last() -> Steps:
        yield ring
        told.append(f"rung at {env.now}")

    env.process(process("first"))
    env.process(last())
    host.loop.create_task(waiting())
    world.run(SECOND)
    env.process(process("second"))
    host.loop.call_later(1, bell.succeed)
    world.run(3 * SECOND)
    assert told == ["first", "second", "coroutine", "rung at 2.0"]
