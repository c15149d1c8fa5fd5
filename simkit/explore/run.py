"""One run of one scenario: build the world, let it run, judge it, and write a folder that somebody else can run again.

`execute` is what a worker is called with; it takes and returns plain data. `run_scenario` is the same in this
interpreter, for those who accept that its hash seed, its real clock and its other threads are theirs to answer for.

It deliberately prints nothing and draws nothing: terminal and page are made from the run document.
"""

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace

from simkit.card import Card
from simkit.explore.interpreter import freeze, interruptible, quiet_collector
from simkit.explore.judgement import Evidence, Judge, worst
from simkit.explore.plotting import Plotter
from simkit.fault import Fault
from simkit.kernel import Livelock, RealWorldReached, StepLimitReached, core
from simkit.language.assembly import Assembly, new_world
from simkit.language.injector import Strike
from simkit.language.resolved import Scenario
from simkit.language.scenario import dump, load_scenario
from simkit.language.text import MappingNode, write_text
from simkit.network.standard_library import install
from simkit.node import event_name
from simkit.observe.document import Document, ErrorEntry, ExpectationEntry, FaultEntry, HostEntry, Verdict
from simkit.observe.journal import exception_text, listen
from simkit.observe.junit import junit_xml
from simkit.observe.observation import Observation
from simkit.registry import Registry

EXECUTE = "simkit.explore.run:execute"
"""What a worker is asked to call."""

SLICES = 400
"""Into how many pieces of virtual time a run is cut, so that it can tell how far it is."""

SAY_EVERY_SECONDS = 0.2
"""Real seconds between two messages about progress."""

TraceKept = Literal["none", "hashes", "file"]
Progress = Callable[[dict[str, Any]], None]

# The real clock: in a worker `time.perf_counter` is the host's inside host code, and this module is never that.
_real_seconds = time.perf_counter


@dataclass(frozen=True)
class Branch:
    """A run of a seed up to an instant, whose draws come out otherwise from there on.

    Attributes:
        at_ns: the last instant that is as in the run itself.
        number: each has draws of its own.
    """

    at_ns: int
    number: int


class Run:
    """One run of a resolved scenario.

    Args:
        scenario: what to run.
        card: of its system.
        folder: where the run document, the trace and the scenario are written; None for nowhere.
        trace: keep no trace, the hash of every record, or all records in the folder.
        strict: send every message through encode and decode.
        branch: from where on every draw comes out otherwise; None for a run of its seed alone.

    Attributes:
        world, observation, judge, plotter, assembly: the parts, for those who want to look closer.
    """

    def __init__(
        self,
        scenario: Scenario,
        card: Card,
        *,
        folder: Path | None = None,
        trace: TraceKept = "none",
        strict: bool = False,
        branch: Branch | None = None,
    ) -> None:
        # Before the world is made: what is frozen is never collected in a worker, and a world is full of cycles.
        self._keeps_frozen = freeze()
        self.scenario = scenario
        self._card = card
        self._wanted = branch
        self._branch: Branch | None = None
        self._listening = ExitStack()
        self.world = new_world(scenario)
        self.observation = Observation(
            self.world,
            [HostEntry(name=h.name, group=h.group, role=h.role, zone=h.zone) for h in scenario.roster.hosts],
            int(scenario.duration),
            int(scenario.warmup),
            trace_path=folder / "trace.bin" if folder is not None and trace == "file" else None,
            trace_hashes=trace == "hashes",
        )
        expectations = [expected.expectation for expected in scenario.expectations]
        self.judge = Judge(self.world, card, scenario.config, expectations)
        # Only whoever looks at a run needs figures; a table of a thousand runs does not pay for them.
        self.plotter = Plotter(self.world, card, scenario.config) if folder is not None else None
        self.assembly = Assembly(scenario, card, self.world, self.observation, strict=strict)
        self._error: ErrorEntry | None = None
        self._unfinished = ""

    def execute(self, say: Progress = lambda message: None, enough: Callable[[], bool] | None = None) -> Document:
        """Run to the end and return the run document; `enough` is asked at times, and ends the run when it says so."""
        with self.underway():
            if self._wanted is not None:
                self.advance(self._wanted.at_ns, say)
                self.branch_off(self._wanted)
            self.advance(int(self.scenario.duration), say, enough)
            return self.conclude()

    @contextmanager
    def underway(self) -> Iterator[None]:
        """Hold what a run needs of the interpreter from its start to its document."""
        self.restart_stopwatch()
        with quiet_collector(self._keeps_frozen), interruptible(self.interrupt), self._listening:
            self._listening.enter_context(listen(self.world))
            self._guarded(self.assembly.start)
            yield

    def advance(
        self, until_ns: int, say: Progress = lambda message: None, enough: Callable[[], bool] | None = None
    ) -> None:
        """Run up to and including an instant, if nothing has ended the run before."""
        if not self.ended:
            self._guarded(lambda: self._advance(until_ns, say, enough))

    def branch_off(self, branch: Branch) -> None:
        """Become a branch here, where the run has advanced to, unless it has ended."""
        if not self.ended:
            self._branch = branch
            self.world.branch(branch.number)

    @property
    def ended(self) -> bool:
        """Whether the run has ended, by itself or by an error, a limit or an interruption."""
        return bool(self._error or self._unfinished or self.world.stopping)

    def conclude(self) -> Document:
        """Judge what was seen and return the run document; nothing can go on after that."""
        self._listening.close()
        self.observation.close()
        document = self._document(_real_seconds() - self._began)
        self.world.close()
        return document

    def restart_stopwatch(self) -> None:
        """Let the run's real time count from here."""
        self._began = _real_seconds()

    def interrupt(self) -> None:
        """End the run at its next instant."""
        self._unfinished = "interrupted"
        self.world.stop()

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (Livelock, StepLimitReached) as limit:
            self._stopped_by(limit)
        except RealWorldReached as reached:
            self._error = _error_entry(reached, reached.host, reached.time_ns)

    def _advance(self, until_ns: int, say: Progress, enough: Callable[[], bool] | None) -> None:
        world, duration_ns = self.world, int(self.scenario.duration)
        said = _real_seconds()
        for number in range(1, SLICES + 1):
            slice_ns = duration_ns * number // SLICES
            if slice_ns <= world.now_ns:
                continue
            world.run(min(slice_ns, until_ns))
            if world.stopping or world.now_ns >= until_ns:
                break
            if enough is not None and number < SLICES and enough():
                self._unfinished = "enough was seen"
                break
            if _real_seconds() - said >= SAY_EVERY_SECONDS:
                said = _real_seconds()
                say({"time_ns": world.now_ns, "steps": world.steps, "violations": self.judge.violations})
        failure = self.assembly.failure
        if failure is not None:
            self._error = _error_entry(failure.error, failure.host, failure.time_ns)

    def _stopped_by(self, limit: Exception) -> None:
        if isinstance(limit, Livelock):
            text = f"livelock: {limit}"
            self._error = ErrorEntry(text=text, traceback="", host="", time_ns=self.world.now_ns)
        else:
            self._unfinished = str(limit)

    # -- the document

    def _document(self, wall_seconds: float) -> Document:
        scenario, observation = self.scenario, self.observation
        injector = self.assembly.injector
        strikes = injector.strikes
        faults = tuple(_fault_entry(strike, scenario) for strike in strikes)
        evidence = Evidence(
            windows=observation.windows(faults),
            liveness_from_ns=_liveness_from(strikes, self.assembly.last_arrival_ns),
            end_ns=self.world.now_ns,
            metrics=observation.metrics,
            event_counts=observation.journal.event_counts,
            first_events=observation.journal.first_events,
            faults=faults,
            unhealed=tuple(dict.fromkeys(each.injection.name for each in strikes if _unhealed(each))),
        )
        expectations = self.judge.conclude(evidence)
        finished = not self._error and not self._unfinished
        document = observation.document(
            core=core.name,
            scenario=scenario.name,
            seed=scenario.seed,
            verdict=self._verdict(expectations),
            as_declared=finished and all(each.as_declared for each in expectations),
            faults=faults,
            expectations=expectations,
            error=self._error,
            file=scenario.file,
            title=scenario.title,
            variant=scenario.variant,
            system=scenario.system,
            wall_seconds=round(wall_seconds, 3),
            versions=versions(),
        )
        left_out = dict(document.left_out)
        if self.assembly.missed:
            left_out["arrivals that found no process"] = self.assembly.missed
        if self._unfinished:
            left_out[self._unfinished] = 1
        pictures = self.plotter.pictures(self.world.now_ns) if self.plotter else ()
        for name, told in self.plotter.failed.items() if self.plotter else ():
            left_out[f"figure {name}, {told}"] = 1
        return replace(
            document,
            events=self.world.steps,
            left_out=left_out,
            absent=tuple(each.name for each in scenario.faults if each.name in injector.left_out),
            spared=dict(injector.spared),
            words=dict(self._card.words),
            changes=scenario.changes,
            branch=None if self._branch is None else self._branch.number,
            branched_ns=None if self._branch is None else self._branch.at_ns,
            pictures=pictures,
            warnings=tuple(self._missing_from_the_card()),
        )

    def _missing_from_the_card(self) -> Iterator[str]:
        """Yield what was emitted and measured and has no name in scenario files, because the card does not list it."""
        card = self._card
        emitted = self.observation.journal.event_counts.keys() - {event_name(event) for event in card.events}
        for noun, names in (
            ("event", emitted),
            ("metric", set(self.observation.metrics.names()) - card.metrics.keys()),
        ):
            for name in sorted(names):
                yield f"{noun} {name} is missing from the card of {card.name}: no scenario can name it"

    def _verdict(self, expectations: Sequence[ExpectationEntry]) -> Verdict:
        if self._error:
            return "error"
        unfinished: list[Verdict] = ["unknown"] if self._unfinished else []
        return worst([*unfinished, *(each.verdict for each in expectations)])


def _error_entry(error: BaseException, host: str, time_ns: int) -> ErrorEntry:
    text = f"{type(error).__name__}: {error}"
    return ErrorEntry(text=text, traceback=exception_text(error), host=host, time_ns=time_ns)


def _fault_entry(strike: Strike, scenario: Scenario) -> FaultEntry:
    injection = strike.injection
    assert isinstance(injection.fault, Fault)
    return FaultEntry(
        name=injection.name,
        fault=injection.word,
        targets=strike.targets,
        links=strike.sides,
        cuts=tuple(strike.cuts),
        begin_ns=strike.begin_ns,
        end_ns=strike.end_ns,
        kind=injection.kind,
        line=injection.position.line,
        text=injection.described(strike.targets),
        source=_written(scenario, injection.name),
    )


def _written(scenario: Scenario, fault: str) -> str:
    """Return a fault's entry of `faults:` as YAML, in the author's layout; "" for one that stands in no file."""
    section = scenario.document.get("faults")
    if not isinstance(section, MappingNode) or fault not in section.entries:
        return ""
    return write_text(MappingNode(section.position, {fault: section.entries[fault]})).strip()


def _liveness_from(strikes: Sequence[Strike], last_arrival_ns: int) -> int:
    """Return when the last fault healed, or began if it never heals; without faults, when the load ends."""
    if not strikes:
        return last_arrival_ns
    return max(strike.begin_ns if strike.end_ns is None else strike.end_ns for strike in strikes)


def _unhealed(strike: Strike) -> bool:
    return strike.end_ns is None and not strike.injection.timing.forever


def versions() -> dict[str, str]:
    """Return what a digest depends on, besides scenario and seed."""
    names = {"simkit": "simkit-dst", "numpy": "numpy", "msgspec": "msgspec", "pydantic": "pydantic"}
    found = {name: version(distribution) for name, distribution in names.items()}
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


def run_scenario(
    path_or_name: str | Path,
    *,
    variant: str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    registry: Registry | None = None,
    folder: Path | None = None,
    trace: TraceKept = "none",
    strict: bool = False,
    branch: Branch | None = None,
    say: Progress = lambda message: None,
) -> Document:
    """Run a scenario by FILE or NAME in this interpreter. ScenarioError for everything wrong with the file."""
    registry = registry or Registry()
    scenario = load_scenario(path_or_name, variant=variant, overrides=overrides, seed=seed, registry=registry)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        # What an earlier run of this name left must not be taken for this one's.
        for name in ("run.json", "report.html", "junit.xml", "trace.bin"):
            (folder / name).unlink(missing_ok=True)
        (folder / "scenario.yaml").write_text(dump(scenario), encoding="utf-8")
    run = Run(scenario, registry.card(scenario.system), folder=folder, trace=trace, strict=strict, branch=branch)
    document = replace(run.execute(say), systems=registry.references)
    if folder is not None:
        document.write(folder / "run.json")
        (folder / "junit.xml").write_text(junit_xml(document), encoding="utf-8")
    return document


def execute(
    *,
    say: Progress,
    scenario: str,
    variant: str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    systems: Sequence[str] = (),
    folder: str | None = None,
    trace: TraceKept = "none",
    strict: bool = False,
    whole: bool = True,
    branch: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Run a scenario in a worker; return the run document as JSON, with `whole` false only its verdicts."""
    install()  # before any system is imported, so that what its libraries take from `socket` early is simulated too
    document = run_scenario(
        scenario,
        variant=variant,
        overrides=overrides,
        seed=seed,
        registry=Registry(systems),
        folder=None if folder is None else Path(folder),
        trace=trace,
        strict=strict,
        branch=None if branch is None else Branch(*branch),
        say=lambda message: say({"progress": message}),
    )
    if not whole:
        document = outline(document)
    return {"document": document.to_json().decode()}


def outline(document: Document) -> Document:
    """Return the document without series, logs and states: what a table of many runs needs."""
    return replace(document, metrics=(), logs=(), host_states={}, faults=())
