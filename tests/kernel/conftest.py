"""What the kernel's tests share: a world, and the stock loop to hold it against.

Where time matters, the stock loop is given a clock that jumps, so that nothing waits for real time.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from simkit.kernel import World
from simkit.kernel.sleep import sleep

SECOND = 10**9
Log = list[Any]
Program = Callable[[Log], Coroutine[Any, Any, Any]]
Play = Callable[[Program], str]


def as_text(log: Log) -> str:
    """Return a log as text: exceptions are not equal to their likes, but they read alike."""
    return "\n".join(map(repr, log))


class StockLoop(asyncio.BaseEventLoop):
    """The stock loop with stock tasks, but time jumps to the next timer instead of passing."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._clock_resolution = 1e-9
        self._selector = self

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing left to do")
        self._now += timeout
        return []

    def _process_events(self, event_list: object) -> None: ...

    def _write_to_self(self) -> None: ...


def complaints_into(log: Log) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    return lambda loop, context: log.append((context["message"], repr(context.get("exception"))))


def play_on_stock(program: Program) -> str:
    """Run `program` on the stock loop; return what it told and what the loop complained about."""
    log: Log = []
    loop = StockLoop()
    loop.set_exception_handler(complaints_into(log))
    try:
        log.append(("returns", loop.run_until_complete(program(log))))
    finally:
        loop.close()
    return as_text(log)


def play_on_host(program: Program) -> str:
    """Run `program` as the only task of a host; return what it told and what the loop complained about."""
    log: Log = []
    world = World(1)
    host = world.new_loop("a")
    host.set_exception_handler(complaints_into(log))
    task = host.create_task(program(log))
    try:
        world.run(1000 * SECOND)
        log.append(("returns", task.result()))
    finally:
        world.close()
    return as_text(log)


@pytest.fixture
def world() -> Iterator[World]:
    """A world that is closed afterwards."""
    world = World(1)
    yield world
    world.close()


@pytest.fixture
def stock_loop() -> Iterator[StockLoop]:
    """A stock loop in jumping time."""
    loop = StockLoop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def on_stock() -> Play:
    """Run a program on the stock loop; return what it told and what the loop complained about."""
    return play_on_stock


@pytest.fixture(scope="session")
def on_host() -> Play:
    """Run a program as the only task of a host; return what it told and what the loop complained about."""
    return play_on_host


@pytest.fixture(autouse=True)
def sleep_of_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `asyncio.sleep` be what it is in a worker."""
    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio.tasks, "sleep", sleep)
