"""A program on a host ends as it would under `asyncio.run`; an ASGI application is served, stopped and restarted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from simkit.hosts.host import Host
from simkit.kernel import Constant, World
from simkit.network import Link, Network
from simkit.program import program, serve

SECOND = 10**9
MS = 10**6


@pytest.fixture
def world() -> Iterator[World]:
    world = World(1)
    yield world
    world.close()


def host_of(world: World, made: Callable[..., Any]) -> Host:
    """Return a host whose process is a program, without the node around it."""
    kind = program(made)

    async def main(host: Host) -> None:
        await kind.run(object.__new__(kind))

    host = Host(world, "a", program=main)
    host.boot()
    return host


async def numbers(log: list[Any]) -> AsyncIterator[int]:
    try:
        for number in range(10):
            yield number
    finally:
        await asyncio.sleep(0.5)
        log.append("generator closed")


def leaving_things_behind(log: list[Any]) -> Callable[[], Any]:
    kept = numbers(log)

    async def background() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            log.append("background ends")

    async def main() -> None:
        log.append(await anext(kept))
        task = asyncio.create_task(background())
        await asyncio.sleep(1)
        log.append(task.done())

    return main


def test_what_a_program_leaves_behind_is_cancelled_and_closed(world: World) -> None:
    log: list[Any] = []
    host = host_of(world, leaving_things_behind(log))
    world.run(10 * SECOND)
    assert log == [0, False, "background ends", "generator closed"]
    assert (host.exit_code, host.state) == (0, "down")


def test_a_kill_closes_and_cancels_nothing(world: World, recwarn: pytest.WarningsRecorder) -> None:
    log: list[Any] = []
    host = host_of(world, leaving_things_behind(log))
    world.post(SECOND // 2, world.control, host.kill)
    world.run(10 * SECOND)
    world.close()
    assert log == [0]
    assert not recwarn.list


def test_a_generator_that_is_dropped_is_closed_by_its_own_loop(world: World) -> None:
    log: list[Any] = []

    async def main() -> None:
        async for _ in numbers(log):
            break
        await asyncio.sleep(1)
        log.append("goes on")

    host_of(world, main)
    world.run(10 * SECOND)
    assert log == ["generator closed", "goes on"]


def served_for_a_while(world: World, server_ends: Callable[[Host], None]) -> tuple[list[Any], Host]:
    """Ask a FastAPI application with a plain function for a route ten times a second; end it after a second."""
    fastapi = pytest.importorskip("fastapi")
    httpx = pytest.importorskip("httpx")
    pytest.importorskip("uvicorn")

    async def server(host: Host) -> None:
        app = fastapi.FastAPI()

        @app.get("/{number}")
        def double(number: int) -> int:
            return 2 * number

        await serve(app, 8080)

    answers: list[Any] = []

    async def client(host: Host) -> None:
        for number in range(20):
            async with httpx.AsyncClient(timeout=0.5) as session:
                try:
                    answers.append((await session.get(f"http://server:8080/{number}")).json())
                except httpx.TransportError as error:
                    answers.append(type(error).__name__)
            await asyncio.sleep(0.1)

    network = Network(world, Link(one_way=Constant(MS)))
    hosts = [
        Host(world, name, index=i, program=main)
        for i, (name, main) in enumerate([("server", server), ("client", client)])
    ]
    failures: list[BaseException] = []
    for host in hosts:
        host.on_failure = lambda host, error: failures.append(error)
        network.attach(host)
        host.boot()
    world.post(SECOND, world.control, server_ends, hosts[0])
    world.post(SECOND * 3 // 2, world.control, hosts[0].boot)
    world.run(30 * SECOND)
    assert not failures
    return answers, hosts[0]


@pytest.mark.parametrize("ends", [Host.kill, Host.stop])
def test_uvicorn_serves_plain_functions_and_comes_back_after_its_end(
    world: World, ends: Callable[[Host], None]
) -> None:
    answers, server = served_for_a_while(world, ends)
    assert answers[1:9] == [2, 4, 6, 8, 10, 12, 14, 16]
    assert "ConnectError" in answers[9:]
    assert answers[-1] == 38
    assert server.incarnation == 2
