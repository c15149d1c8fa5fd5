"""A worker answers every call, also one that is interrupted before it has begun its work."""

from pathlib import Path

from simkit.kernel.worker import Worker


def test_a_call_that_is_interrupted_is_answered_as_skipped_and_the_worker_serves_the_next() -> None:
    with Worker((str(Path(__file__).parent),)) as worker:
        worker.begin("strays:wait")
        answers = worker.answers()
        assert next(answers) == {"waiting": True}
        worker.interrupt()
        assert list(answers) == [{"skipped": True}]
        assert worker.call("strays:not_dry_while_a_thread_lives") == "unfinished"
