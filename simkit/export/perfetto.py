"""A run as a Chrome trace, JSON in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open.

Each host is a process with three tracks: its state, what it sent and received (with arrows from sender to receiver),
what it told. Faults are slices of the world's process, operations asynchronous slices of their host, metrics counters.
Times are virtual, in microseconds with three decimals, so that no nanosecond is lost.

Source: "Trace Event Format", the Chromium project's document of that name. It deliberately writes that format and not
Perfetto's own: the older one is read by more tools and needs no library.
"""

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from simkit.export.formats import Done
from simkit.export.tables import Row, rows_of
from simkit.observe.document import Document, MetricEntry
from simkit.observe.trace import StoredTrace
from simkit.report import strips
from simkit.report.words import plain, title_of

FILE = "trace.json.gz"
WORLD = 1
"""Process number of the world; hosts follow."""

STATE, MESSAGES, TOLD = 1, 2, 3
"""The tracks of a host."""

INSTANT_NS = 1
"""Length of the slices of a message's sending and arrival: shorter than any two moments lie apart, so none overlap."""

Event = dict[str, Any]


def write(document: Document, trace: StoredTrace | None, folder: Path) -> Done:
    """Write ``trace.json.gz``; the same run gives the same bytes."""
    encode = msgspec.json.Encoder().encode
    count = 0
    path = folder / FILE
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        file.write(b'{"displayTimeUnit":"ms","otherData":' + encode(_about(document)) + b',"traceEvents":[\n')
        for event in trace_events(document, trace):
            file.write((b",\n" if count else b"") + encode(event))
            count += 1
        file.write(b"\n]}\n")
    return Done({path: count})


def trace_events(document: Document, trace: StoredTrace | None) -> Iterator[Event]:
    """Yield every event of the trace, names of processes and tracks first."""
    processes = {host.name: number for number, host in enumerate(document.hosts, WORLD + 1)}
    yield from _names(document, processes)
    yield from _states(document, processes)
    yield from _faults(document)
    for metric in document.metrics:
        yield from _counter(metric, processes.get(metric.host or "", WORLD))
    number = 0
    for row in rows_of(document, trace):
        if row.table == "messages":
            number += 1
            yield from _message(row, number, processes)
        elif row.table == "operations":
            yield from _operation(row, processes, strips.end_of(document))
        elif row.table == "events" and row.values[2] in ("event", "host", "disk"):
            time_ns, host, record, kind, text = row.values
            if host in processes:
                told = {"name": kind, "cat": record, "ph": "i", "s": "t", "args": {"text": text}}
                yield {**told, **_at(time_ns), "pid": processes[str(host)], "tid": TOLD}


def _about(document: Document) -> dict[str, Any]:
    names = ("scenario", "variant", "seed", "digest", "verdict")
    return {"title": title_of(document), **{name: getattr(document, name) for name in names}}


def _names(document: Document, processes: Mapping[str, int]) -> Iterator[Event]:
    for name, pid in {title_of(document): WORLD, **processes}.items():
        yield {"name": "process_name", "ph": "M", "pid": pid, "args": {"name": plain(name)}}
        yield {"name": "process_sort_index", "ph": "M", "pid": pid, "args": {"sort_index": pid}}
    for pid in processes.values():
        for tid, name in ((STATE, "state"), (MESSAGES, "messages"), (TOLD, "events")):
            yield {"name": "thread_name", "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}
            yield {"name": "thread_sort_index", "ph": "M", "pid": pid, "tid": tid, "args": {"sort_index": tid}}


def _states(document: Document, processes: Mapping[str, int]) -> Iterator[Event]:
    end_ns = strips.end_of(document)
    for host, pid in processes.items():
        changes = document.host_states.get(host, ())
        for (begin_ns, state), (until_ns, _) in zip(changes, (*changes[1:], (end_ns, "")), strict=True):
            if until_ns > begin_ns:
                yield {"name": state, "cat": "state", **_slice(begin_ns, until_ns - begin_ns), "pid": pid, "tid": STATE}


def _faults(document: Document) -> Iterator[Event]:
    for number, fault in enumerate(document.faults):
        begin_ns, end_ns = strips.interval(document, fault)
        text = {
            "kind": plain(fault.fault),
            "text": plain(fault.text),
            "targets": [plain(each) for each in fault.targets],
        }
        # Faults overlap, so their slices are asynchronous ones, each with an identifier of its own.
        about = {"name": plain(fault.name), "cat": "fault", "id": f"fault-{number}", "pid": WORLD, "tid": STATE}
        yield {**about, "ph": "b", **_at(begin_ns), "args": text}
        yield {**about, "ph": "e", **_at(max(end_ns, begin_ns + INSTANT_NS))}


def _counter(metric: MetricEntry, pid: int) -> Iterator[Event]:
    name = (
        f"{plain(metric.name)} p99" if metric.kind == "histogram" and "p99" in metric.quantiles else plain(metric.name)
    )
    labels = "".join(f" {plain(key)}={plain(value)}" for key, value in sorted(metric.labels.items()))
    unit = plain(metric.unit) or "value"
    for time_ns, value in zip(metric.times_ns, strips.shown(metric), strict=False):
        if value is not None:
            yield {"name": f"{name}{labels}", "ph": "C", **_at(time_ns), "pid": pid, "args": {unit: value}}


def _message(row: Row, number: int, processes: Mapping[str, int]) -> Iterator[Event]:
    """Yield the sending and the arrival, bound to each other by an arrow; a lost message has no arrival."""
    time_ns, sent_ns, source, target, kind, outcome, size, _, _, text = row.values
    begin = {"name": kind, "cat": "message", "tid": MESSAGES}
    sent = isinstance(sent_ns, int) and source in processes
    came = outcome == "arrived" and target in processes
    # The slices themselves say so: an arrow that is an event of its own would end at whatever slice is open then.
    bound = {"bind_id": f"{number:#x}"} if sent and came else {}
    if sent:
        told = {"to": target, "outcome": outcome, "bytes": size, "text": text}
        leaves = {**bound, "flow_out": True} if bound else {}
        yield {**begin, **_slice(sent_ns, INSTANT_NS), "pid": processes[str(source)], **leaves, "args": told}
    if came:
        told = {"from": source, "bytes": size}
        enters = {**bound, "flow_in": True} if bound else {}
        yield {**begin, **_slice(time_ns, INSTANT_NS), "pid": processes[str(target)], **enters, "args": told}


def _operation(row: Row, processes: Mapping[str, int], end_ns: int) -> Iterator[Event]:
    serial, process, host, function, begin_ns, ended_ns, outcome, given, output = row.values
    pid = processes.get(str(host), WORLD)
    about = {"name": function, "cat": "operation", "id": f"operation-{serial}", "pid": pid, "tid": TOLD}
    yield {**about, "ph": "b", **_at(begin_ns), "args": {"process": process, "given": given}}
    until_ns = end_ns if ended_ns is None else ended_ns
    yield {**about, "ph": "e", **_at(until_ns), "args": {"outcome": outcome, "output": output}}


def _slice(begin_ns: object, length_ns: int) -> Event:
    return {"ph": "X", **_at(begin_ns), "dur": _microseconds(length_ns)}


def _at(time_ns: object) -> Event:
    return {"ts": _microseconds(int(str(time_ns)))}


def _microseconds(time_ns: int) -> msgspec.Raw:
    return msgspec.Raw(f"{time_ns // 1_000}.{time_ns % 1_000:03}".encode())
