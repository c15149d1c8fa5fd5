"""The servers of CPython's asyncio tests, on the simulated network instead of in a thread.

`run_test_server` answers the same two kinds of request as the WSGI server of the same name, on the host of the loop
that was made last. It deliberately is no HTTP server for anything else.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import driven_loop

_create_server = socket.create_server
_HEAD = b"HTTP/1.0 200 OK\r\nContent-type: text/plain\r\n\r\n"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(_HEAD + b"Test message")
        writer.close()
        await writer.wait_closed()
    except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
        writer.transport.abort()


@contextmanager
def run_test_server(*, host: str = "127.0.0.1", port: int = 0, use_ssl: bool = False) -> Iterator[Any]:
    """Serve on the newest host while the block lasts; `address` is where."""
    loop = driven_loop.made[0]
    context = None
    if use_ssl:
        import test.test_asyncio.utils as utils

        context = utils.simple_server_sslcontext()
    server = loop.run_until_complete(_serve(host, port, context))
    try:
        yield SimpleNamespace(address=server.sockets[0].getsockname())
    finally:
        if not loop.is_closed():
            server.close()


async def _serve(host: str, port: int, context: ssl.SSLContext | None) -> asyncio.Server:
    return await asyncio.start_server(_answer, host, port, ssl=context)


def create_server(*arguments: Any, **options: Any) -> socket.socket:
    """Make a listening socket in host code, of the newest host, wherever the test asks for it."""
    if asyncio.events._get_running_loop() is not None:
        return _create_server(*arguments, **options)

    async def make() -> socket.socket:
        return _create_server(*arguments, **options)

    made: socket.socket = driven_loop.made[0].run_until_complete(make())
    return made
