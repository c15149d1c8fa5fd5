"""The strip of the page's first screen: host lanes, fault bands, violations and one metric over virtual time.

Shapes are inline SVG stretched to the width of the screen; words and marks are HTML placed by percent, so that text is
never stretched. A lane is full where a host is up, half high where it is paused and a thin line where it is down: the
picture does not hang on colour alone.

It deliberately contains no script: what moves is the page's business.
"""

from collections.abc import Iterator, Sequence
from html import escape

from simkit.observe.document import Document, MetricEntry
from simkit.observe.moment import NANOSECONDS, moment, number
from simkit.report import strips
from simkit.report.words import plain

LANES_MAX = 16
"""Hosts that have a lane each; with more, each group has one that shows how many are up."""

GROUP_LANES_MAX = 12
WIDTH = 1_000
"""Units of every drawing's x axis; the screen stretches them."""

ROOMY_LANES_MAX = 12
"""Lanes of full height; more are lower, so that the first screen holds them all."""

LANE_HEIGHT, LOW_LANE_HEIGHT, GROUP_HEIGHT, METRIC_HEIGHT = 17, 13, 24, 100
FAULT_COLORS = 6
MARKS_MAX = 300
"""Fault bands, and as many violation marks, that are drawn."""

PLAYHEAD = '<div class="playhead" data-playhead></div>'
"""The line of the moment shown, moved by the script."""

_AREA_COLUMNS = 300
_LETTER_WIDTH = 7.5
"""Units of the x axis that a letter of a fault's name takes on a screen."""

_NARROW = 3.6
"""How much more of it a letter takes on a phone, at most so much on paper; a name without room is left to the list."""


def x_of(document: Document, time_ns: int) -> float:
    """Return the place of a moment between 0 and `WIDTH`."""
    return round(min(max(0, time_ns), document.duration_ns) * WIDTH / max(1, document.duration_ns), 2)


def percent(document: Document, time_ns: int) -> str:
    """Return the place of a moment as CSS."""
    return f"{x_of(document, time_ns) * 100 / WIDTH:.3f}%"


def lane_hosts(document: Document) -> list[tuple[str, list[str]]]:
    """Return (label, hosts) for each lane: hosts alone where they are few, else groups."""
    if len(document.hosts) <= LANES_MAX:
        return [(host.name, [host.name]) for host in document.hosts]
    every = list(strips.groups(document).items())[:GROUP_LANES_MAX]
    return [(f"{group} ({len(names)})", names) for group, names in every]


def lanes(document: Document) -> str:
    """Return the labels and the drawing of host states with fault bands and violations behind and before them."""
    single = len(document.hosts) <= LANES_MAX
    rows = lane_hosts(document)
    low = LOW_LANE_HEIGHT if len(rows) > ROOMY_LANES_MAX else LANE_HEIGHT
    height = low if single else GROUP_HEIGHT
    scale = f" scale(1 {low / LANE_HEIGHT:.4g})" if single and low != LANE_HEIGHT else ""
    labels = "".join(_label(place, plain(label), height) for place, (label, _) in enumerate(rows))
    total = max(1, len(rows)) * height
    drawn = [_states(document, names[0]) if single else _area(document, names) for _, names in rows]
    shapes = "".join(
        f'<g transform="translate(0 {place * height}){scale}">{each}</g>' for place, each in enumerate(drawn)
    )
    drawing = (
        f'<svg viewBox="0 0 {WIDTH} {total}" height="{total}" preserveAspectRatio="none" role="img" '
        f'aria-label="States of the hosts over time">{_bands(document, total)}{shapes}{_ticks(document, total)}</svg>'
    )
    return (
        f'<div class="strip"><div class="lane-labels"><div class="marks-label">faults</div>{labels}</div>'
        f'<div class="field">{_marks(document)}{drawing}{PLAYHEAD}</div></div>'
    )


def _label(place: int, label: str, height: int) -> str:
    return (
        f'<div class="lane-label" data-lane="{place}" style="height:{height}px" title="{escape(label)}">'
        f"<i></i><span>{escape(label)}</span></div>"
    )


def axis(document: Document) -> str:
    """Return round times below the strip, placed by percent; the last one carries the unit."""
    units = ((3_600 * NANOSECONDS, "h"), (60 * NANOSECONDS, "min"), (NANOSECONDS, "s"))
    size_ns, unit = next((each for each in units if document.duration_ns >= 5 * each[0]), (1_000_000, "ms"))
    step_ns = strips.round_step(document.duration_ns / size_ns, 10) * size_ns
    marks = []
    for tick in range(int(document.duration_ns / step_ns) + 1):
        time_ns = int(tick * step_ns)
        if time_ns < document.duration_ns * 0.95:
            marks.append(f'<span style="left:{percent(document, time_ns)}">{number(tick * step_ns / size_ns)}</span>')
    marks.append(f'<span class="last">{number(document.duration_ns / size_ns)} {unit}</span>')
    return f'<div class="axis" aria-hidden="true">{"".join(marks)}</div>'


def metric(document: Document, shown: MetricEntry, behind: Document | None = None) -> str:
    """Return the drawing of one metric, with the same metric of another run in grey behind it."""
    values = strips.shown(shown)
    others_metrics = behind.metrics if behind else ()
    other = next((one for one in others_metrics if (one.name, one.host) == (shown.name, shown.host)), None)
    others: Sequence[float | None] = strips.shown(other) if other else ()
    top = max([value for value in (*values, *others) if value is not None], default=0.0) or 1.0
    grey = (
        f'<path class="behind" d="{_line(document, behind.duration_ns, other.times_ns, others, top)}"/>'
        if behind and other
        else ""
    )
    line = _line(document, document.duration_ns, shown.times_ns, values, top)
    return (
        f'<svg viewBox="0 0 {WIDTH} {METRIC_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(plain(shown.name))} over time">{_bands(document, METRIC_HEIGHT)}'
        f'{grey}<path class="line" d="{line}"/>{_ticks(document, METRIC_HEIGHT)}</svg>'
    )


def fault_number(document: Document, name: str) -> int:
    """Return which of the fault colours a fault has."""
    return list(strips.fault_letters(document.faults)).index(name) % FAULT_COLORS + 1


def _states(document: Document, host: str) -> str:
    """Return one host's lane: the higher, the more it works."""
    changes = document.host_states.get(host, ((0, "down"),))
    end_ns = strips.end_of(document)
    shapes = []
    for (begin_ns, state), (until_ns, _) in zip(changes, (*changes[1:], (end_ns, "")), strict=True):
        left, right = x_of(document, begin_ns), x_of(document, min(until_ns, end_ns))
        top, height = {"up": (2, 13), "paused": (5.5, 6), "down": (7.5, 2)}[state]
        wide = max(right - left, 0.8)
        shapes.append(f'<rect class="{state}" x="{left}" y="{top}" width="{wide:.2f}" height="{height}"/>')
    return "".join(shapes)


def _area(document: Document, names: Sequence[str]) -> str:
    """Return one group's lane: an area as high as the share of hosts that is up, and a line below where one is not."""
    counts = strips.fewest_up(document, names, _AREA_COLUMNS)
    step = WIDTH / _AREA_COLUMNS
    high, floor = GROUP_HEIGHT - 4, GROUP_HEIGHT - 2
    path = [f"M0 {floor}"]
    before = -1
    for column, count in enumerate(counts):
        if count != before:
            path.append(f"H{column * step:.1f}V{floor - high * count / len(names):.1f}")
            before = count
    path.append(f"H{len(counts) * step:.1f}V{floor}Z")
    # One of hundreds would not be seen in the area's height.
    short = "".join(
        f"M{begin * step:.1f} {floor}H{end * step:.1f}v2H{begin * step:.1f}Z"
        for begin, end in _short(counts, len(names))
    )
    lacking = f'<path class="down" d="{short}"/>' if short else ""
    return (
        f'<rect class="floor" y="{floor - 1}" width="{WIDTH}" height="1"/>'
        f'<path class="up" d="{"".join(path)}"/>{lacking}'
    )


def _short(counts: Sequence[int], whole: int) -> Iterator[tuple[int, int]]:
    """Yield where fewer than all hosts of a group are up, from column to column."""
    begin: int | None = None
    for column, count in enumerate([*counts, whole]):
        if count < whole and begin is None:
            begin = column
        elif count == whole and begin is not None:
            yield begin, column
            begin = None


def _bands(document: Document, height: int) -> str:
    shapes = []
    for fault in document.faults[:MARKS_MAX]:
        begin_ns, end_ns = strips.interval(document, fault)
        left, right = x_of(document, begin_ns), x_of(document, end_ns)
        color, wide = fault_number(document, fault.name), max(right - left, 1.5)
        shapes.append(f'<rect class="band f{color}" x="{left}" width="{wide:.2f}" height="{height}"/>')
    return "".join(shapes)


def _ticks(document: Document, height: int) -> str:
    times_ns = sorted({violation.time_ns for _, violation in strips.violations(document)})[:MARKS_MAX]
    places = [x_of(document, time_ns) for time_ns in times_ns]
    return "".join(f'<path class="tick" d="M{place} 0V{height}"/>' for place in places)


def _marks(document: Document) -> str:
    """Return the row above the lanes: the name of each fault that held, a red mark for each violation."""
    letters = strips.fault_letters(document.faults)
    marks: list[str] = []
    told_until, told_narrow_until = -1.0, -1.0
    for fault in document.faults[:MARKS_MAX]:
        begin_ns, end_ns = strips.interval(document, fault)
        left, wide = x_of(document, begin_ns), max(x_of(document, end_ns) - x_of(document, begin_ns), 1.5)
        told = f"{plain(fault.name)}: {plain(fault.text or fault.fault)}, from {moment(begin_ns)} to {moment(end_ns)}"
        # The name where there is room for it, else a letter; what would stand on the one before is left to the tooltip.
        middle, name = left + wide / 2, plain(fault.name, 40)
        fits = (
            word for word in (name, letters[fault.name]) if _stands(middle, word) and middle - _half(word) >= told_until
        )
        letter = next(fits, "")
        told_until = middle + _half(letter) if letter else told_until
        narrow = _NARROW * _half(letter)
        crowded = bool(letter) and not (told_narrow_until <= middle - narrow and middle + narrow <= WIDTH)
        told_narrow_until = told_narrow_until if crowded or not letter else middle + narrow
        kind = f"mark f{fault_number(document, fault.name)}{' roomy' * crowded}"
        marks.append(
            f'<b class="{kind}" style="left:{percent(document, begin_ns)};'
            f'width:{wide * 100 / WIDTH:.3f}%" title="{escape(told)}">{escape(letter)}</b>'
        )
    for time_ns in sorted({violation.time_ns for _, violation in strips.violations(document)})[:MARKS_MAX]:
        told = f"violation at {moment(time_ns)}"
        marks.append(f'<b class="alarm" style="left:{percent(document, time_ns)}" title="{told}"></b>')
    return f'<div class="marks">{"".join(marks)}</div>'


def _half(word: str) -> float:
    return (len(word) * _LETTER_WIDTH + 4) / 2


def _stands(middle: float, word: str) -> bool:
    """Whether a word around a place lies within the strip; a letter always does."""
    return len(word) == 1 or (middle - _half(word) >= 0 and middle + _half(word) <= WIDTH)


def _line(document: Document, end_ns: int, times_ns: Sequence[int], values: Sequence[float | None], top: float) -> str:
    """Return a path of steps up to `end_ns`, with a gap where the metric had no value."""
    path: list[str] = []
    broken = True
    for place, value in enumerate(values):
        if value is None or times_ns[place] >= document.duration_ns:
            broken = True
            continue
        left = x_of(document, times_ns[place])
        right = x_of(document, times_ns[place + 1] if place + 1 < len(times_ns) else end_ns)
        height = METRIC_HEIGHT - 2 - (METRIC_HEIGHT - 8) * max(0.0, value) / top
        path.append(f"{'M' if broken else 'L'}{left} {height:.2f}H{right}")
        broken = False
    return "".join(path)
