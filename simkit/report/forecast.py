"""What `simkit check` shows of a scenario that has not run: its faults as strips below the axis of virtual time.

Times that the file alone decides are drawn as they are; what repeats at random is drawn where it may strike, and what
hangs on an event stands at the side with its words. The same as a picture is in `forecast_picture`.

It deliberately predicts nothing: no draw of a run is taken here but the swarm's, which is the seed's alone.
"""

from simkit.language.resolved import Scenario
from simkit.language.timeline import Span, spans, timeline_rows
from simkit.report.terminal import time_marks
from simkit.report.words import plain

COLUMNS = 60
ROWS_MAX = 60
"""Faults that are drawn; of more the first."""

_LABEL = 11


def strips(scenario: Scenario, columns: int = COLUMNS) -> str:
    """Return one line for each fault below an axis, "" without faults: `#` holds, `|` strikes, `~` now and then."""
    found = spans(scenario)
    if not found:
        return ""
    wide = min(max(_LABEL, *(len(plain(span.name)) + 2 for span in found)), 24)
    lines = [" " * wide + time_marks(int(scenario.duration), columns)]
    for span in found[:ROWS_MAX]:
        name = plain(span.name)
        short = name if len(name) < wide else f"{name[: wide - 3]}.."
        lines.append(f"{short:<{wide}}{_strip(span, int(scenario.duration), columns)}   {legend(span, scenario)}")
    if len(found) > ROWS_MAX:
        lines.append(f"{len(found) - ROWS_MAX} more faults are not drawn")
    return "\n".join(line.rstrip() for line in lines)


def _strip(span: Span, duration_ns: int, columns: int) -> str:
    if span.begin_ns is None or span.left_out:
        return "." * columns
    cells = ["."] * columns
    mark = "~" if span.repeats_ns is not None else "|" if span.act else "#"
    end_ns = span.begin_ns if span.act or span.end_ns is None else min(span.end_ns, duration_ns)
    first = min(columns - 1, span.begin_ns * columns // duration_ns)
    last = max(first, min(columns - 1, (end_ns - 1) * columns // duration_ns))
    cells[first : last + 1] = [mark] * (last + 1 - first)
    if span.end_ns is not None and not span.act and span.end_ns > duration_ns:
        cells[-1] = ">"
    return "".join(cells)


def legend(span: Span, scenario: Scenario) -> str:
    """Return the fault's word, and what its drawing cannot say."""
    if span.left_out:
        return f"{span.word}, left out by the swarm"
    if span.begin_ns is None:
        moments = {row.name: row.when for row in timeline_rows(scenario)}
        return f"{span.word}: {moments[span.name]}"
    return span.word + (", until only a run can tell" if span.end_ns is None and not span.act else "")
