"""A producer: every arrival of its load becomes a task, sent until the broker has it.

What gathers while one request is under way goes out with the next, so that a burst costs round trips and not tasks. A
task is sent again under the same id when the answer stays away; it counts as acknowledged when the broker has said
so, not before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from simkit.node import Node
from simkit_nodes.blocks.backoff import Backoff
from simkit_nodes.task_queue.config import SECOND, ClientConfig, TaskLoad
from simkit_nodes.task_queue.events import TaskAcknowledged, TaskOffered, TaskRefused
from simkit_nodes.task_queue.queue import TROUBLE, NewTask, TaskQueue, connect
from simkit_nodes.task_queue.scripts import TERMINAL
from simkit_nodes.task_queue.tasks import BadTask, Work, encode_task

BATCH_MAX = 64  # tasks of one request


@dataclass(slots=True)
class Pending:
    """A task the broker has not answered for."""

    task: NewTask
    answered: asyncio.Future[bool]
    attempts: int = 0


class Client(Node):
    """Enqueues tasks."""

    config: ClientConfig

    def __init__(self) -> None:
        self.outbox: deque[Pending] = deque()
        self.arrived = asyncio.Event()

    async def run(self) -> None:
        backoff = self.config.retry.backoff()
        timeout_s = int(self.config.timeout) / SECOND
        async with TaskQueue(connect(self.directory.of_role("broker")[0], timeout_s=timeout_s)) as self.queue:
            await self._produce(backoff)

    async def _produce(self, backoff: Backoff) -> None:
        """Send what arrives, for ever."""
        pending = self.metrics.gauge("client.pending", unit="tasks")
        failures = 0
        last_ns = 0
        while True:
            await self.arrived.wait()
            self.arrived.clear()
            while self.outbox:
                pending.set(len(self.outbox))
                try:
                    await self._send([self.outbox[index] for index in range(min(BATCH_MAX, len(self.outbox)))])
                    failures = last_ns = 0
                except TROUBLE as error:
                    failures += 1
                    last_ns = backoff.delay_ns(failures, self.random, last_ns)
                    self.log.warning("broker does not take tasks, again in %.3f s: %s", last_ns / SECOND, error)
                    await asyncio.sleep(last_ns / SECOND)
            pending.set(0)

    async def _send(self, batch: list[Pending]) -> None:
        for pending in batch:
            pending.attempts += 1
        verdicts = await self.queue.enqueue([pending.task for pending in batch])
        for pending, verdict in zip(batch, verdicts, strict=True):
            self.outbox.popleft()
            accepted = not verdict.startswith("refused")
            if accepted:
                self.emit(TaskAcknowledged(pending.task.task, pending.task.priority, pending.attempts))
            else:
                self.emit(TaskRefused(pending.task.task, verdict.removeprefix("refused: ")))
            if not pending.answered.done():
                pending.answered.set_result(accepted)

    async def offer(self, load: TaskLoad, number: int) -> None:
        """Enqueue one task; returns when the broker has answered, or with its result if the client asks for results."""
        identity = f"{self.random.bits64():016x}"
        service_ns = max(0, round(load.service.draw(self.random)))
        self.emit(TaskOffered(identity, load.priority, service_ns))
        work = Work(service_ns, float(load.failure), "x" * int(load.padding))
        try:
            body = encode_task(load.task, work)
        except BadTask as error:
            if not load.unchecked:
                self.emit(TaskRefused(identity, str(error)))
                return
            body = encode_task("work", work).replace(b'"work"', f'"{load.task}"'.encode(), 1)
        task = NewTask(identity, body, load.priority, int(load.countdown) // 1000, self.config.attempts_max)
        answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.outbox.append(Pending(task, answered))
        self.arrived.set()
        if await answered and self.config.results:
            await self._await_result(identity)

    async def _await_result(self, task: str) -> None:
        """Ask for the result until the task has ended."""
        begun_ns = self.clock.monotonic_ns()
        while True:
            await asyncio.sleep(int(self.config.results_every) / SECOND)
            try:
                result = await self.queue.result(task)
            except TROUBLE:
                continue
            if result is None or result["state"] in TERMINAL:
                break
        seconds = (self.clock.monotonic_ns() - begun_ns) / SECOND
        self.metrics.histogram("result.latency", unit="s").record(seconds)
