"""Functions in an executor run inline: no thread, a context of their own, and virtual time for what they slept."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest

from simkit.hosts.host import Host
from simkit.kernel import World, executor

SECOND = 10**9


@pytest.fixture
def play(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a coroutine on a host; return its result."""

    def sleep(seconds: float) -> None:
        asyncio.get_running_loop().inline_sleep(seconds)  # type: ignore[attr-defined]

    monkeypatch.setattr(time, "sleep", sleep)  # as in a worker

    def run(program: Coroutine[Any, Any, Any], cost_ns: int = 0) -> Any:
        loop = world.new_loop("a")
        loop.executor_cost_ns = cost_ns
        task = loop.create_task(program)
        world.run(100 * SECOND)
        return task.result()

    return run


def test_a_function_takes_no_time_and_no_thread(play: Callable[..., Any]) -> None:
    async def program() -> tuple[float, bool]:
        here = threading.get_ident()
        there = await asyncio.to_thread(threading.get_ident)
        return asyncio.get_running_loop().time(), here == there

    assert play(program()) == (0.0, True)


def test_what_it_costs_and_what_it_sleeps_pass_before_its_result(play: Callable[..., Any]) -> None:
    async def program() -> list[float]:
        loop = asyncio.get_running_loop()
        calls = [asyncio.to_thread(time.sleep, 2), asyncio.to_thread(time.sleep, 1)]
        times = []
        for call in asyncio.as_completed(calls):
            await call
            times.append(loop.time())
        return times

    assert play(program(), cost_ns=SECOND // 2) == [1.5, 2.5]


def test_exceptions_arrive_and_nothing_ends_the_world(play: Callable[..., Any]) -> None:
    def leave() -> None:
        raise SystemExit(3)

    async def program() -> list[BaseException | None]:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(
            loop.run_in_executor(None, int, "x"),
            loop.run_in_executor(None, leave),
            loop.run_in_executor(None, next, iter(())),
            return_exceptions=True,
        )

    kinds = [type(each) for each in play(program())]
    assert kinds == [ValueError, SystemExit, RuntimeError]


def test_an_executor_of_ones_own_starts_no_thread(play: Callable[..., Any]) -> None:
    async def program() -> int:
        with ThreadPoolExecutor(1) as pool:
            result = await asyncio.get_running_loop().run_in_executor(pool, sum, (40, 2))
            assert not pool._threads
        return result

    assert play(program()) == 42


def test_contexts_are_those_of_threads(play: Callable[..., Any]) -> None:
    variable = contextvars.ContextVar("variable", default="default")

    def look_and_change() -> str:
        seen = variable.get()
        variable.set("changed")
        return seen

    async def program() -> list[str]:
        variable.set("caller's")
        loop = asyncio.get_running_loop()
        in_executor = await loop.run_in_executor(None, look_and_change)
        in_thread = await asyncio.to_thread(look_and_change)
        return [in_executor, in_thread, variable.get()]

    assert play(program()) == ["default", "caller's", "caller's"]


def test_a_cancelled_call_that_has_not_begun_never_begins(play: Callable[..., Any]) -> None:
    log: list[int] = []

    async def program() -> None:
        future = asyncio.get_running_loop().run_in_executor(None, log.append, 1)
        future.cancel()
        await asyncio.sleep(1)

    play(program())
    assert log == []


def test_a_kill_leaves_nothing_of_a_call_under_way(world: World, recwarn: pytest.WarningsRecorder) -> None:
    log: list[str] = []

    async def call(name: str) -> None:
        try:
            log.append(f"{name} begins")
            await asyncio.to_thread(log.append, f"{name} runs")
            log.append(f"{name} ends")
        finally:
            log.append("finally")

    async def program(host: Host) -> None:
        await call(f"process {host.incarnation}")

    host = Host(world, "a", program=program)
    host.executor_cost_ns = 2 * SECOND
    host.boot()
    first = host.loop
    world.post(SECOND, world.control, host.kill)
    world.post(SECOND, world.control, host.boot)
    world.run(10 * SECOND)
    assert log == [
        "process 1 begins",
        "process 1 runs",
        "process 2 begins",
        "process 2 runs",
        "process 2 ends",
        "finally",
    ]
    assert host.loop is not first
    world.close()
    assert not recwarn.list


def test_anyio_runs_its_functions_the_same_way(play: Callable[..., Any]) -> None:
    anyio = pytest.importorskip("anyio")
    executor.install()

    async def program() -> tuple[int, float, bool]:
        here = threading.get_ident()
        there = await anyio.to_thread.run_sync(threading.get_ident)
        total = await anyio.to_thread.run_sync(sum, (40, 2))
        await anyio.to_thread.run_sync(time.sleep, 3)
        return total, asyncio.get_running_loop().time(), here == there

    assert play(program()) == (42, 3.0, True)


def test_only_anyios_backend_is_changed_by_a_loader_that_others_share(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = ModuleType("shared loader")
    loaded: list[str] = []
    shared.create_module = lambda spec: None  # type: ignore[attr-defined]
    shared.exec_module = lambda module: loaded.append(module.__name__)  # type: ignore[attr-defined]
    changing = executor._Changing(shared)
    changed: list[str] = []
    monkeypatch.setattr(executor, "_without_threads", lambda module: changed.append(module.__name__))
    changing.exec_module(ModuleType("backend"))
    shared.exec_module(ModuleType("another"))
    assert (loaded, changed) == (["backend", "another"], ["backend"])
