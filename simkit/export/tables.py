"""A run as four tables: messages, events, operations, metrics. Rows come one by one, in the order of the trace.

Times are integer nanoseconds of virtual time. A payload is told in words, as the report tells it; a trace keeps only
its beginning.

It deliberately holds no table in memory: a trace may be larger than that.
"""

from collections.abc import Iterator
from typing import NamedTuple

from simkit.observe.document import Document, MetricEntry
from simkit.observe.trace import StoredTrace, TraceRecord
from simkit.report.passage import passage_of, payload_words
from simkit.report.payload import read_message
from simkit.report.words import plain

Value = int | float | str | None

COLUMNS: dict[str, dict[str, type]] = {
    "messages": {
        "time_ns": int,
        "sent_ns": int,
        "source": str,
        "target": str,
        "kind": str,
        "outcome": str,
        "size_bytes": int,
        "request": int,
        "connection": int,
        "text": str,
    },
    "events": {"time_ns": int, "host": str, "record": str, "kind": str, "text": str},
    "operations": {
        "serial": int,
        "process": str,
        "host": str,
        "function": str,
        "begin_ns": int,
        "end_ns": int,
        "outcome": str,
        "given": str,
        "output": str,
    },
    "metrics": {
        "time_ns": int,
        "name": str,
        "kind": str,
        "unit": str,
        "host": str,
        "labels": str,
        "statistic": str,
        "value": float,
    },
}
"""The columns of each table and what they hold; any but the first may be empty."""


class Row(NamedTuple):
    """One row and the table it belongs to."""

    table: str
    values: tuple[Value, ...]


class _Invoked(NamedTuple):
    record: TraceRecord
    given: str


def rows_of(document: Document, trace: StoredTrace | None) -> Iterator[Row]:
    """Yield every row of a run; without a trace those of its metrics."""
    pending: dict[int, _Invoked] = {}
    for _, record in trace.records() if trace is not None else ():
        passage = passage_of(record)
        if passage is not None:
            yield _message(document, record)
        elif record.kind == "history":
            serial = int(str(record.detail[1]))
            if record.detail[0] == "invoke":
                pending[serial] = _Invoked(record, read_message(record.payload_head))
            elif invoked := pending.pop(serial, None):
                yield _operation(serial, invoked, record)
        else:
            yield _event(record)
    for serial, invoked in pending.items():
        yield _operation(serial, invoked, None)
    for metric in document.metrics:
        yield from _metric(metric)


def _message(document: Document, record: TraceRecord) -> Row:
    passage = passage_of(record)
    assert passage is not None
    kind, text = payload_words(record.kind, passage.kind, record.payload_head, document.words)
    link = None if passage.link < 0 else passage.link
    values = (
        record.time_ns,
        record.sent_ns,
        plain(passage.source),
        plain(passage.target),
        plain(kind),
        passage.outcome,
        record.payload_length,
        None if passage.connection else link,
        link if passage.connection else None,
        text,
    )
    return Row("messages", values)


def _event(record: TraceRecord) -> Row:
    """Return an event of a node, a change of a host, a fault, or an access to a disk."""
    kind, *rest = record.detail or ("",)
    text = " ".join(str(part) for part in rest)
    if record.kind == "event":
        text = read_message(record.payload_head)
    return Row("events", (record.time_ns, plain(record.host), record.kind, plain(str(kind)), plain(text)))


def _operation(serial: int, invoked: _Invoked, ended: TraceRecord | None) -> Row:
    record, given = invoked
    process, function = (plain(str(part)) for part in record.detail[2:4])
    end = (None, "open", "") if ended is None else (ended.time_ns, ended.detail[0], read_message(ended.payload_head))
    end_ns, outcome, output = end
    host = plain(record.host)
    return Row(
        "operations", (serial, process, host, function, record.time_ns, end_ns, plain(str(outcome)), given, output)
    )


def _metric(metric: MetricEntry) -> Iterator[Row]:
    """Yield each series of a metric, a bucket to a row; what has no value has no row."""
    main = {"counter": "amount", "gauge": "last", "histogram": "count"}[metric.kind]
    series = {main: metric.values, "minimum": metric.minimum, "maximum": metric.maximum, "mean": metric.mean}
    labels = " ".join(f"{name}={value}" for name, value in sorted(metric.labels.items()))
    about = (plain(metric.name), metric.kind, plain(metric.unit), plain(metric.host or ""), plain(labels))
    for statistic, values in (series | metric.quantiles).items():
        for time_ns, value in zip(metric.times_ns, values, strict=False):
            if value is not None:
                yield Row("metrics", (time_ns, *about, statistic, float(value)))
