"""The audit as text: a table of switches, a table of figures, what speaks against a row, and a line that counts.

A row begins with its verdict. Under a row that does not pass stand the runs that speak against it, each with the
command that shows it; under a figure stands who published it, and the law where it is one.

It deliberately works nothing out: rows come from `explore.audit`.
"""

from collections import Counter
from collections.abc import Sequence
from math import isfinite

from simkit.card import Law
from simkit.explore.audit import Audit
from simkit.explore.audit_row import FigureRow, Row, Surprise, SwitchRow, Verdict
from simkit.explore.control_variate import FIT_CONFIDENCE, Controlled
from simkit.explore.statistics import Interval
from simkit.observe.moment import number
from simkit.report.words import plain

SURPRISES_SHOWN = 3
"""Runs shown under a row; the others are only counted."""

_COLORS: dict[Verdict, str] = {"pass": "32", "fail": "1;31", "unknown": "33", "error": "1;31"}
_WORDS: dict[Verdict, str] = {"pass": "pass", "fail": "FAIL", "unknown": "unknown", "error": "ERROR"}
_SWITCH_HEADS = ("switch", "check", "scenario", "variant", "broken when off", "clean when on", "seeds")
_FIGURE_HEADS = ("figure", "published", "measured", "95% interval", "tolerance", "seeds", "items")


def audit_table(audit: Audit, *, color: bool = False) -> str:
    """Return the whole of it, ending in a line break."""
    switches, figures = audit.switch_rows(), audit.figure_rows()
    lines = [f"{audit.card.name}: {plain(audit.card.title)}"]
    for rows, heads, cells in (
        (switches, _SWITCH_HEADS, [_switch(row, audit.card.name) for row in switches]),
        (figures, _FIGURE_HEADS, [_figure(row) for row in figures]),
    ):
        if rows:
            lines += ["", *_table(heads, rows, cells, color)]
    lines += ["", _count(audit, switches, figures)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _table(heads: Sequence[str], rows: Sequence[Row], cells: Sequence[Sequence[str]], color: bool) -> list[str]:
    widths = [max(len(line[column]) for line in (heads, *cells)) for column in range(len(heads))]
    lines = [" " * 9 + _line(heads, widths)]
    for row, line in zip(rows, cells, strict=True):
        word = f"{_WORDS[row.verdict]:<7}"
        shown = f"\x1b[{_COLORS[row.verdict]}m{word}\x1b[0m" if color else word
        lines.append(f"{shown}  {_line(line, widths)}")
        lines += [" " * 9 + note for note in _notes(row)]
    return lines


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))


def _switch(row: SwitchRow, system: str) -> tuple[str, ...]:
    share = "" if row.share is None else f" ({_percent(row.share.interval)})"
    return (
        plain(row.switch.setting),
        plain(row.switch.check),
        plain(row.scenario.removeprefix(f"{system}/")),
        plain(row.switch.variant),
        f"{row.broken_when_off} of {row.seeds}{share}",
        f"{row.clean_when_on} of {row.seeds}",
        _seeds(row),
    )


def _figure(row: FigureRow) -> tuple[str, ...]:
    figure, result = row.figure, row.result
    unit = f" {figure.unit}" if figure.unit else ""
    return (
        plain(figure.name),
        f"{_value(figure.value)}{unit}",
        "" if result is None else f"{_value(result.measured)}{unit}",
        "" if result is None else _interval(result.interval),
        f"±{100 * figure.tolerance:.3g}%",
        _seeds(row),
        f"{row.items:,}" if row.items else "",
    )


def _notes(row: Row) -> list[str]:
    notes = []
    if isinstance(row, FigureRow):
        figure = row.figure
        by = f"  {figure.published.in_words()}" if isinstance(figure.published, Law) else ""
        notes.append(plain(figure.source) + plain(by))
        if row.controlled is not None:
            notes += _control(row, row.controlled)
        if row.items < figure.items:
            notes.append(f"{row.items:,} items are too few: the figure asks for {figure.items:,}")
        undecided = row.result is not None and (row.result.verdict == "unknown" or row.items < figure.items)
        if undecided and not row.surprises:
            notes.append(_needed(row))
    if row.seeds < row.wanted:
        notes.append(f"{row.seeds} of {row.wanted} seeds were measured")
    notes += [_surprise(each) for each in row.surprises[:SURPRISES_SHOWN]]
    left = len(row.surprises) - SURPRISES_SHOWN
    return [*notes, f"and {left} more"] if left > 0 else notes


def _control(row: FigureRow, controlled: Controlled) -> list[str]:
    """Tell what the control did to the number, and whether it could be trusted."""
    assert row.figure.control is not None
    model = plain(row.figure.control.in_words())
    control, alone = controlled.control, controlled.plain
    seen = f"{_value(control.mean)} where {_value(controlled.expected)} is expected"
    told = [f"control {model}: {seen}; the runs alone: {_value(alone.mean)}, {_interval(alone.interval)}"]
    if not controlled.fits:
        wide = f"{100 * FIT_CONFIDENCE:.3g}% interval {_interval(control.interval)}"
        told.append(f"the runs did not draw what the control supposes ({wide}): no verdict")
    return told


def _needed(row: FigureRow) -> str:
    if row.seeds_needed is None:
        return "the measured value lies on the edge of the tolerance: no number of seeds would decide"
    return f"about {row.seeds_needed:,} seeds would decide"


def _surprise(surprise: Surprise) -> str:
    return f"seed {surprise.seed}: {plain(surprise.text, 90)}   {surprise.command}"


def _seeds(row: Row) -> str:
    return f"{row.seeds}" if row.seeds == row.wanted else f"{row.seeds} of {row.wanted}"


def _percent(interval: Interval) -> str:
    return f"{100 * interval.low:.0f}-{100 * interval.high:.0f}%"


def _interval(interval: Interval) -> str:
    if not (isfinite(interval.low) and isfinite(interval.high)):
        return "no ends"
    return f"{_value(interval.low)} to {_value(interval.high)}"


def _value(value: float) -> str:
    """Return a number with five significant digits, so that published ones look as they were published."""
    return number(value) if abs(value) >= 1000 or value == int(value) else f"{value:.5g}"


def _count(audit: Audit, switches: Sequence[SwitchRow], figures: Sequence[FigureRow]) -> str:
    parts = [_counted("switch", "switches", switches), _counted("figure", "figures", figures)]
    said = " · ".join(part for part in parts if part) or "nothing to audit: the card declares no such claim"
    if not audit.experiments:
        return said
    runs = f"{len(audit.outcomes)} of {len(audit.experiments)} runs"
    return f"{said} · {runs} with {number(round(audit.wall_seconds, 1))} s of work"


def _counted(one: str, many: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    verdicts = Counter(row.verdict for row in rows)
    words: tuple[Verdict, ...] = ("pass", "fail", "unknown", "error")
    counts = ", ".join(f"{verdicts[word]} {word}" for word in words if verdicts[word])
    return f"{len(rows)} {one if len(rows) == 1 else many}: {counts}"
