"""Bytes over the machine's loopback, both ends in one asyncio loop."""

import asyncio

from benchmarks.stream_bytes import Transfer
from benchmarks.stream_bytes.ends import send, serve
from benchmarks.work import Outcome, Timed


def prepare(given: Transfer) -> Timed:
    """Listen on a free port."""
    loop = asyncio.new_event_loop()
    received: list[int] = []
    server = loop.run_until_complete(serve(0, "127.0.0.1", received))
    port = server.sockets[0].getsockname()[1]

    def run() -> Outcome:
        loop.run_until_complete(send(given, "127.0.0.1", port))
        return Outcome(received[0])

    return run
