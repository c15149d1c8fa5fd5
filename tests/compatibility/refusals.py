"""What of well-known libraries cannot live on a simulated host: the call, its error, and what to use instead."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """One call that is refused.

    Attributes:
        call: as it stands in the table of `docs/compatibility.md`.
        why: the reason.
        instead: what does the same work.
        attempt: makes the call in host code.
        says: a piece of the error's text.
    """

    call: str
    why: str
    instead: str
    attempt: Callable[[], Awaitable[object]]
    says: str


async def batch_span_processor():
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    BatchSpanProcessor(InMemorySpanExporter())


async def detected_resource():
    from opentelemetry.sdk.trace import TracerProvider

    TracerProvider()


async def blocking_client():
    import redis

    redis.Redis(host="server").ping()


async def unix_socket():
    await asyncio.start_unix_server(lambda reader, writer: None, "/tmp/socket")


async def child_process():
    await asyncio.create_subprocess_exec("true")


THREADS = "threads would leave virtual time"

REFUSALS = (
    Refusal(
        "`BatchSpanProcessor`, `PeriodicExportingMetricReader` of the OpenTelemetry SDK",
        THREADS,
        "`SimpleSpanProcessor`; a reader that is asked by a task",
        batch_span_processor,
        "thread",
    ),
    Refusal(
        "`TracerProvider()` without a resource, of the OpenTelemetry SDK",
        "it looks for the machine's properties in threads",
        "`TracerProvider(resource=Resource({...}))`",
        detected_resource,
        "thread",
    ),
    Refusal(
        "clients that block, such as `redis.Redis`",
        "a call that waits would stop every host",
        "the library's asyncio client",
        blocking_client,
        "blocks would stop every host",
    ),
    Refusal("Unix sockets", "hosts share no file system", "TCP", unix_socket, "Unix"),
    Refusal("child processes", "a real process has a real clock", "another host", child_process, "process"),
)


def attempt(*, say: object) -> list[str]:
    """Make every call on a host, in a worker; return what each said."""
    from simkit.network.standard_library import install

    install()
    from simkit.explore.run import Run
    from simkit.node import Node
    from simkit.testing.declaration import Declaration

    said: list[str] = []

    class Attempting(Node):
        async def run(self) -> None:
            for refusal in REFUSALS:
                try:
                    await refusal.attempt()
                    said.append("nothing")
                except Exception as error:
                    said.append(f"{type(error).__name__}: {error}")

    async def silent() -> None:
        await asyncio.get_running_loop().create_future()

    declaration = Declaration("refusals", {"hosts": {"server": silent}, "duration": "1min"}, Attempting)
    Run(declaration.scenario(1), declaration.card).execute()
    return said
