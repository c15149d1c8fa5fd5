"""The run document: what a run was and how it ended, as one JSON document that everything which shows a run reads.

The classes below are its schema, field by field; `schema()` gives the same as JSON Schema. Times are integer
nanoseconds of virtual time, optional fields are null when unknown, `format` grows when a reader of the old form would
misread the new one. The terminal, the page, JUnit files and the comparison of two runs take nothing else.

It deliberately holds no trace: records lie beside it in the run folder, and the document stays small enough to open.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from simkit.observe.explanation import Explanation
from simkit.observe.picture import Picture
from simkit.observe.windows import Windows

FORMAT = 1

_WORD = re.compile(r"[\w-]+")

Verdict = Literal["pass", "fail", "unknown", "error"]
State = Literal["up", "down", "paused"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the document; fields a newer writer adds are ignored by an older reader."""


class HostEntry(Part, frozen=True, kw_only=True):
    """One machine: its name, its group and role in the scenario, its zone."""

    name: str
    group: str
    role: str = ""
    zone: str | None = None


class FaultEntry(Part, frozen=True, kw_only=True):
    """One time that a fault held, or struck.

    Attributes:
        name: its name in the scenario; a fault that comes again has one entry for each time.
        fault: its kind's word, such as ``pause``.
        targets: hosts or links, as they were chosen.
        links: of a fault between hosts: [hosts, other hosts, whether both ways] for each pair of sides.
        cuts: the same of the links that a fault aimed at hosts cuts; no hosts for everybody.
        end_ns: when it healed; null when it never did, `begin_ns` for an act.
        line: of the scenario file. text: in words, with units. source: the line of the file as the author wrote it.
    """

    name: str
    fault: str
    targets: tuple[str, ...] = ()
    links: tuple[tuple[tuple[str, ...], tuple[str, ...], bool], ...] = ()
    cuts: tuple[tuple[tuple[str, ...], tuple[str, ...], bool], ...] = ()
    begin_ns: int
    end_ns: int | None = None
    kind: Literal["condition", "act", "plan"] = "condition"
    line: int | None = None
    text: str = ""
    source: str = ""


class StoryStep(Part, frozen=True, kw_only=True):
    """One line of a story; `fault` names the fault when the line tells of one, `violation` marks the last line.

    Where a message brought it about, `sender` is who sent that, and `sent_ns` when.
    """

    time_ns: int
    host: str
    text: str
    fault: str | None = None
    line: int | None = None
    violation: bool = False
    sender: str = ""
    sent_ns: int | None = None


class CycleTransactionEntry(Part, frozen=True, kw_only=True):
    """One transaction of a cycle: what it is called, who asked for it, what it did; `end_ns` is null if unanswered."""

    name: str
    process: str
    text: str
    begin_ns: int
    end_ns: int | None = None


class CycleEdgeEntry(Part, frozen=True, kw_only=True):
    """One edge of a cycle.

    Attributes:
        source, target: places in the list of transactions; the source must have come first.
        kind: ww, wr, rw, process or realtime. key: what both touched, empty for the last two.
        text: why the edge is there.
    """

    source: int
    target: int
    kind: Literal["ww", "wr", "rw", "process", "realtime"]
    key: str = ""
    text: str = ""


class CycleEntry(Part, frozen=True, kw_only=True):
    """Transactions of which each must have come before the next, and the last before the first."""

    title: str
    transactions: tuple[CycleTransactionEntry, ...]
    edges: tuple[CycleEdgeEntry, ...]


class OperationEntry(Part, frozen=True, kw_only=True):
    """One operation of a client, for a picture of which ones overlapped.

    Attributes:
        process: who did it. text: what it did and what came back.
        end_ns: null when it never returned.
        blamed: whether it is the one that cannot be explained.
    """

    process: str
    text: str
    begin_ns: int
    end_ns: int | None = None
    blamed: bool = False


class ViolationEntry(Part, frozen=True, kw_only=True):
    """One moment at which an expectation was broken, how it came to it, and what it is about, for a picture.

    Attributes:
        cycle: transactions that cannot be put in order.
        operations: operations of clients that contradict each other.
        explanation: lines and a picture of the check's own.
    """

    time_ns: int
    host: str
    text: str
    story: tuple[StoryStep, ...] = ()
    cycle: CycleEntry | None = None
    operations: tuple[OperationEntry, ...] = ()
    explanation: Explanation | None = None


class ExpectationEntry(Part, frozen=True, kw_only=True):
    """One line of `expect:` and what became of it.

    Attributes:
        kind: its first word, or ``metric``. subject: the rest, such as ``queue_drained within 2min``.
        declared: what the scenario says of it (a variant may say that it fails).
        summary: one line with numbers, also when it holds.
        margin: how much of the bound was left, 1 all of it, 0 none; null where that has no meaning.
        value: what was measured, in `unit`: a metric's statistic, or the seconds until a goal was reached.
        violations: the first ones; `violations_total` counts all.
    """

    text: str
    kind: Literal["always", "eventually", "sometimes", "metric", "fails"]
    subject: str
    declared: Literal["holds", "fails"] = "holds"
    verdict: Verdict
    as_declared: bool = True
    summary: str = ""
    margin: float | None = None
    value: float | None = None
    unit: str = ""
    violations: tuple[ViolationEntry, ...] = ()
    violations_total: int = 0


class MetricEntry(Part, frozen=True, kw_only=True):
    """One metric as a series, of one host or (host null) of all hosts together.

    Attributes:
        times_ns: where each bucket begins; the last one ends at the run's end.
        values: counter: the amount in the bucket; gauge: the value at its end (null: no value); histogram: how many.
        minimum, maximum, mean: gauges only, within the bucket, the mean weighted by time; of all hosts together only
            the mean is known (the sum of the hosts' means).
        quantiles: histograms only, by name (``p50``, ``p99``), null in a bucket without values.
        peak: gauges only: [time_ns, value] of the highest value.
        windows: statistics by window: counter total, rate (/s); gauge mean, minimum, maximum, last; histogram count,
            mean, p50, p90, p99, p999, maximum.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str = ""
    host: str | None = None
    labels: dict[str, str] = {}
    times_ns: tuple[int, ...] = ()
    values: tuple[float | None, ...] = ()
    minimum: tuple[float | None, ...] = ()
    maximum: tuple[float | None, ...] = ()
    mean: tuple[float | None, ...] = ()
    quantiles: dict[str, tuple[float | None, ...]] = {}
    peak: tuple[int, float] | None = None
    windows: dict[str, dict[str, float]] = {}


class LogEntry(Part, frozen=True, kw_only=True):
    """One line of a log, of standard output (logger ``stdout``) or of an exception (with its traceback)."""

    time_ns: int
    host: str
    level: str
    logger: str
    text: str


class PredictionEntry(Part, frozen=True, kw_only=True):
    """A question that was answered before the run: what was said, what the run did, and why."""

    question: str
    said: str
    did: str
    right: bool
    because: str = ""


class ErrorEntry(Part, frozen=True, kw_only=True):
    """Why a run is an error: an exception nobody allowed, a check that crashed, the fence, a livelock."""

    text: str
    traceback: str = ""
    host: str = ""
    time_ns: int = 0


class Document(Part, frozen=True, kw_only=True):
    """One run.

    Attributes:
        scenario: its name, such as ``task_queue/steady``; `variant` is null for the scenario itself.
        again: the command that makes this run again, where that is not `simkit run` with its folder or its name.
        changes: what the variant and the command line set, as PATH=VALUE. words: what opaque words in payloads mean.
        branch: which one it is of a seed's branches, from branched_ns on, where its draws become its own; null without.
        duration_ns: virtual, as planned; ended_ns: null unless the run ended before. wall_seconds: real.
        events: digested records.
        as_declared: whether every expectation did what the scenario declares.
        absent: faults that the swarm left out with this seed. spared: how often a fault struck nobody, because there
            was nobody whom it could, or whom the budget let it.
        headline: the metric the first screen shows; null lets the reader choose the gauge that moved most.
        pictures: the system's own figures. predictions: of a lesson.
        logs: the lines that were kept; `logs_total` counts all. left_out: what limits cut, by name of the limit.
        warnings: what whoever wrote the system should mend.
    """

    format: int = FORMAT
    scenario: str
    file: str = ""
    title: str = ""
    variant: str | None = None
    again: str = ""
    changes: tuple[str, ...] = ()
    system: str = ""
    seed: int
    branch: int | None = None
    branched_ns: int | None = None
    core: str = "python"
    systems: tuple[str, ...] = ()
    duration_ns: int
    ended_ns: int | None = None
    warmup_ns: int = 0
    digest: str = ""
    events: int = 0
    wall_seconds: float = 0.0
    versions: dict[str, str] = {}
    verdict: Verdict
    as_declared: bool = True
    error: ErrorEntry | None = None
    hosts: tuple[HostEntry, ...] = ()
    host_states: dict[str, tuple[tuple[int, State], ...]] = {}
    faults: tuple[FaultEntry, ...] = ()
    absent: tuple[str, ...] = ()
    spared: dict[str, int] = {}
    windows: Windows = Windows(steady=None, faults=None, recovery=None, all=None)
    expectations: tuple[ExpectationEntry, ...] = ()
    metrics: tuple[MetricEntry, ...] = ()
    headline: str | None = None
    logs: tuple[LogEntry, ...] = ()
    logs_total: int = 0
    event_counts: dict[str, int] = {}
    first_events: dict[str, int] = {}
    pictures: tuple[Picture, ...] = ()
    predictions: tuple[PredictionEntry, ...] = ()
    words: dict[str, str] = {}
    left_out: dict[str, int] = {}
    warnings: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return the document as one line of JSON, fields in the order above."""
        return msgspec.json.encode(self)

    def write(self, path: Path) -> None:
        """Write ``run.json``."""
        path.write_bytes(self.to_json() + b"\n")


def read_document(source: bytes | Path) -> Document:
    """Read a run document; a ValueError says in words what is wrong with it."""
    data = source.read_bytes() if isinstance(source, Path) else source
    where = str(source) if isinstance(source, Path) else "the run document"
    try:
        found = msgspec.json.decode(data, type=dict[str, Any]).get("format")
        if found != FORMAT:
            raise ValueError(f"{where} has format {found!r}; this simkit reads format {FORMAT}")
        return msgspec.json.decode(data, type=Document)
    except msgspec.MsgspecError as problem:
        raise ValueError(f"{where} is not a run document: {problem}") from problem


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the run document."""
    return msgspec.json.schema(Document)


def tell(
    time_ns: int, host: str, text: str, story: Iterable[StoryStep], faults: Iterable[FaultEntry]
) -> ViolationEntry:
    """Return a violation whose story also tells which faults held or struck while it came about.

    A fault belongs to the story when it held at some moment between the first step and the violation, and touched a
    host of the story, one that a step names in its text, or no host at all (the load).
    """
    told = sorted(story, key=lambda step: step.time_ns)
    if not told or told[-1].time_ns < time_ns:
        told.append(StoryStep(time_ns=time_ns, host=host, text=text))
    told[-1] = msgspec.structs.replace(told[-1], violation=True)
    actors = {step.host for step in told} | {step.sender for step in told} | {host}
    actors.update(word for step in told for word in _WORD.findall(step.text))
    first_ns = told[0].time_ns
    for fault in faults:
        ended_ns = time_ns if fault.end_ns is None else fault.end_ns
        # A link is named by its hosts or groups, `a <-> b`, and touches the hosts of both sides.
        touched = {*fault.targets, *(host for *sides, _ in fault.links for side in sides for host in side)}
        if fault.begin_ns > time_ns or ended_ns < first_ns or (touched and actors.isdisjoint(touched)):
            continue
        told.append(StoryStep(time_ns=fault.begin_ns, host="", text=fault.text, fault=fault.name, line=fault.line))
    # A fault comes before what happens at the same moment, the violation after it.
    told.sort(key=lambda step: (step.time_ns, step.violation, step.fault is None))
    return ViolationEntry(time_ns=time_ns, host=host, text=text, story=tuple(told))
