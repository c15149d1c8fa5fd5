"""Judging a run: every line of `expect:` against what was seen, with the windows that only the end reveals.

Safety is judged while faults last, liveness after they stop: `eventually X within D` asks whether the goal was reached
at some moment of the time D after the last fault healed, or after the last arrival where nothing fails.

It deliberately reads nothing but emitted events, metrics and the times of faults; a check that raises is an error of
the run, not of the system under test.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from msgspec.structs import replace

from simkit.card import Card
from simkit.checks.check import Check, Violation
from simkit.checks.onlooker import Sight
from simkit.explore.story import Storyteller
from simkit.kernel import Record, World
from simkit.language.expectation import Always, Eventually, Expectation, Fails, MetricBound, Sometimes
from simkit.language.problem import listed
from simkit.language.units import format_clock, format_duration
from simkit.node import Event
from simkit.observe.document import ExpectationEntry, FaultEntry, StoryStep, Verdict, ViolationEntry, tell
from simkit.observe.journal import exception_text
from simkit.observe.metrics import Metrics
from simkit.observe.series import statistic
from simkit.observe.windows import Windows

_SEVERITY: Mapping[Verdict, int] = {"pass": 0, "unknown": 1, "fail": 2, "error": 3}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of several verdicts: error, then fail, then unknown, then pass."""
    return max(verdicts, key=lambda verdict: _SEVERITY[verdict], default="pass")


@dataclass
class Watch:
    """One check at work, the stories of its violations and, if an `eventually` awaits its goal state, when that was
    reached and left."""

    check: Check
    awaited: bool = False
    changes: list[tuple[int, bool]] = field(default_factory=list)
    crashed: str = ""
    stories: list[tuple[StoryStep, ...]] = field(default_factory=list)

    def note(self, time_ns: int) -> None:
        """Remember when the goal was reached or left."""
        holds = self.check.holds
        if not self.changes or self.changes[-1][1] != holds:
            self.changes.append((time_ns, holds))

    def first_holding(self, begin_ns: int, end_ns: int) -> int | None:
        """Return the first moment of [begin, end] at which the goal state held, None if there is none."""
        for (time_ns, holds), (until_ns, _) in zip(self.changes, [*self.changes[1:], (end_ns + 1, False)], strict=True):
            if holds and time_ns <= end_ns and until_ns > begin_ns:
                return max(time_ns, begin_ns)
        return None


@dataclass(frozen=True)
class Evidence:
    """What a run left to be judged by.

    Attributes:
        windows: steady, faults, recovery, all.
        liveness_from_ns: from when on `eventually` counts.
        end_ns: when the run ended.
        metrics: what was measured.
        event_counts, first_events: how often each event was emitted, and when first.
        faults: every time a fault held.
        unhealed: names of faults that were to heal and had not when the run ended; those for ever are not among them.
    """

    windows: Windows
    liveness_from_ns: int
    end_ns: int
    metrics: Metrics
    event_counts: Mapping[str, int]
    first_events: Mapping[str, int]
    faults: tuple[FaultEntry, ...]
    unhealed: tuple[str, ...] = ()

    @property
    def liveness_since(self) -> str:
        """What `liveness_from_ns` is the moment of, in words."""
        last = [each for each in self.faults if self.liveness_from_ns in (each.begin_ns, each.end_ns)]
        if not last:
            return "the last arrival"
        if last[-1].end_ns is None:
            return "the last fault began"
        return "the last fault struck" if last[-1].kind == "act" else "the last fault healed"


class Judge:
    """Watches a run with the checks that its expectations name, and judges it at the end.

    Args:
        world: whose events are watched.
        card: where the checks are.
        config: the config of every role, for checks that need its bounds.
        expectations: in the order of the file.
    """

    def __init__(
        self, world: World, card: Card, config: Mapping[str, Any], expectations: Sequence[Expectation]
    ) -> None:
        self._expectations = expectations
        self._watches: dict[str, Watch] = {}
        self._sights: dict[type[Event], tuple[tuple[Watch, tuple[Sight, ...]], ...]] = {}
        for expectation in expectations:
            if isinstance(expectation, (Always, Eventually, Fails)) and expectation.check not in self._watches:
                watch = self._watches[expectation.check] = Watch(card.checks[expectation.check]())
                watch.check.prepare(config)
                watch.note(0)
            if isinstance(expectation, Eventually):
                self._watches[expectation.check].awaited = True
        checks = [watch.check for watch in self._watches.values()]
        for check in checks:
            check.meet(checks)
        self._storyteller = Storyteller(world.records)
        world.records.subscribe(("event",), self._heard)
        world.records.subscribe(("history",), self._operated)
        world.records.subscribe(("fault",), self._struck)

    def _heard(self, record: Record) -> None:
        time_ns, host, event = record.time_ns, record.host, cast(Event, record.value)
        kind = type(event)
        found = self._sights.get(kind)
        for watch, sights in self._looked_up(kind) if found is None else found:
            if watch.crashed:
                continue
            try:
                for see in sights:
                    see(time_ns, host, event)
                if len(watch.check.violations) > len(watch.stories):
                    self._tell(watch)
                if watch.awaited:
                    watch.note(time_ns)
            except Exception as error:
                watch.crashed = exception_text(error)

    def _looked_up(self, kind: type[Event]) -> tuple[tuple[Watch, tuple[Sight, ...]], ...]:
        """Find who sees a kind of event, once for each kind: most checks see few of many."""
        found = [(watch, watch.check.sights(kind)) for watch in self._watches.values()]
        self._sights[kind] = tuple((watch, sights) for watch, sights in found if sights)
        return self._sights[kind]

    def _operated(self, record: Record) -> None:
        if record.detail[0] == "invoke":
            operation: Any = record.value
            self._tell_all(record.time_ns, lambda check: check.invoked(operation))

    def _struck(self, record: Record) -> None:
        name, _, edge, *targets = (str(each) for each in record.detail)
        time_ns, struck = record.time_ns, tuple(targets)
        if edge == "begins":
            self._tell_all(time_ns, lambda check: check.fault_began(time_ns, name, struck))
        else:
            self._tell_all(time_ns, lambda check: check.fault_ended(time_ns, name, struck))

    def _tell_all(self, time_ns: int, tell: Callable[[Check], None]) -> None:
        """Tell every check of something; one that raises hears of nothing more."""
        for watch in self._watches.values():
            if watch.crashed:
                continue
            try:
                tell(watch.check)
                if len(watch.check.violations) > len(watch.stories):
                    self._tell(watch)
                if watch.awaited:
                    watch.note(time_ns)
            except Exception as error:
                watch.crashed = exception_text(error)

    def _tell(self, watch: Watch) -> None:
        """Tell new violations while what led to them is still remembered."""
        watch.stories += [self._storyteller.tell(each) for each in watch.check.violations[len(watch.stories) :]]

    @property
    def violations(self) -> int:
        """How many violations were found so far, for progress."""
        return sum(watch.check.violations_total for watch in self._watches.values())

    def broken(self, check: str) -> bool:
        """Return whether a check that is watched was violated so far."""
        return check in self._watches and self._watches[check].check.violations_total > 0

    def conclude(self, evidence: Evidence) -> list[ExpectationEntry]:
        """Judge every expectation, in the order of the file."""
        self._tell_all(evidence.end_ns, lambda check: check.conclude(evidence.end_ns))
        return [self._judged(expectation, evidence) for expectation in self._expectations]

    def _judged(self, expectation: Expectation, evidence: Evidence) -> ExpectationEntry:
        match expectation:
            case Always() | Fails():
                return self._of_check(expectation, evidence)
            case Eventually():
                return self._eventually(expectation, evidence)
            case Sometimes():
                return _sometimes(expectation, evidence)
            case MetricBound():
                return _metric(expectation, evidence)

    def _of_check(self, expectation: Always | Fails, evidence: Evidence) -> ExpectationEntry:
        watch = self._watches[expectation.check]
        check = watch.check
        left = isinstance(expectation, Fails) and not check.holds and not check.undecided
        broken = check.violations_total > 0 or left
        verdict: Verdict = "fail" if broken else "unknown" if check.undecided else "pass"
        if watch.crashed:
            verdict = "error"
        declared: Literal["holds", "fails"] = "fails" if isinstance(expectation, Fails) else "holds"
        found = zip(check.violations, watch.stories, strict=False)
        violations = [_told(violation, story, evidence) for violation, story in found]
        if verdict == "fail" and not check.violations_total:
            violations = self._unmet(check, evidence)
        summary = _crash(watch) if watch.crashed else check.summary()
        if not watch.crashed and check.violations:
            summary = _first_and_rest(check)
        elif verdict == "unknown":
            summary = check.undecided
        return ExpectationEntry(
            text=expectation.text,
            kind=expectation.kind,
            subject=expectation.check,
            declared=declared,
            verdict=verdict,
            as_declared=verdict == ("fail" if declared == "fails" else "pass"),
            summary=summary,
            violations=tuple(violations),
            violations_total=max(check.violations_total, len(violations)),
        )

    def _unmet(self, check: Check, evidence: Evidence) -> list[ViolationEntry]:
        """Return what is in the way of a goal that was not reached, as a violation at the end of the run."""
        unmet = check.unmet()
        return [] if unmet is None else [_told(unmet, self._storyteller.tell(unmet), evidence)]

    def _eventually(self, expectation: Eventually, evidence: Evidence) -> ExpectationEntry:
        watch = self._watches[expectation.check]
        begin_ns, within_ns = evidence.liveness_from_ns, int(expectation.within)
        deadline_ns = begin_ns + within_ns
        reached_ns = watch.first_holding(begin_ns, min(deadline_ns, evidence.end_ns))
        since = evidence.liveness_since
        margin = value = None
        violations: tuple[ViolationEntry, ...] = ()
        if watch.crashed:
            verdict, summary = "error", _crash(watch)
        elif evidence.unhealed:
            verdict, summary = "unknown", f"the run ended while {listed(evidence.unhealed)} held: no time to recover"
        elif reached_ns is not None:
            taken_ns = reached_ns - begin_ns
            verdict, summary = "pass", f"{format_duration(taken_ns)} after {since}"
            value = taken_ns / 1e9
            margin = 1 - taken_ns / within_ns if within_ns else None
        elif deadline_ns > evidence.end_ns:
            waited = format_duration(max(0, evidence.end_ns - begin_ns))
            verdict, summary = "unknown", f"the run ended {waited} after {since}, before the bound"
        else:
            verdict, summary = "fail", f"not within {format_duration(within_ns)} after {since}: {watch.check.summary()}"
            missed = ViolationEntry(time_ns=deadline_ns, host="", text=summary)
            violations = tuple(self._unmet(watch.check, evidence)) or (missed,)
        return ExpectationEntry(
            text=expectation.text,
            kind="eventually",
            subject=expectation.text.partition(" ")[2],
            verdict=verdict,  # type: ignore[arg-type]
            as_declared=verdict == "pass",
            summary=summary,
            margin=margin,
            value=value,
            unit="s" if value is not None else "",
            violations=violations,
            violations_total=len(violations),
        )


def _sometimes(expectation: Sometimes, evidence: Evidence) -> ExpectationEntry:
    count = evidence.event_counts.get(expectation.event, 0)
    times = "once" if count == 1 else f"{count:,} times"
    seen = f"{times}, first at {format_clock(evidence.first_events[expectation.event])}" if count else ""
    return ExpectationEntry(
        text=expectation.text,
        kind="sometimes",
        subject=expectation.event,
        verdict="pass" if count else "unknown",
        as_declared=count > 0,
        summary=seen or "never seen in this run",
    )


def _metric(expectation: MetricBound, evidence: Evidence) -> ExpectationEntry:
    window = evidence.windows.named(expectation.window)
    value = _measured(expectation, evidence, expectation.window)
    margin: float | None = None
    if value is None:
        verdict: Verdict = "unknown"
        reason = f"there is no window `{expectation.window}` in this run" if window is None else "nothing was measured"
        summary = reason
    else:
        verdict = "pass" if expectation.met_by(value) else "fail"
        unit = evidence.metrics.unit(expectation.metric)
        others = [
            f"{_amount(other, unit)} in {word}"
            for word in ("steady", "faults", "recovery")
            if word != expectation.window and (other := _measured(expectation, evidence, word)) is not None
        ]
        summary = _amount(value, unit) + (f"   ({', '.join(others)})" if others else "")
        if expectation.bound and expectation.comparison in ("<", "<=", ">", ">="):
            distance = (expectation.bound - value) / abs(expectation.bound)
            margin = min(1.0, distance if expectation.comparison in ("<", "<=") else -distance)
    # A statistic is broken over a window and at no moment of it: it has no violation to point at.
    return ExpectationEntry(
        text=expectation.text,
        kind="metric",
        subject=expectation.text,
        verdict=verdict,
        as_declared=verdict == "pass",
        summary=summary,
        margin=margin,
        value=value,
        unit="" if value is None else evidence.metrics.unit(expectation.metric),
        violations_total=int(verdict == "fail"),
    )


def _measured(expectation: MetricBound, evidence: Evidence, window: str) -> float | None:
    metrics = evidence.metrics
    if expectation.metric not in metrics.names():
        return None
    word: str = expectation.statistic
    kind = next(iter(metrics.series(expectation.metric))).kind
    if kind == "counter" and word == "count":
        word = "total"
    try:
        return statistic(metrics, expectation.metric, word, evidence.windows.named(window))
    except ValueError:
        # The language knows words that this kind of metric does not have: nothing was measured by that name.
        return None


def _told(violation: Violation, story: Sequence[StoryStep], evidence: Evidence) -> ViolationEntry:
    entry = tell(violation.time_ns, violation.host, violation.text, story, evidence.faults)
    explanation = violation.explanation.bounded() if violation.explanation else None
    return replace(entry, cycle=violation.cycle, operations=violation.operations, explanation=explanation)


def _first_and_rest(check: Check) -> str:
    total = check.violations_total
    return check.violations[0].text + (f"; {total:,} in all" if total > 1 else "")


def _crash(watch: Watch) -> str:
    return f"the check raised {watch.crashed.rpartition(chr(10))[2]}"


def _amount(value: float, unit: str) -> str:
    if unit == "s":
        return format_duration(round(value * 1e9))
    text = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".rstrip()
