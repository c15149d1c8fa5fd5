"""Requests over the machine's loopback, both ends in one asyncio loop."""

import asyncio

from benchmarks.http import Requests
from benchmarks.http.ends import ask, serve
from benchmarks.work import Outcome, Timed


def prepare(given: Requests) -> Timed:
    """Listen on a free port."""
    loop = asyncio.new_event_loop()
    runner = loop.run_until_complete(serve(0, "127.0.0.1"))
    port = runner.addresses[0][1]
    answered: list[int] = []

    def run() -> Outcome:
        loop.run_until_complete(ask(given, f"http://127.0.0.1:{port}", answered))
        return Outcome(answered[0])

    return run
