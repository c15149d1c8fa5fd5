"""What `simkit check` shows of a scenario before anything runs: who, what arrives, and what goes wrong when and where.

Times that the file alone decides are given; targets that are drawn are shown as the scenario's seed draws them.
Deliberately static: what hangs on an event, or repeats at random, is shown as the file says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simkit.kernel.stream import Stream
from simkit.language.injection import Injection
from simkit.language.moment import Every
from simkit.language.problem import Position, listed
from simkit.language.resolved import Scenario
from simkit.language.roster import HostEntry
from simkit.language.sense import begin_times, time_of
from simkit.language.target import resolve_all
from simkit.language.units import format_clock, format_duration

NAMES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One fault: when it first strikes (ns, None if only a run can tell), what it does, whom the seed draws."""

    time_ns: int | None
    when: str
    name: str
    text: str
    drawn: tuple[str, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Span:
    """When one fault holds, as far as the file says.

    Attributes:
        name, word: of the fault.
        begin_ns, end_ns: None where only a run can tell; an end may lie after the end of the run.
        act: it strikes and does not last.
        repeats_ns: the mean time from strike to strike, None for one strike; then `end_ns` is that of the repetition,
            and `lasts_ns` how long each holds.
        left_out: the swarm leaves it out with this seed.
    """

    name: str
    word: str
    begin_ns: int | None
    end_ns: int | None
    act: bool = False
    repeats_ns: float | None = None
    lasts_ns: int | None = None
    left_out: bool = False

    def outlasts(self, duration_ns: int) -> bool:
        """Whether it is to heal, and may hold when the run ends."""
        if self.act or self.end_ns is None:
            return False
        if self.repeats_ns is not None:
            return self.lasts_ns is not None and self.end_ns + self.lasts_ns > duration_ns
        return self.begin_ns is not None and self.end_ns > duration_ns


def spans(scenario: Scenario) -> list[Span]:
    """The faults in file order, each with the time in which it holds."""
    injections = {injection.name: injection for injection in scenario.faults}
    begins = begin_times(injections)
    return [_span(injection, begins, injections, scenario) for injection in scenario.faults]


def _span(
    injection: Injection, begins: dict[str, int | None], injections: dict[str, Injection], scenario: Scenario
) -> Span:
    timing, begin = injection.timing, begins[injection.name]
    lasts = None if timing.lasts is None else int(timing.lasts)
    until = time_of(timing.until, begins, injections) if timing.until is not None else None
    repeats = None
    if timing.every is not None:
        repeats = timing.every.interval.mean
        begin = begin if timing.at is not None else round(repeats)
        end = until if timing.until is not None else int(scenario.duration)
        if timing.times is not None and begin is not None and end is not None:
            end = min(end, begin + round(repeats * (timing.times - 1)))
    elif timing.forever:
        end = int(scenario.duration)
    elif timing.until is not None:
        end = until
    else:
        end = None if begin is None else begin + (lasts or 0)
    act = injection.kind == "act" or (injection.kind == "plan" and repeats is None)
    left_out = injection.name in scenario.left_out
    return Span(injection.name, injection.word, begin, end, act, repeats, lasts, left_out)


def timeline_rows(scenario: Scenario) -> list[TimelineRow]:
    """The faults in order of time; those whose time only a run can tell come last, in file order."""
    injections = {injection.name: injection for injection in scenario.faults}
    begins = begin_times(injections)
    rows = [_row(injection, begins[name], scenario) for name, injection in injections.items()]
    return sorted(rows, key=lambda row: (row.time_ns is None, row.time_ns or 0))


def _row(injection: Injection, begin: int | None, scenario: Scenario) -> TimelineRow:
    timing = injection.timing
    when = format_clock(begin) if begin is not None else timing.at.text if timing.at is not None else ""
    if timing.every is not None:
        when = f"{when} every {timing.every.text}".strip()
    text = injection.described()
    if timing.every is not None:
        text += _repetition(timing.every, begin or 0, injection, scenario)
    return TimelineRow(begin, when, injection.name, text, _drawn(injection, scenario), injection.position)


def _repetition(every: Every, begin: int, injection: Injection, scenario: Scenario) -> str:
    """About how often, from the mean of the interval."""
    if injection.timing.times is not None:
        return f", {injection.timing.times} times"
    until = injection.timing.until.time_ns if injection.timing.until is not None else None
    strikes = int(((until or scenario.duration) - begin) / every.interval.mean)
    return f", about {strikes} times{' each' if every.each else ''}"


def _drawn(injection: Injection, scenario: Scenario) -> tuple[str, ...]:
    """Whom the scenario's seed draws, for a fault that strikes once."""
    targets = injection.host_targets
    if injection.target_kind != "hosts" or injection.timing.every is not None:
        return ()
    if not any(target.drawn for target in targets) or any(target.dynamic(scenario.roster) for target in targets):
        return ()
    stream = Stream(scenario.seed, injection.stream_name)
    return tuple(host.name for host in resolve_all(targets, scenario.roster, stream))


def timeline(scenario: Scenario) -> str:
    """The whole picture as text for a terminal, without a trailing newline."""
    return "\n".join(_lines(scenario))


def _lines(scenario: Scenario) -> Iterator[str]:
    variant = f" · variant {scenario.variant}" if scenario.variant else ""
    warmup = f" after {format_duration(scenario.warmup)} of warm-up" if scenario.warmup else ""
    length = f"{format_duration(scenario.duration)} virtual"
    yield f"{scenario.name}{variant} · seed {scenario.seed} · {len(scenario.roster)} hosts · {length}{warmup}"
    yield "who"
    yield from _table([_who(group, hosts) for group, hosts in scenario.roster.groups.items()])
    if scenario.loads:
        yield "load"
        yield from _table([_load(load.name, load.model, load.targets) for load in scenario.loads])
    for noun, lines in (
        ("source", scenario.source), ("claims", scenario.claims), ("simplified", scenario.simplified),
    ):  # fmt: skip
        if lines:
            yield noun
            yield from (f"  {line}" for text in lines for line in text.splitlines())
    yield "when"
    rows = timeline_rows(scenario)
    shown = [(row.when, row.name, _what(row), f"{row.position.file}:{row.position.line}") for row in rows]
    yield from _table(shown or [("nothing goes wrong",)])
    yield from _remarks(scenario)
    yield "expect"
    yield from _table([(expected.expectation.text,) for expected in scenario.expectations] or [("nothing",)])


def _remarks(scenario: Scenario) -> Iterator[str]:
    """What holds for all faults together, and what cannot be meant although it can be run."""
    for span in spans(scenario):
        if span.outlasts(int(scenario.duration)):
            how = "may still hold" if span.repeats_ns is not None else "still holds"
            yield f"  {span.name} {how} when the run ends: `eventually` is then unknown"
    for allowance in scenario.budget:
        settle = f", {format_duration(allowance.settle_ns)} longer than the fault" if allowance.settle_ns else ""
        yield f"  at most {allowance.down} of {allowance.name} at once{settle}"
    if scenario.swarm is not None:
        names = [injection.name for injection in scenario.faults if injection.name in scenario.left_out]
        yield f"  the swarm leaves out {listed(names, 20) or 'nothing'} with seed {scenario.seed}"


def _who(group: str, hosts: Sequence[HostEntry]) -> tuple[str, ...]:
    names = hosts[0].name if len(hosts) == 1 else f"{hosts[0].name} .. {hosts[-1].name}"
    zones = list(dict.fromkeys(host.zone for host in hosts if host.zone is not None))
    where = f"zone{'s' * (len(zones) > 1)} {', '.join(zones)}" if zones else ""
    return (group, hosts[0].role, names if names != group else "", where)


def _load(name: str, model: object, targets: Sequence[object]) -> tuple[str, ...]:
    whom = ", ".join(str(getattr(target, "text", target)) for target in targets)
    return (name, f"{getattr(model, 'rate', '')}", f"from {whom}")


def _what(row: TimelineRow) -> str:
    if not row.drawn:
        return row.text
    more = f" +{len(row.drawn) - NAMES_SHOWN}" if len(row.drawn) > NAMES_SHOWN else ""
    return f"{row.text} ({', '.join(row.drawn[:NAMES_SHOWN])}{more})"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as their widest cell, two spaces between them."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        yield ("  " + "  ".join(cells)).rstrip()
