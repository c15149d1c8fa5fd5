"""The figures that a system draws of itself: a `Picture` of the run document as SVG, in the style of all figures.

It deliberately knows no system: what there is to see was found while the run went on.
"""

from collections.abc import Sequence
from heapq import heappop, heappush

import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from simkit.observe.document import Document
from simkit.observe.moment import NANOSECONDS
from simkit.observe.picture import Curve, Lane, Picture, Span, Tone
from simkit.report.drawing import (
    ALARM,
    BEHIND,
    DOWN,
    INK,
    PAUSED,
    SERIES,
    Drawing,
    canvas,
    legend,
    svg_of,
    time_axis,
)
from simkit.report.words import plain

_TONES: dict[Tone, str] = {
    "first": SERIES[0],
    "second": SERIES[1],
    "third": SERIES[2],
    "faint": BEHIND,
    "alarm": ALARM,
}
_ORDER: tuple[Tone, ...] = ("first", "second", "third")
TEXTS_MAX = 40
"""So many spans may say what they are."""

LETTERS_ACROSS, LETTERS_MIN = 150, 4
"""Letters that fit along a whole lane, and below which a longer word is not begun."""

_LANE, _LANE_MAX, _HEIGHT_MAX = 0.34, 12, 9.0
"""Inches of a lane, the rows that still get all of it, inches of a figure."""


def pictures_of(document: Document) -> list[Drawing]:
    """Return the system's own figures of a run."""
    return [draw_picture(document, picture) for picture in document.pictures]


def draw_picture(document: Document, picture: Picture) -> Drawing:
    """Return one of them; curves over time in ns, or bars, or lanes."""
    rows = [_packed(lane.spans) for lane in picture.lanes]
    height = min(_HEIGHT_MAX, 1.1 + _LANE * max(len(rows), min(sum(map(_count, rows)), _LANE_MAX))) if rows else 2.35
    with canvas(picture.name, height=height, width=13.0 if rows else 7.6) as (figure, axes):
        if rows:
            _lanes(axes, document, picture, rows)
        elif picture.bars:
            _bars(axes, picture.bars)
        else:
            _curves(axes, picture)
        axes.set_title(plain(picture.title), pad=13)
        axes.set_ylabel(plain(picture.y_label))
        if picture.over_time:
            time_axis(axes, document, picture.window_ns)
        else:
            axes.set_xlabel(plain(picture.x_label))
        return Drawing(picture.name, svg_of(figure, picture.name))


def _curves(axes: Axes, picture: Picture) -> None:
    for place, curve in enumerate(picture.curves):
        color = _TONES[curve.tone or _ORDER[place % len(_ORDER)]]
        x, y = _points(curve, picture.over_time)
        label = plain(curve.label)
        if curve.style == "steps":
            axes.step(x, y, where="post", color=color, label=label)
        else:
            axes.plot(x, y, color=color, label=label, linestyle="--" if curve.tone == "faint" else "-")
    for axis, word, set_scale in ((axes.xaxis, "x", axes.set_xscale), (axes.yaxis, "y", axes.set_yscale)):
        if word in picture.logarithmic:
            set_scale("log")
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter(matplotlib.ticker.NullFormatter())
        elif word == "y":
            axes.set_ylim(bottom=min(0.0, axes.dataLim.ymin))
    if len(picture.curves) > 1:
        legend(axes)


def _points(curve: Curve, over_time: bool) -> tuple[list[float], list[float]]:
    unit = NANOSECONDS if over_time else 1
    return [x / unit for x in curve.x], [float("nan") if y is None else y for y in curve.y]


def _bars(axes: Axes, bars: Sequence[tuple[str, float]]) -> None:
    places = range(len(bars))
    drawn = axes.bar(places, [height for _, height in bars], width=0.6, color=SERIES[0])
    axes.bar_label(drawn, [f"{height:,g}" for _, height in bars], fontsize=8, color=INK, padding=2)
    axes.set_xticks(places, [plain(label) for label, _ in bars])
    axes.grid(visible=False)
    axes.set_ylim(0, 1.15 * max(height for _, height in bars) or 1)
    if len(bars) < 8:
        axes.set_xlim(-0.6, 7.4)


# -- lanes


def _packed(spans: Sequence[Span]) -> list[tuple[int, Span]]:
    """Return (row, span) for each, every one in the lowest row that is free when it begins."""
    found: list[tuple[int, Span]] = []
    ends: list[tuple[int, int]] = []  # (end, row) of rows in use
    free: list[int] = []
    used = 0
    for span in sorted(spans, key=lambda one: one.parts[0][0]):
        while ends and ends[0][0] <= span.parts[0][0]:
            heappush(free, heappop(ends)[1])
        if free:
            row = heappop(free)
        else:
            row, used = used, used + 1
        heappush(ends, (max(part[1] for part in span.parts), row))
        found.append((row, span))
    return found


def _count(rows: Sequence[tuple[int, Span]]) -> int:
    return max((row for row, _ in rows), default=0) + 1


def _lanes(axes: Axes, document: Document, picture: Picture, packed: Sequence[Sequence[tuple[int, Span]]]) -> None:
    """Draw lanes from the top down; lane k lies between k and k + 1."""
    first_ns, last_ns = picture.window_ns or (0, document.duration_ns)
    gap_ns = (last_ns - first_ns) // 700
    few = sum(map(len, packed)) <= TEXTS_MAX
    boxes: dict[Tone, list[tuple[float, float, float, float]]] = {}
    dots: dict[Tone, list[tuple[float, float]]] = {}
    for place, rows in enumerate(packed):
        high = 0.84 / _count(rows)
        for row, span in rows:
            top = place + 0.08 + row * high
            for begin_ns, end_ns, tone in span.parts:
                # What follows at once stays apart, unless it is too short for that.
                long_ns = max(end_ns - begin_ns - min(gap_ns, (end_ns - begin_ns) // 3), 1)
                box = (begin_ns / NANOSECONDS, long_ns / NANOSECONDS, top + high * 0.08, high * 0.84)
                boxes.setdefault(tone, []).append(box)
            for time_ns, tone in span.dots:
                dots.setdefault(tone, []).append((time_ns / NANOSECONDS, top + high / 2))
            # Only what is seen of a span has room for its name.
            begin_ns, end_ns = max(span.parts[0][0], first_ns), min(span.parts[0][1], last_ns)
            letters = int(LETTERS_ACROSS * max(0, end_ns - begin_ns) / max(1, last_ns - first_ns))
            if few and span.text and letters >= min(LETTERS_MIN, len(span.text)):
                middle_s = (begin_ns + end_ns) / 2 / NANOSECONDS
                told = plain(span.text, letters)
                axes.text(middle_s, top + high / 2, told, ha="center", va="center", fontsize=8, color=INK)
        _shade(axes, document, picture.lanes[place], place)
    for tone, drawn in boxes.items():
        for begin_s, long_s, top, high in drawn:
            axes.broken_barh([(begin_s, long_s)], (top, high), facecolor=_TONES[tone], alpha=0.8, linewidth=0)
    for tone, points in dots.items():
        xs, ys = [x for x, _ in points], [y for _, y in points]
        marker, size = ("X", 8.0) if tone == "alarm" else ("o", 2.8)
        axes.plot(xs, ys, marker, color=INK, markersize=size, markeredgewidth=0, zorder=5)
    axes.set_yticks([place + 0.5 for place in range(len(packed))], [plain(lane.label, 18) for lane in picture.lanes])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(packed), 0)
    axes.grid(visible=False)
    for edge in range(1, len(packed)):
        axes.axhline(edge, color=BEHIND, linewidth=0.4)
    handles = [Patch(color=_TONES[tone], alpha=0.8, label=plain(told)) for tone, told in picture.tones.items()]
    if handles:
        axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.03), ncols=4, borderaxespad=0.0)


def _shade(axes: Axes, document: Document, lane: Lane, place: int) -> None:
    """Shade when the lane's host was not up."""
    changes = document.host_states.get(lane.host, ())
    end_ns = document.ended_ns or document.duration_ns
    for (begin_ns, state), (until_ns, _) in zip(changes, [*changes[1:], (end_ns, "")], strict=False):
        if state != "up":
            span_s = (begin_ns / NANOSECONDS, (until_ns - begin_ns) / NANOSECONDS)
            color = PAUSED if state == "paused" else DOWN
            axes.broken_barh([span_s], (place + 0.02, 0.96), facecolor=color, alpha=0.28, linewidth=0, zorder=0)
