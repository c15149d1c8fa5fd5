"""A small run to export: two hosts, messages that arrive or not, operations, faults, a metric."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from simkit.kernel.records import Records
from simkit.observe.document import Document, FaultEntry, HostEntry, MetricEntry
from simkit.observe.trace import StoredTrace, Trace

S = 1_000_000_000
NASTY = 'a,"b"\n=1+1 \x1b[31m'


def packed(**fields: object) -> bytes:
    return msgspec.msgpack.encode({"@": "x", **fields})


@pytest.fixture
def document() -> Document:
    return Document(
        scenario="queue/small",
        seed=7,
        duration_ns=10 * S,
        verdict="pass",
        hosts=(HostEntry(name="a", group="a"), HostEntry(name="b", group="b")),
        host_states={"a": ((0, "up"),), "b": ((0, "up"), (2 * S, "down"), (3 * S, "up"))},
        faults=(
            FaultEntry(name="cut", fault="kill", targets=("b",), begin_ns=2 * S, end_ns=3 * S, text="kill b"),
            FaultEntry(name="slow", fault="latency", begin_ns=2 * S, end_ns=None),
        ),
        metrics=(
            MetricEntry(
                name="depth",
                kind="gauge",
                unit="tasks",
                host="a",
                times_ns=(0, 5 * S),
                values=(1.0, None),
                mean=(0.5, 2.0),
            ),
        ),
    )


@pytest.fixture
def trace(tmp_path: Path) -> StoredTrace:
    world: Any = SimpleNamespace(now_ns=0)
    records = Records(world)
    kept = Trace(records, tmp_path / "trace.bin")

    def tell(
        time_ns: int, kind: str, host: str, *detail: Any, payload: bytes = b"", sent_ns: int | None = None
    ) -> None:
        world.now_ns = time_ns
        records.write(kind, host, *detail, payload=payload, value=sent_ns)

    tell(0, "host", "a", "boot", 1)
    tell(S, "history", "a", "invoke", 1, "a/0", "read", payload=packed(key="k"))
    tell(S, "history", "a", "invoke", 2, "a/1", "write", payload=packed(key="k"))
    tell(S + 1_001, "message", "b", "a", "ask/1", 1, "request", "delivered", payload=packed(what=NASTY), sent_ns=S)
    tell(S + 1_001, "event", "b", "asked", payload=packed(key="k"))
    tell(S + 2_003, "message", "a", "b", "answer/1", 1, "reply", "delivered", payload=packed(), sent_ns=S + 1_001)
    tell(S + 2_004, "history", "a", "ok", 1, "a/0", "read", payload=packed(value=3))
    tell(2 * S, "fault", "", "cut", "kill", "begins", "b")
    tell(2 * S, "message", "b", "a", "ask/1", 2, "request", "blocked", payload=packed(), sent_ns=2 * S)
    tell(4 * S, "stream", "b", "a", 5, 0, payload=b"+OK\r\n", sent_ns=4 * S - 10)
    kept.close()
    return StoredTrace(tmp_path / "trace.bin")
