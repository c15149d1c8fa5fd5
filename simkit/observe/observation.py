"""Everything that watches one run, put together: metrics, journal, history, states, trace, and the run document.

A run makes one `Observation` before its first instant, gives nodes their view of the metrics, and asks for the
document when the world stands still.

It deliberately watches only: nothing here schedules, draws or writes to the world that it observes (a history's
records are written by the clients that invoke).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from simkit.kernel.records import Record, Records
from simkit.observe.document import (
    Document,
    ErrorEntry,
    ExpectationEntry,
    FaultEntry,
    HostEntry,
    State,
    Verdict,
)
from simkit.observe.history import History
from simkit.observe.journal import Journal
from simkit.observe.metrics import HostMetrics, Metrics
from simkit.observe.segments import BUCKETS
from simkit.observe.series import entries
from simkit.observe.states import ENDS, States
from simkit.observe.trace import Policy, Trace
from simkit.observe.windows import Windows, windows

VIOLATIONS_MAX = 100
"""Violations of one expectation that the document tells; `violations_total` counts all."""


class Observed(Protocol):
    """What an observation needs of a world."""

    @property
    def now_ns(self) -> int:
        """Virtual time."""
        ...

    @property
    def records(self) -> Records:
        """The sink."""
        ...


class Observation:
    """The observers of one run.

    Args:
        world: to watch; nothing may have happened in it yet.
        hosts: the machines of the run.
        duration_ns, warmup_ns: as the scenario says.
        trace_path: file of the trace; no trace is kept when None and `trace_hashes` is off.
        trace_hashes: keep the hashes of a trace in memory, to compare two runs.
        policy: what a trace keeps of payloads.
    """

    def __init__(
        self,
        world: Observed,
        hosts: Iterable[HostEntry],
        duration_ns: int,
        warmup_ns: int = 0,
        *,
        trace_path: Path | None = None,
        trace_hashes: bool = False,
        policy: Policy = "head",
        buckets: int = BUCKETS,
    ) -> None:
        self._world = world
        self.hosts = tuple(hosts)
        self.duration_ns, self.warmup_ns = duration_ns, warmup_ns
        self.metrics = Metrics(world, duration_ns, warmup_ns, buckets=buckets)
        self.journal = Journal(world.records)
        self.history = History(world)
        self.states = States()
        for host in self.hosts:
            self.states.add_host(host.name)
        self.trace = Trace(world.records, trace_path, policy=policy) if trace_path or trace_hashes else None
        world.records.subscribe(("host",), self._host_changed)
        world.records.subscribe(("fault",), self._fault_changed)

    def metrics_of(self, host: str) -> HostMetrics:
        """Return what a node on that host sees as `self.metrics`."""
        return self.metrics.host(host)

    def windows(self, faults: Iterable[FaultEntry]) -> Windows:
        """Return the windows of the run, given when its faults held."""
        return windows(self.duration_ns, self.warmup_ns, [(fault.begin_ns, fault.end_ns) for fault in faults])

    def close(self) -> None:
        """The run is over: operations under way are lost, the trace is written."""
        self.history.conclude()
        if self.trace:
            self.trace.close()

    def document(
        self,
        *,
        scenario: str,
        seed: int,
        verdict: Verdict,
        as_declared: bool,
        faults: Iterable[FaultEntry] = (),
        expectations: Iterable[ExpectationEntry] = (),
        error: ErrorEntry | None = None,
        file: str = "",
        title: str = "",
        variant: str | None = None,
        system: str = "",
        core: str = "python",
        wall_seconds: float = 0.0,
        versions: dict[str, str] | None = None,
        headline: str | None = None,
    ) -> Document:
        """Return the run document; call it after `close`, with what only the runner knows."""
        held = tuple(faults)
        found = self.windows(held)
        return Document(
            scenario=scenario,
            file=file,
            title=title,
            variant=variant,
            system=system,
            seed=seed,
            core=core,
            duration_ns=self.duration_ns,
            ended_ns=self._world.now_ns if self._world.now_ns < self.duration_ns else None,
            warmup_ns=self.warmup_ns,
            digest=self._world.records.digest(),
            events=self._world.records.count,
            wall_seconds=wall_seconds,
            versions=versions or {},
            verdict=verdict,
            as_declared=as_declared,
            error=error,
            hosts=self.hosts,
            host_states=self._states(),
            faults=held,
            windows=found,
            expectations=tuple(expectations),
            metrics=tuple(entries(self.metrics, found)),
            headline=headline,
            logs=self.journal.lines(),
            logs_total=self.journal.total,
            event_counts=self.journal.event_counts,
            first_events=self.journal.first_events,
            left_out=self._left_out(),
        )

    def _states(self) -> dict[str, tuple[tuple[int, State], ...]]:
        return {name: tuple(changes) for name, changes in self.states.changes.items()}

    def _left_out(self) -> dict[str, int]:
        counts = {
            "history.OPERATIONS_MAX": self.history.left_out,
            "journal.LINES_MAX": self.journal.total - len(self.journal.lines()),
            "segments.MARKS_MAX": self.metrics.segments.marks_left_out,
            "states.TRANSITIONS_MAX": self.states.left_out,
            "trace.TRACE_BYTES_MAX": self.trace.left_out if self.trace else 0,
        }
        return {name: count for name, count in counts.items() if count}

    def _host_changed(self, record: Record) -> None:
        self.states.observe(record)
        if record.detail and record.detail[0] in ENDS:
            self.metrics.host_ended(record.host)

    def _fault_changed(self, record: Record) -> None:
        self.metrics.mark()
