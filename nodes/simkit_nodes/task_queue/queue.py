"""The queue as its users see it: the scripts of the protocol behind an unmodified redis-py client.

One `TaskQueue` is one connection. It retries nothing: every method raises what redis-py raises, and says whether
repeating is safe. Works with redis-py 5.3 and 8.1 alike; their own retries are turned off, because they draw jitter
from the global `random` and would hide what this system is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import InvalidResponse, NoScriptError, RedisError

from simkit_nodes.task_queue.scripts import DIGESTS, SCRIPTS

BATCH_MAX = 256
"""Tasks of one script call: Lua's `unpack` and a broker's other clients set the limit."""

TROUBLE = (RedisError, OSError)
"""What a call raises when the broker cannot be asked, does not answer, is loading its file, or declines."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to enqueue."""

    task: str
    body: bytes
    priority: int = 5
    countdown_us: int = 0
    attempts_max: int = 5


@dataclass(frozen=True, slots=True)
class Lease:
    """A task handed to a worker until `deadline_us` of the broker's clock."""

    task: str
    token: int
    attempt: int
    priority: int
    last_delay_us: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker says about a leased task: success, failure, retry, dead or release."""

    task: str
    token: int | None
    kind: str
    text: str = ""
    delay_us: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the queue made of an outcome: its kind, dead instead of retry, or stale, already, unknown."""

    kind: str
    attempt: int


def connect(host: str, port: int = 6379, *, timeout_s: float = 5.0) -> Redis:
    """A client with one connection and no retries of its own; `timeout_s` bounds connecting and every answer."""
    return Redis(
        host=host,
        port=port,
        protocol=2,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        max_connections=1,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        health_check_interval=0,
    )


class TaskQueue:
    """The protocol over one client."""

    def __init__(self, client: Redis) -> None:
        self.client = client

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.client.aclose()

    async def enqueue(self, tasks: Sequence[NewTask]) -> list[str]:
        """Store tasks; per task queued, delayed, duplicate or `refused: WHY`. Repeating is safe: ids are idempotent."""
        words: list[bytes | str | int] = []
        for task in tasks:
            words += (task.task, task.priority, task.countdown_us, task.attempts_max, task.body)
        reply = await self._call("enqueue", words)
        with _sense():
            return [verdict.decode() for verdict, _ in zip(reply[1:], tasks, strict=True)]

    async def lease(self, worker: str, count: int, lease_us: int, *, early: bool = False) -> list[Lease]:
        """Take up to `count` tasks. A reply that gets lost costs a lease's time, not a task."""
        reply = await self._call("lease", _lease_words(worker, count, lease_us, early))
        with _sense():
            return _leases(reply)

    async def settle(self, worker: str, outcomes: Sequence[Outcome], result_ttl_us: int = 0) -> list[Verdict]:
        """Say what became of leased tasks. Repeating is safe: a second time reads `already` or `stale`."""
        reply = await self._call("settle", _settle_words(worker, outcomes, result_ttl_us))
        with _sense():
            return _verdicts(reply, outcomes)

    async def turn(
        self,
        worker: str,
        outcomes: Sequence[Outcome],
        count: int,
        lease_us: int,
        *,
        early: bool = False,
        result_ttl_us: int = 0,
    ) -> tuple[list[Verdict], list[Lease]]:
        """Settle and lease in one round trip; either part may be empty."""
        calls: list[tuple[str, list[bytes | str | int]]] = []
        if outcomes:
            calls.append(("settle", _settle_words(worker, outcomes, result_ttl_us)))
        if count:
            calls.append(("lease", _lease_words(worker, count, lease_us, early)))
        replies = await self._pipeline(calls)
        with _sense():
            verdicts = _verdicts(replies[0], outcomes) if outcomes else []
            return verdicts, _leases(replies[-1]) if count else []

    async def extend(self, worker: str, lease_us: int, held: Sequence[tuple[str, int | None]]) -> list[bool]:
        """Heartbeat: move the deadlines of held tasks; False for each that is the worker's no longer."""
        words: list[bytes | str | int] = [worker, lease_us]
        for task, token in held:
            words += (task, "" if token is None else token)
        reply = await self._call("extend", words)
        with _sense():
            return [flag == 1 for flag, _ in zip(reply[2:], held, strict=True)]

    async def wait_for_work(self, timeout_s: float) -> bool:
        """Block until there may be something to lease; False after the time-out."""
        return await self.client.execute_command("BZPOPMIN", "tq:bell", timeout_s) is not None

    async def result(self, task: str) -> dict[str, Any] | None:
        """State, attempt, result (or reason) and history of a task; None when the queue does not know it (any more)."""
        reply = await self._call("result", [task])
        if reply is None:
            return None
        with _sense():
            state, attempt, result, history = reply
            return {
                "state": state.decode(),
                "attempt": attempt,
                "result": result.decode("utf-8", "replace"),
                "history": history.decode("utf-8", "replace").splitlines(),
            }

    async def redrive(self, limit: int) -> list[str]:
        """Put up to `limit` dead letters, oldest first, back into the queue."""
        reply = await self._call("redrive", [limit])
        with _sense():
            return [task.decode() for task in reply[1:]]

    async def depths(self) -> list[int]:
        """Tasks ready per priority 0..9, then delayed, processing, dead."""
        reply = await self._call("depths", [])
        with _sense():
            return [int(depth) for depth in reply[1:14]]

    async def _call(self, name: str, words: list[bytes | str | int]) -> Any:
        return (await self._pipeline([(name, words)]))[0]

    async def _pipeline(self, calls: list[tuple[str, list[bytes | str | int]]]) -> list[Any]:
        replies = await self._send(calls)
        missing = [index for index, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:  # a broker that has restarted knows no scripts
            for name, _ in calls:
                await self.client.execute_command("SCRIPT LOAD", SCRIPTS[name].source)
            again = await self._send([calls[index] for index in missing])
            for index, reply in zip(missing, again, strict=True):
                replies[index] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _send(self, calls: list[tuple[str, list[bytes | str | int]]]) -> list[Any]:
        if len(calls) == 1:
            name, words = calls[0]
            try:
                return [await self.client.execute_command("EVALSHA", DIGESTS[name], 0, *words)]
            except NoScriptError as error:
                return [error]
        pipeline = self.client.pipeline(transaction=False)
        for name, words in calls:
            pipeline.execute_command("EVALSHA", DIGESTS[name], 0, *words)
        return list(await pipeline.execute(raise_on_error=False))


def _lease_words(worker: str, count: int, lease_us: int, early: bool) -> list[bytes | str | int]:
    return [worker, min(count, BATCH_MAX), lease_us, "early" if early else "late"]


def _settle_words(worker: str, outcomes: Sequence[Outcome], result_ttl_us: int) -> list[bytes | str | int]:
    words: list[bytes | str | int] = [worker, result_ttl_us]
    for outcome in outcomes:
        token: str | int = "" if outcome.token is None else outcome.token
        words += (outcome.task, token, outcome.kind, outcome.delay_us, outcome.text)
    return words


def _leases(reply: list[Any]) -> list[Lease]:
    return [
        Lease(task.decode(), token, attempt, int(priority), int(delay), body)
        for task, token, attempt, priority, _, delay, body in reply[2:]
    ]


def _verdicts(reply: list[Any], outcomes: Sequence[Outcome]) -> list[Verdict]:
    return [Verdict(kind.decode(), attempt) for (kind, attempt, _, _), _ in zip(reply[1:], outcomes, strict=True)]


@contextmanager
def _sense() -> Iterator[None]:
    """Raise InvalidResponse where an answer makes no sense, as after damage that no checksum saw."""
    try:
        yield
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise InvalidResponse(f"the broker's answer makes no sense: {error}") from error
