"""From replies of the queue's scripts to events: the broker reads its own replies and says what they mean.

Pure functions, one per script. The broker announces their events when the reply may leave. They are not a second
protocol: a worker that never gets the reply changes nothing about what has happened in the queue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simkit.node import Event
from simkit_nodes.task_queue.events import (
    LeaseExtended,
    ResultRefused,
    TaskDead,
    TaskFailed,
    TaskLeased,
    TaskPromoted,
    TaskRedelivered,
    TaskRedriven,
    TaskReleased,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
)
from simkit_nodes.task_queue.scripts import NAMES


def narrate(words: list[bytes], reply: Any) -> list[Event]:
    """The events of one executed request: empty for anything but a script of the queue that was answered."""
    if len(words) < 3 or type(reply) is not list or words[0].lower() != b"evalsha":
        return []
    narrator = _NARRATORS.get(NAMES.get(words[1], ""))
    return [] if narrator is None else narrator(words[3:], reply)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _ns(microseconds: Any) -> int:
    return int(float(microseconds)) * 1000


def _enqueue(arguments: list[bytes], reply: list[Any]) -> list[Event]:
    events: list[Event] = []
    now = reply[0]
    for index, verdict in enumerate(reply[1:]):
        task, priority, countdown, attempts = arguments[5 * index : 5 * index + 4]
        if verdict == b"queued" or verdict == b"delayed":
            due_ns = _ns(now + float(countdown)) if verdict == b"delayed" else 0
            events.append(TaskSubmitted(_text(task), int(float(priority)), int(float(attempts)), due_ns))
    return events


def _lease(arguments: list[bytes], reply: list[Any]) -> list[Event]:
    now, deadline = reply[0], reply[1]
    worker, early = _text(arguments[0]), arguments[3] == b"early"
    return [
        TaskLeased(
            _text(task),
            worker,
            attempt,
            token,
            int(priority),
            (now - int(since)) * 1000,
            now * 1000,
            deadline * 1000,
            early,
        )
        for task, token, attempt, priority, since, _, _ in reply[2:]
    ]


def _extend(arguments: list[bytes], reply: list[Any]) -> list[Event]:
    now, deadline = reply[0], reply[1]
    worker = _text(arguments[0])
    return [
        LeaseExtended(
            _text(arguments[2 + 2 * index]), worker, _token(arguments[3 + 2 * index]), now * 1000, deadline * 1000
        )
        for index, held in enumerate(reply[2:])
        if held
    ]


def _settle(arguments: list[bytes], reply: list[Any]) -> list[Event]:
    worker = _text(arguments[0])
    events: list[Event] = []
    for index, (verdict, attempt, latency, due) in enumerate(reply[1:]):
        task, token, _, delay, text = arguments[2 + 5 * index : 7 + 5 * index]
        events.append(_settled(_text(verdict), _text(task), worker, attempt, token, latency, delay, due, _text(text)))
    return events


def _settled(
    verdict: str, task: str, worker: str, attempt: int, token: bytes, latency: int, delay: bytes, due: int, text: str
) -> Event:
    if verdict == "success":
        return TaskSucceeded(task, worker, attempt, _token(token), latency * 1000)
    if verdict == "failure":
        return TaskFailed(task, worker, attempt, _token(token), text)
    if verdict == "dead":
        return TaskDead(task, worker, attempt, text)
    if verdict == "release":
        return TaskReleased(task, worker, attempt)
    if verdict == "retry":
        return TaskRetried(task, worker, attempt, _ns(delay), due * 1000, text)
    return ResultRefused(task, worker, _token(token), verdict)


def _promote(arguments: list[bytes], reply: list[Any]) -> list[Event]:
    return [TaskPromoted(_text(task), attempt, reply[0] * 1000, _ns(due)) for task, due, attempt in reply[2:]]


def _sweep(arguments: list[bytes], reply: list[Any]) -> list[Event]:
    events: list[Event] = []
    for task, verdict, attempt, worker, token, deadline in reply[1:]:
        if verdict == b"dead":
            events.append(TaskDead(_text(task), _text(worker), attempt, "lease expired on the last attempt"))
        else:
            events.append(
                TaskRedelivered(_text(task), _text(worker), attempt, _token(token), reply[0] * 1000, _ns(deadline))
            )
    return events


def _redrive(arguments: list[bytes], reply: list[Any]) -> list[Event]:
    return [TaskRedriven(_text(task)) for task in reply[1:]]


def _token(data: bytes) -> int:
    return int(data) if data else 0


_NARRATORS: dict[str, Callable[[list[bytes], list[Any]], list[Event]]] = {
    "enqueue": _enqueue,
    "lease": _lease,
    "extend": _extend,
    "settle": _settle,
    "promote": _promote,
    "sweep": _sweep,
    "redrive": _redrive,
}
