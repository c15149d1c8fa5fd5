"""A worker answers every call, also one that is interrupted before it has begun its work."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from simkit.kernel.worker import Worker


@pytest.fixture(params=["heeded", "ignored"])
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    """A worker whose caller heeds SIGINT, or was started in the background by a shell that lets it be ignored."""
    handler = signal.default_int_handler if request.param == "heeded" else signal.SIG_IGN
    before = signal.signal(signal.SIGINT, handler)
    try:
        with Worker((str(Path(__file__).parent),)) as started:
            yield started
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_call_that_is_interrupted_is_answered_as_skipped_and_the_worker_serves_the_next(worker: Worker) -> None:
    worker.begin("strays:wait")
    answers = worker.answers()
    assert next(answers) == {"waiting": True}
    worker.interrupt()
    assert list(answers) == [{"skipped": True}]
    assert worker.call("strays:not_dry_while_a_thread_lives") == "unfinished"
