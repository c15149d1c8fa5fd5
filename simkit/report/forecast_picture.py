"""The faults of a scenario that has not run, as a picture: SVG or PNG, for a page or a talk.

It deliberately says no more than the strips of `forecast`.
"""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.axes import Axes

from simkit.language.resolved import Scenario
from simkit.language.timeline import Span, spans
from simkit.observe.moment import NANOSECONDS
from simkit.report.drawing import BEHIND, FAULTS, INK, SOFT, canvas, write_picture
from simkit.report.forecast import ROWS_MAX, legend
from simkit.report.strips import round_step
from simkit.report.words import plain


def draw(scenario: Scenario, path: Path) -> None:
    """Write the picture of a scenario's faults as SVG or PNG; ValueError for another ending, OSError."""
    found = spans(scenario)[:ROWS_MAX]
    height = 1.1 + 0.27 * max(2, len(found))
    with canvas(scenario.name, height=height, width=8.6) as (figure, axes):
        _frame(axes, scenario, found)
        for row, span in enumerate(found):
            _row(axes, span, row, int(scenario.duration) / NANOSECONDS, scenario)
        write_picture(figure, scenario.name, path)


def _frame(axes: Axes, scenario: Scenario, found: list[Span]) -> None:
    end_s = int(scenario.duration) / NANOSECONDS
    size_s, word = next(((size, word) for size, word in ((3600, "h"), (60, "min")) if end_s >= 5 * size), (1, "s"))
    variant = f", variant {plain(scenario.variant)}" if scenario.variant else ""
    axes.set_title(f"{plain(scenario.name)}{variant}, seed {scenario.seed}: {plain(scenario.title, 80)}", pad=8)
    axes.set_xlim(0, end_s)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_yticks(range(len(found)), [plain(span.name, 24) for span in found], color=INK)
    step_s = round_step(end_s / size_s, 10) * size_s
    axes.set_xticks([number * step_s for number in range(int(end_s / step_s) + 1)])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / size_s:g}")
    axes.set_xlabel(f"virtual time, {word}")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    if scenario.warmup:
        axes.axvspan(0, int(scenario.warmup) / NANOSECONDS, color=BEHIND, alpha=0.15, linewidth=0)
        axes.text(end_s / 200, len(found) - 0.45, "warm-up", fontsize=6.5, color=SOFT, va="bottom")


def _row(axes: Axes, span: Span, row: int, end_s: float, scenario: Scenario) -> None:
    color = FAULTS[row % len(FAULTS)]
    if span.begin_ns is None or span.left_out:
        axes.text(end_s / 100, row, legend(span, scenario), va="center", fontsize=7.5, color=SOFT, style="italic")
        return
    begin_s = span.begin_ns / NANOSECONDS
    text = span.word
    if span.act:
        axes.plot([begin_s], [row], marker="D", markersize=5, color=color, linewidth=0)
        stop_s = begin_s
    else:
        stop_s = end_s if span.end_ns is None else min(span.end_ns / NANOSECONDS, end_s)
        axes.barh(
            row,
            max(stop_s - begin_s, end_s / 400),
            left=begin_s,
            height=0.55,
            color=color,
            alpha=0.35 if span.repeats_ns else 0.85,
        )
        text += "".join(_marks(axes, span, row, begin_s, stop_s, color))
        if span.end_ns is not None and span.end_ns / NANOSECONDS > end_s:
            axes.plot([end_s], [row], marker=">", markersize=6, color=color, clip_on=False, linewidth=0)
    # Behind the bar, else before it, else on it: a bar from edge to edge has no other room.
    if stop_s < 0.8 * end_s:
        place, align = stop_s + end_s / 80, "left"
    elif begin_s > 0.2 * end_s:
        place, align = begin_s - end_s / 80, "right"
    else:
        place, align = begin_s + end_s / 80, "left"
    axes.text(place, row, text, va="center", ha=align, fontsize=7.5, color=INK)


def _marks(axes: Axes, span: Span, row: int, begin_s: float, stop_s: float, color: str) -> Iterator[str]:
    """Mark the strikes of a repetition by their mean distance, if they can be told apart."""
    if span.repeats_ns is None:
        return
    count = int((stop_s - begin_s) / (span.repeats_ns / NANOSECONDS)) + 1
    if count <= 120:
        at = [begin_s + number * span.repeats_ns / NANOSECONDS for number in range(count)]
        axes.plot(at, [row] * count, marker="|", markersize=7, color=color, linewidth=0)
    yield f", about {count} times"
