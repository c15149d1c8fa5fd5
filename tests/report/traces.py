"""A trace to draw: a broker asks workers in turn, who answer; some messages are lost, and one is late by a minute.

It fits the sample runs of `samples.py`: their hosts, their twenty minutes, and the two messages of the failing story.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from simkit.kernel.records import Records
from simkit.observe.document import Document
from simkit.observe.trace import StoredTrace, Trace

S = 1_000_000_000
MS = 1_000_000


def write_trace(path: Path, rounds: int = 300, *, every_ns: int = 4 * S) -> StoredTrace:
    """Write `rounds` questions and answers, an event for each, and return the trace."""
    world: Any = SimpleNamespace(now_ns=0)
    records = Records(world)
    trace = Trace(records, path)
    told: list[tuple[int, tuple[Any, ...], dict[str, Any]]] = []
    for number in range(rounds):
        sent_ns, worker, task = number * every_ns, f"workers-{number % 6}", f"task{number:04d}"
        ask, answer = _packed("queue.lease/1", task=task), _packed("queue.done/1", task=task, attempt=1)
        if number % 50 == 49:
            lost = "message", worker, "broker", "queue.lease/1", number, "request", "blocked"
            told.append((sent_ns, lost, {"payload": ask, "value": sent_ns}))
            continue
        asked = "message", worker, "broker", "queue.lease/1", number, "request", "delivered"
        told.append((sent_ns + MS, asked, {"payload": ask, "value": sent_ns}))
        done = "message", "broker", worker, "queue.done/1", number, "reply", "delivered"
        told.append((sent_ns + 501 * MS, done, {"payload": answer, "value": sent_ns + 500 * MS}))
        told.append((sent_ns + 501 * MS, ("event", "broker", "task.done"), {"payload": answer}))
    redis = b"*3\r\n$7\r\nEVALSHA\r\n$40\r\n" + b"0a" * 20 + b"\r\n$4\r\n3f2a\r\n"
    told.append((359 * S, ("stream", "broker", "workers-1", 1, 0), {"payload": redis, "value": 300 * S}))
    for time_ns, record, options in sorted(told, key=lambda each: each[0]):
        world.now_ns = time_ns
        records.write(*record, **options)
    trace.close()
    return StoredTrace(path)


def with_senders(document: Document) -> Document:
    """Return the failing sample with a message of the trace in its story, and with the links that its split cuts."""
    effect_once = document.expectations[1]
    [first, *others] = effect_once.violations
    story = [
        msgspec.structs.replace(step, sender="workers-1", sent_ns=300 * S)
        if (step.host, step.time_ns) == ("broker", 359 * S)
        else step
        for step in first.story
    ]
    told = msgspec.structs.replace(first, story=tuple(story))
    changed = msgspec.structs.replace(effect_once, violations=(told, *others))
    expectations = tuple(changed if each is effect_once else each for each in document.expectations)
    faults = [
        msgspec.structs.replace(each, links=((("workers-0", "workers-2"), ("broker",), True),))
        if each.fault == "partition"
        else each
        for each in document.faults
    ]
    return msgspec.structs.replace(document, expectations=expectations, faults=tuple(faults))


def _packed(tag: str, **fields: object) -> bytes:
    return msgspec.msgpack.encode({"@": tag, **fields})
