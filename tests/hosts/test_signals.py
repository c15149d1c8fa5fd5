"""Signals of a simulated process: handlers of host code, SIGTERM from `stop`, and signals it sends to itself."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from simkit.hosts.host import Host
from simkit.kernel import World, runner, signals

SECOND = 10**9
Program = Callable[[Host], Coroutine[Any, Any, None]]


@pytest.fixture
def world() -> Iterator[World]:
    signals.install()
    runner.install()
    world = World(1)
    yield world
    world.close()


def stopped(world: World, program: Program, *, until_s: int = 60) -> tuple[Host, list[tuple[str, float]]]:
    """Boot a program, stop it after a second; return the host and its transitions with their times."""
    host = Host(world, "a", program=program)
    told: list[tuple[str, float]] = []
    host.listeners.append(lambda host, transition: told.append((transition, world.now_ns / SECOND)))
    host.boot()
    world.post(SECOND, world.control, host.stop)
    world.run(until_s * SECOND)
    return host, told


def test_a_handler_set_with_signal_signal_runs_and_may_end_the_process_in_its_own_time(world: World) -> None:
    numbers = []

    async def program(host: Host) -> None:
        done = asyncio.Event()

        def handle(number: int, frame: object) -> None:
            numbers.append(number)
            done.set()

        assert signal.signal(signal.SIGTERM, handle) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is handle
        await done.wait()
        await asyncio.sleep(2)

    before = signal.getsignal(signal.SIGTERM)
    host, told = stopped(world, program)
    assert (numbers, told, host.exit_code) == ([signal.SIGTERM], [("boot", 0), ("stop", 1), ("exit", 3)], 0)
    assert signal.getsignal(signal.SIGTERM) == before, "the interpreter's own handlers are nobody's business"


def test_a_handler_of_the_loop_runs_until_it_is_removed(world: World) -> None:
    log: list[str] = []

    async def program(host: Host) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, log.append, "terminated")
        loop.add_signal_handler(signal.SIGINT, log.append, "interrupted")
        assert callable(signal.getsignal(signal.SIGINT))
        signal.raise_signal(signal.SIGINT)
        assert log == [], "in the next pass, not within the call"
        await asyncio.sleep(0)
        assert loop.remove_signal_handler(signal.SIGINT)
        assert not loop.remove_signal_handler(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        await asyncio.sleep(100)

    _, told = stopped(world, program)
    assert log == ["interrupted", "terminated"]
    assert told[-1] == ("kill", 11), "a handler that does not end the process has the time of grace"


def test_an_ignored_sigterm_is_followed_by_a_kill(world: World) -> None:
    async def program(host: Host) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        await asyncio.sleep(100)

    assert stopped(world, program)[1] == [("boot", 0), ("stop", 1), ("kill", 11)]


def test_without_a_handler_the_main_task_is_cancelled(world: World) -> None:
    async def program(host: Host) -> None:
        signal.signal(signal.SIGTERM, signal.signal(signal.SIGTERM, signal.SIG_IGN))  # put back
        await asyncio.sleep(100)

    assert stopped(world, program)[1] == [("boot", 0), ("stop", 1), ("exit", 1)]


def test_a_signal_without_a_handler_ends_the_process_that_sends_it_to_itself(world: World) -> None:
    log: list[str] = []

    async def program(host: Host) -> None:
        try:
            await asyncio.sleep(0.5)
            signal.raise_signal(signal.SIGWINCH)
            signal.raise_signal(signal.SIGTERM)
            await asyncio.sleep(1)
        finally:
            log.append("finally")

    host, told = stopped(world, program)
    assert (told, host.exit_code, log) == ([("boot", 0), ("exit", 0.5)], -signal.SIGTERM, [])


def test_a_restarted_process_has_no_handlers_of_the_last_one(world: World) -> None:
    seen = []

    async def program(host: Host) -> None:
        seen.append(signal.signal(signal.SIGTERM, lambda number, frame: None))
        await asyncio.sleep(100)

    host = Host(world, "a", program=program)
    host.boot()
    world.post(SECOND, world.control, host.kill)
    world.post(SECOND, world.control, host.boot)
    world.run(2 * SECOND)
    assert seen == [signal.SIG_DFL, signal.SIG_DFL]


@pytest.mark.parametrize(
    ("number", "handler", "error"),
    [(signal.SIGKILL, signal.SIG_IGN, OSError), (signal.SIGTERM, 17, TypeError), (1000, signal.SIG_IGN, ValueError)],
)
def test_what_cannot_be_handled_is_refused_as_on_a_real_machine(
    world: World, number: int, handler: Any, error: type[Exception]
) -> None:
    async def program(host: Host) -> None:
        with pytest.raises(error):
            signal.signal(number, handler)
        host.exit_code = 42
        await asyncio.sleep(100)

    host = Host(world, "a", program=program)
    host.boot()
    world.run(SECOND)
    assert host.exit_code == 42


def test_asyncio_run_in_host_code_names_the_line_and_the_remedy(world: World) -> None:
    errors = []

    async def main() -> None: ...

    async def program(host: Host) -> None:
        for run in (asyncio.run, asyncio.Runner().run):
            with pytest.raises(RuntimeError) as told:
                run(main())
            errors.append(str(told.value))
        host.exit_code = 42
        await asyncio.sleep(100)

    host = Host(world, "a", program=program)
    host.boot()
    world.run(SECOND)
    assert host.exit_code == 42
    assert all("name its function as the host's program" in text and "test_signals.py:" in text for text in errors)
