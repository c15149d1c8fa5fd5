"""Answers that make no sense, as after damage that no checksum saw, are errors that programs expect."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from redis.exceptions import InvalidResponse

from simkit_nodes.task_queue.queue import NewTask, Outcome, TaskQueue

TASKS = [NewTask("a", b"{}"), NewTask("b", b"{}")]
DONE = [Outcome("a", 1, "success")]


class Damaged:
    """A client to whose every command the broker answers the same."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply

    async def execute_command(self, *words: Any) -> Any:
        return self.reply


@pytest.mark.parametrize(
    ("ask", "reply"),
    [
        (lambda queue: queue.enqueue(TASKS), [1, b"queued"]),
        (lambda queue: queue.enqueue(TASKS), [1, b"queued", b"\xff"]),
        (lambda queue: queue.enqueue(TASKS), None),
        (lambda queue: queue.lease("w", 1, 1000), [0, 0, [b"a", 1]]),
        (lambda queue: queue.lease("w", 1, 1000), [0, 0, [b"a", 1, 1, b"high", 0, 0, b"{}"]]),
        (lambda queue: queue.settle("w", DONE), [1]),
        (lambda queue: queue.settle("w", DONE), [1, b"success"]),
        (lambda queue: queue.extend("w", 1000, [("a", 1)]), [1, 1]),
        (lambda queue: queue.result("a"), [b"success", 1]),
        (lambda queue: queue.redrive(1), [1, 7]),
        (lambda queue: queue.depths(), [1, b"many"]),
    ],
)
def test_an_answer_that_makes_no_sense_is_trouble_with_the_broker(
    ask: Callable[[TaskQueue], Coroutine[Any, Any, Any]], reply: Any
) -> None:
    with pytest.raises(InvalidResponse, match="makes no sense"):
        asyncio.run(ask(TaskQueue(Damaged(reply))))  # type: ignore[arg-type]
