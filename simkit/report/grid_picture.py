"""A sweep as a picture: a panel for each number measured, the first path from left to right, a line for each other one.

Lines are means over seeds, shades the range; a point is ringed where not every seed came out as declared.

It deliberately draws values in the order of the file and not to scale: they may be words.
"""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simkit.report.drawing import ALARM, BEHIND, SERIES, SETTINGS, SOFT, write_picture
from simkit.report.grid import Grid, Point, amount
from simkit.report.words import plain

PANELS_MAX = 8
LINES_MAX = 9
"""Panels of one picture, and lines of one panel; more would be told apart by nobody."""

_STYLES = ("-", "--", ":")


def draw(grid: Grid, path: Path) -> None:
    """Write the picture as SVG or PNG; ValueError for another ending, or for a sweep that has no number to draw."""
    measures = grid.measures[:PANELS_MAX]
    if not measures or not grid.paths:
        raise ValueError("the sweep measured nothing to draw: expect a metric or `eventually`")
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": grid.scenario}):
        figure = Figure(figsize=(7.6, 0.4 + 2.2 * len(measures)), layout="constrained")
        figure.patch.set_visible(False)
        for place, text in enumerate(measures):
            axes = figure.add_subplot(len(measures), 1, place + 1)
            axes.patch.set_visible(False)
            _panel(axes, grid, text)
            if place == 0:
                _legend(axes, grid)
        write_picture(figure, grid.scenario, path)


def _panel(axes: Axes, grid: Grid, text: str) -> None:
    ticks = list(dict.fromkeys(point.values[0] for point in grid.points))
    axes.set_title(plain(text))
    axes.set_xticks(range(len(ticks)), [plain(tick, 20) for tick in ticks])
    axes.set_xlim(-0.4, len(ticks) - 0.6)
    axes.set_xlabel(grid.paths[0])
    unit = next((found.unit for point in grid.points if (found := point.measured(text)) is not None), "")
    axes.yaxis.set_major_formatter(lambda value, _: amount(value, unit) if value else "0")
    for number, (rest, points) in enumerate(list(_lines(grid).items())[:LINES_MAX]):
        color, style = SERIES[number % len(SERIES)], _STYLES[number // len(SERIES) % len(_STYLES)]
        _line(axes, points, ticks, text, color, style, ", ".join(rest))
    axes.set_ylim(bottom=0)


def _lines(grid: Grid) -> dict[tuple[str, ...], list[Point]]:
    """The points of each combination of the values of all paths but the first."""
    found: dict[tuple[str, ...], list[Point]] = {}
    for point in grid.points:
        found.setdefault(point.values[1:], []).append(point)
    return found


def _line(axes: Axes, points: list[Point], ticks: list[str], text: str, color: str, style: str, label: str) -> None:
    told = [(ticks.index(point.values[0]), point, found) for point in points if (found := point.measured(text))]
    if not told:
        return
    places = [place for place, _, _ in told]
    lows, highs = [found.lowest for *_, found in told], [found.highest for *_, found in told]
    axes.fill_between(places, lows, highs, color=color, alpha=0.18, linewidth=0)
    axes.plot(places, [found.mean for *_, found in told], style, color=color, marker="o", markersize=4, label=label)
    broken = [(place, found.mean) for place, point, found in told if point.as_declared < len(point.documents)]
    if broken:
        xs, ys = zip(*broken, strict=True)
        axes.plot(xs, ys, "o", markersize=9, markerfacecolor="none", markeredgecolor=ALARM, label="_nolegend_")


def _legend(axes: Axes, grid: Grid) -> None:
    if len(grid.paths) > 1:
        title = ", ".join(path.partition(".")[2] or path for path in grid.paths[1:])
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title=title, borderaxespad=0.2)
    words = "red ring: not every seed as declared"
    axes.text(1.0, 1.02, words, transform=axes.transAxes, ha="right", fontsize=7, color=SOFT)
    axes.axhline(0, color=BEHIND, linewidth=0.5)
