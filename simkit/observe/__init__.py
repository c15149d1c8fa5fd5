"""What watches a run: metrics, histories, logs, host states, the trace, and the run document made of them.

Everything here reads the records of a world or is called by its nodes; nothing schedules, draws or changes anything.
"""

from simkit.observe.document import (
    Document,
    ErrorEntry,
    ExpectationEntry,
    FaultEntry,
    HostEntry,
    LogEntry,
    MetricEntry,
    OperationEntry,
    StoryStep,
    ViolationEntry,
    read_document,
    schema,
    tell,
)
from simkit.observe.history import History, Operation
from simkit.observe.journal import Journal, exception_text, listen
from simkit.observe.metrics import Counter, Gauge, Histogram, HostMetrics, Metrics
from simkit.observe.moment import moment, number, span
from simkit.observe.observation import Observation
from simkit.observe.series import statistic
from simkit.observe.states import States
from simkit.observe.trace import Difference, StoredTrace, Trace, first_difference
from simkit.observe.windows import Window, Windows, windows

__all__ = [
    "Counter",
    "Difference",
    "Document",
    "ErrorEntry",
    "ExpectationEntry",
    "FaultEntry",
    "Gauge",
    "Histogram",
    "History",
    "HostEntry",
    "HostMetrics",
    "Journal",
    "LogEntry",
    "MetricEntry",
    "Metrics",
    "Observation",
    "Operation",
    "OperationEntry",
    "States",
    "StoredTrace",
    "StoryStep",
    "Trace",
    "ViolationEntry",
    "Window",
    "Windows",
    "exception_text",
    "first_difference",
    "listen",
    "moment",
    "number",
    "read_document",
    "schema",
    "span",
    "statistic",
    "tell",
    "windows",
]
