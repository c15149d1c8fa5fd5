"""What the page's script needs of a run, as JSON that cannot end the element it stands in.

Columns of messages travel as base64 of little-endian numbers: a hundred thousand rows as JSON would take three times
the room and longer to read.

It deliberately decides nothing about the run: it carries what the document and the trace say.
"""

import base64
from typing import Any

import msgspec
import numpy as np

from simkit.observe.document import Document, FaultEntry, LogEntry, MetricEntry
from simkit.observe.journal import TEXT_MAX
from simkit.observe.moment import number
from simkit.report import strips, timeline
from simkit.report.messages import Messages, story_messages
from simkit.report.words import plain

SERIES_MAX = 240
"""Gauges of single hosts that the page carries; those of the first hosts."""

_WIDTHS = {
    "time_ns": "<f8",
    "sent_ns": "<f8",
    "source": "<u2",
    "target": "<u2",
    "host": "<u2",
    "kind": "<u2",
    "outcome": "<u2",
    "size": "<u4",
    "cause": "<i4",
    "text": "<i4",
}


def page_data(document: Document, start_ns: int, messages: Messages | None = None) -> str:
    """Return the data of the page's script."""
    found = [violation for _, violation in strips.violations(document)]
    steps = [step.time_ns for violation in found[:1] for step in violation.story]
    edges = [time_ns for fault in document.faults for time_ns in strips.interval(document, fault)]
    times_ns = {violation.time_ns for violation in found}
    metric = strips.headline(document)
    data = {
        "start": start_ns,
        "duration": document.duration_ns,
        "end": strips.end_of(document),
        "file": plain(document.file),
        "lanes": [names for _, names in timeline.lane_hosts(document)],
        "groups": strips.groups(document),
        "states": document.host_states,
        "faults": [_fault(document, fault) for fault in document.faults],
        "violations": sorted(times_ns),
        "moments": sorted({*steps, *edges, *times_ns, start_ns}),
        "story": [steps[0], steps[-1]] if steps else None,
        "actors": sorted({name for each in found[:1] for step in each.story for name in (step.host, step.sender)}),
        "metric": _values(metric) if metric else [],
        **_hosts(document),
        "logs": [_log_row(line) for line in document.logs],
        "messages": None if messages is None else _packed(document, messages),
    }
    text = msgspec.json.encode(data).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _fault(document: Document, fault: FaultEntry) -> dict[str, Any]:
    begin_ns, end_ns = strips.interval(document, fault)
    hosts = {host.name for host in document.hosts}
    return {
        "name": plain(fault.name),
        "kind": plain(fault.fault),
        "color": timeline.fault_number(document, fault.name),
        "begin": begin_ns,
        "end": end_ns,
        "healed": fault.end_ns is not None,
        "links": (*fault.links, *fault.cuts),
        "cuts": bool(fault.cuts) or fault.fault == "partition",
        # A router or a cable that no host's way leads over: no line in the picture, and still something to say.
        "apart": bool(fault.targets) and not fault.links and hosts.isdisjoint(fault.targets),
        "line": fault.line,
        "text": plain(fault.text or fault.fault),
        "source": " ".join(plain(fault.source).split()),
    }


def _hosts(document: Document) -> dict[str, Any]:
    """Return the hosts with their gauges, and where the buckets of all gauges begin."""
    gauges = [metric for metric in document.metrics if metric.kind == "gauge" and metric.host is not None]
    buckets = gauges[0].times_ns if gauges else ()
    of: dict[str, list[dict[str, Any]]] = {}
    for metric in [each for each in gauges if each.times_ns == buckets][:SERIES_MAX]:
        entry = {"name": plain(metric.name), "unit": plain(metric.unit), "values": metric.values}
        of.setdefault(metric.host or "", []).append(entry)
    hosts = [
        {"name": host.name, "role": plain(host.role), "zone": plain(host.zone or ""), "gauges": of.get(host.name, [])}
        for host in document.hosts
    ]
    return {"hosts": hosts, "buckets": buckets}


def _packed(document: Document, messages: Messages) -> dict[str, Any]:
    return {
        "hosts": messages.hosts,
        "kinds": [plain(kind) for kind in messages.kinds],
        "outcomes": messages.outcomes,
        "texts": messages.texts,
        "columns": {name: _base64(name, column) for name, column in messages.columns.items()},
        "events": {name: _base64(name, column) for name, column in messages.events.items()},
        "story": story_messages(document, messages),
    }


def _base64(name: str, column: "np.typing.NDArray[np.int64]") -> str:
    width = np.dtype(_WIDTHS[name])
    if width.kind in "iu":
        column = np.clip(column, np.iinfo(width).min, np.iinfo(width).max)
    return base64.b64encode(column.astype(width).tobytes()).decode()


def _log_row(line: LogEntry) -> tuple[int, str, str, str, str]:
    text = "\n".join(plain(part.expandtabs(4), TEXT_MAX) for part in line.text.split("\n"))
    return line.time_ns, plain(line.host), plain(line.level), plain(line.logger), text


def _values(metric: MetricEntry) -> list[tuple[int, float | None, str]]:
    rows = zip(metric.times_ns, strips.shown(metric), strict=True)
    return [(time_ns, value, "" if value is None else number(value)) for time_ns, value in rows]
