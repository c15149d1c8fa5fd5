"""The worker: it leases tasks, runs them in slots, takes their effects and tells the queue what became of them.

Two connections: one exchanges outcomes for new leases, one waits for the queue's bell so that an idle worker polls
nothing. A worker cannot tell that it is slow: after a pause it goes on where it stopped, and only its lease token
says that the world has moved on. It is a single process on one event loop; real parallelism is more workers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from signal import SIGTERM
from typing import Any

from simkit.node import Node
from simkit_nodes.task_queue.config import SECOND, WorkerConfig
from simkit_nodes.task_queue.effects import ApplyEffect, EffectReply
from simkit_nodes.task_queue.events import LeaseLost, RetryPlanned, WorkerStarted
from simkit_nodes.task_queue.queue import BATCH_MAX, TROUBLE, Lease, Outcome, TaskQueue, connect
from simkit_nodes.task_queue.tasks import BadTask, Overwrite, Work, decode_task

BELL_S = 5.0  # an idle worker asks again after this long, whatever the bell says
AWAY_S = 0.5  # pause after the broker could not be reached, give or take half of it


class EffectFailed(Exception):
    """The effects host could not be reached or did not answer: the attempt failed, its effect may have taken place."""


class Worker(Node):
    """`slots` tasks at a time, leased from the broker."""

    config: WorkerConfig

    def __init__(self) -> None:
        # By a number of our own: a broker that lost its file hands out tokens, and even the same leases, a second time.
        self.held: dict[int, Lease] = {}  # running or waiting in this process
        self.leased = 0
        self.outcomes: list[Outcome] = []
        self.ready: asyncio.Queue[int] = asyncio.Queue()
        self.stopping = False
        self.turn = asyncio.Event()
        self.hungry = asyncio.Event()  # the last lease call came back short: wait for the bell
        self.bell = True  # something may be there to lease

    async def run(self) -> None:
        self.emit(WorkerStarted(self.config.slots))
        self.backoff = self.config.retry.backoff()
        self.broker = self.directory.of_role("broker")[0]
        self.effects = self.directory.of_role("effects")[0]
        self.attempts = self.metrics.histogram("task.attempts", unit="attempts")
        self.turn.set()
        asyncio.get_running_loop().add_signal_handler(SIGTERM, self._stop)
        with suppress(asyncio.CancelledError):
            async with asyncio.TaskGroup() as tasks:
                exchange = tasks.create_task(self._exchange())
                others = [tasks.create_task(self._listen()), tasks.create_task(self._heartbeat())]
                others += [tasks.create_task(self._slot()) for _ in range(self.config.slots)]
                await exchange
                for task in others:
                    task.cancel()

    def _stop(self) -> None:
        """SIGTERM: lease nothing more, give back what has not begun, finish the rest, leave (a warm shutdown)."""
        self.stopping = True
        while not self.ready.empty():
            lease = self.held.pop(self.ready.get_nowait())
            self.outcomes.append(Outcome(lease.task, self._token(lease), "release"))
        self.turn.set()

    # Talking to the queue

    async def _pause(self) -> None:
        """Wait before asking a broker again that did not answer: not all workers at the same moment."""
        await asyncio.sleep(AWAY_S * (0.5 + self.random.random()))

    def _connect(self, timeout_s: float) -> TaskQueue:
        return TaskQueue(connect(self.broker, timeout_s=timeout_s))

    @property
    def _room(self) -> int:
        """How many more tasks this worker may hold."""
        return 0 if self.stopping else min(BATCH_MAX, self.config.slots + self.config.prefetch - len(self.held))

    async def _exchange(self) -> None:
        """Hand in outcomes and take new leases, as much as has gathered at each turn."""
        linger_s = int(self.config.linger) / SECOND
        async with self._connect(int(self.config.timeout) / SECOND) as queue:
            while self.held or self.outcomes or not self.stopping:
                await self.turn.wait()
                if linger_s:
                    await asyncio.sleep(linger_s)
                self.turn.clear()
                room = self._room if self.bell else 0
                if self.outcomes or room > 0:
                    try:
                        await self._one_turn(queue, self.outcomes[:BATCH_MAX], max(room, 0))
                    except TROUBLE as error:
                        self.log.warning("broker %s: %s", self.broker, error)
                        await self._pause()
                        self.bell = True
                        self.turn.set()

    async def _one_turn(self, queue: TaskQueue, outcomes: list[Outcome], room: int) -> None:
        config = self.config
        verdicts, leases = await queue.turn(
            self.name,
            outcomes,
            room,
            int(config.lease) // 1000,
            early=config.ack == "early",
            result_ttl_us=int(config.result_ttl) // 1000,
        )
        del self.outcomes[: len(outcomes)]
        for outcome, verdict in zip(outcomes, verdicts, strict=True):
            if verdict.kind in ("stale", "unknown"):
                self.log.warning("task %s: the queue did not take %s: %s", outcome.task, outcome.kind, verdict.kind)
            elif verdict.kind in ("success", "failure", "dead"):
                self.attempts.record(verdict.attempt)
        for lease in leases:
            self.leased += 1
            self.held[self.leased] = lease
            self.ready.put_nowait(self.leased)
        if self.stopping and leases:
            self._stop()  # they were on their way when the signal came
        if room and len(leases) < room:
            self.bell = False
            self.hungry.set()
        if self.outcomes or (self.bell and self._room > 0):
            self.turn.set()

    async def _listen(self) -> None:
        """Wait for the bell while there is nothing to lease."""
        async with self._connect(BELL_S + int(self.config.timeout) / SECOND) as queue:
            while True:
                await self.hungry.wait()
                self.hungry.clear()
                try:
                    await queue.wait_for_work(BELL_S)
                except TROUBLE:
                    await self._pause()
                self.bell = True
                self.turn.set()

    async def _heartbeat(self) -> None:
        """Extend the leases of everything held."""
        if self.config.ack == "early":
            return
        async with self._connect(int(self.config.timeout) / SECOND) as queue:
            while True:
                await asyncio.sleep(self.config.heartbeat_ns / SECOND)
                held = list(self.held.items())
                for start in range(0, len(held), BATCH_MAX):
                    batch = held[start : start + BATCH_MAX]
                    try:
                        await self._extend(queue, batch)
                    except TROUBLE as error:
                        self.log.warning("heartbeat: broker %s: %s", self.broker, error)

    async def _extend(self, queue: TaskQueue, batch: list[tuple[int, Lease]]) -> None:
        pairs = [(lease.task, self._token(lease)) for _, lease in batch]
        extended = await queue.extend(self.name, int(self.config.lease) // 1000, pairs)
        for (number, lease), still in zip(batch, extended, strict=True):
            if not still and number in self.held:
                self.log.warning("task %s: lease %d is another's now", lease.task, lease.token)
                self.emit(LeaseLost(lease.task, lease.token))

    def _token(self, lease: Lease) -> int | None:
        return lease.token if self.config.lease_token else None

    # Running tasks

    async def _slot(self) -> None:
        while True:
            number = await self.ready.get()
            outcome = await self._attempt(self.held[number])
            del self.held[number]
            self.outcomes.append(outcome)
            self.turn.set()

    async def _attempt(self, lease: Lease) -> Outcome:
        token = self._token(lease)
        try:
            _, arguments, key = decode_task(lease.body)
            key = key or lease.task
            # What an attempt writes over what another wrote is not the same effect once more.
            await self._work(lease, arguments, f"{key}/{lease.attempt}" if isinstance(arguments, Overwrite) else key)
        except BadTask as error:
            return Outcome(lease.task, token, "dead", str(error)[:500])
        except (TaskError, EffectFailed) as error:
            return Outcome(lease.task, token, "retry", str(error), self._plan_retry(lease))
        return Outcome(lease.task, token, "success", "null")

    async def _work(self, lease: Lease, work: Work, key: str) -> None:
        seconds = work.service_ns / SECOND
        if self.config.work_on == "cpu":
            await self.cpu.work(seconds)
        else:
            await asyncio.sleep(seconds)
        if work.failure and self.random.chance(work.failure):
            raise TaskError("the task raised an error")
        await self._take_effect(ApplyEffect(key, lease.task, lease.attempt, self._token(lease) or 0))

    async def _take_effect(self, effect: ApplyEffect) -> None:
        try:
            reply: Any = await self.network.request(self.effects, effect, timeout_s=int(self.config.timeout) / SECOND)
        except Exception as error:
            raise EffectFailed(f"effects host: {error}") from error
        assert isinstance(reply, EffectReply)

    def _plan_retry(self, lease: Lease) -> int:
        delay_ns = self.backoff.delay_ns(lease.attempt, self.random, lease.last_delay_us * 1000)
        lower_ns, upper_ns = self.backoff.bounds_ns(lease.attempt)
        self.emit(RetryPlanned(lease.task, lease.attempt, delay_ns, lower_ns, upper_ns))
        return delay_ns // 1000


class TaskError(Exception):
    """What a task's own code raises."""
