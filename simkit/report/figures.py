"""Figures of a run: gauges, rates and latency quantiles over virtual time, with faults as shaded, lettered bands.

Colours are roles, not values: the SVG says ``var(--series-1, #0072b2)``, so a figure inside the page follows its light
or dark style and a figure on its own falls back to colours that colour-blind readers tell apart (Okabe and Ito, 2008).
The same document gives the same bytes.

It deliberately touches no global state of matplotlib: no pyplot, and settings hold for one figure only.
"""

import re
from collections.abc import Sequence
from io import StringIO
from itertools import pairwise
from typing import Any, NamedTuple

import matplotlib
import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from simkit.observe.document import Document, MetricEntry
from simkit.observe.moment import NANOSECONDS
from simkit.report.strips import fault_letters, interval, shown, violations
from simkit.report.words import plain

FIGURES_MAX = 12
"""Figures of one page; the first metrics by name, the headline before them."""

BANDS_MAX = 200
"""Fault bands of one figure; later ones are not shaded."""

_ROLES = {
    "#010101": "var(--ink, #1b1f24)",
    "#020202": "var(--soft, #5b6470)",
    "#030303": "var(--line, #d9dde2)",
    "#040404": "var(--behind, #9aa2ab)",
    "#050505": "var(--fail, #b3261e)",
    "#0000a1": "var(--series-1, #0072b2)",
    "#0000a2": "var(--series-2, #d55e00)",
    "#0000a3": "var(--series-3, #009e73)",
    "#0000b1": "var(--fault-1, #e69f00)",
    "#0000b2": "var(--fault-2, #56b4e9)",
    "#0000b3": "var(--fault-3, #cc79a7)",
    "#0000b4": "var(--fault-4, #009e73)",
    "#0000b5": "var(--fault-5, #b8a800)",
    "#0000b6": "var(--fault-6, #d55e00)",
}
INK, SOFT, LINE, BEHIND, ALARM = "#010101", "#020202", "#030303", "#040404", "#050505"
SERIES = ("#0000a1", "#0000a2", "#0000a3")
FAULTS = tuple(role for role in _ROLES if role.startswith("#0000b"))

_SETTINGS: Any = {  # matplotlib types its settings key by key, which a name for all of them cannot follow
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "path.simplify": False,
    "text.parse_math": False,
    "lines.linewidth": 1.4,
}


class Drawing(NamedTuple):
    """One finished figure: its metric's name and its SVG, which may stand in a page or in a file of its own.

    `flat` says that there is nothing to see in it: no value, or never another one than zero.
    """

    name: str
    svg: str
    flat: bool = False


def drawings(document: Document, behind: Document | None = None) -> list[Drawing]:
    """Return the figures of a run, one for each metric of all hosts together.

    Args:
        document: of the run.
        behind: of a run to compare with, such as the fixed variant; its lines are grey.
    """
    names: dict[str, MetricEntry] = {}
    for metric in document.metrics:
        names.setdefault(metric.name, metric)
    order = sorted(names, key=lambda name: (name != document.headline, name))
    return [draw(document, names[name], behind) for name in order[:FIGURES_MAX]]


def draw(document: Document, metric: MetricEntry, behind: Document | None = None) -> Drawing:
    """Return the figure of one metric."""
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": metric.name}):
        figure = Figure(figsize=(7.6, 2.35), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        other = _same(behind, metric)
        if behind and other:
            _plot(axes, behind, other, (BEHIND,) * 3, " of the other run")
        _plot(axes, document, metric, SERIES, "")
        _frame(axes, document, metric)
        return Drawing(metric.name, _svg(figure, metric.name), flat=not any(shown(metric)))


def _plot(axes: Axes, document: Document, metric: MetricEntry, colors: Sequence[str], whose: str) -> None:
    edges_s = [time_ns / NANOSECONDS for time_ns in (*metric.times_ns, document.duration_ns)]
    if metric.kind == "gauge":
        lines = {"mean": metric.mean}
        if metric.maximum and not whose:
            lows, highs = _numbers(metric.minimum), _numbers(metric.maximum)
            axes.fill_between(
                edges_s, [*lows, lows[-1]], [*highs, highs[-1]], step="post", color=colors[0], alpha=0.22, linewidth=0
            )
    elif metric.kind == "counter":
        widths_s = [end_s - begin_s for begin_s, end_s in pairwise(edges_s)]
        per_second = (
            None if value is None else value / width_s for value, width_s in zip(metric.values, widths_s, strict=True)
        )
        lines = {"per second": tuple(per_second)}
    else:
        lines = {word: metric.quantiles[word] for word in ("p50", "p90", "p99") if word in metric.quantiles}
    for (label, values), color in zip(lines.items(), colors, strict=False):
        numbers = _numbers(values)
        axes.step(edges_s, [*numbers, numbers[-1]], where="post", color=color, label=f"{label}{whose}")


def _frame(axes: Axes, document: Document, metric: MetricEntry) -> None:
    """Give the figure its title, axes, bands and legend."""
    unit = plain(metric.unit)
    label = {"gauge": unit, "counter": f"{unit}/s" if unit else "/s", "histogram": unit}[metric.kind]
    where = f" on {plain(metric.host)}" if metric.host else ""
    axes.set_title(f"{plain(metric.name)}{where}", pad=13)
    axes.set_ylabel(label)
    if metric.kind == "histogram" and _spreads(metric):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    else:
        lowest = min([0.0, *(value for value in metric.minimum or metric.mean if value is not None)])
        # A line that never leaves zero lies on the floor, not in the middle of nothing.
        axes.set_ylim(bottom=lowest * 1.05, top=None if axes.dataLim.ymax > 0 else 1.0)
    seconds = document.duration_ns / NANOSECONDS
    size_s, word = next(((size, word) for size, word in ((3_600, "h"), (60, "min")) if seconds >= 5 * size), (1, "s"))
    axes.set_xlim(0, seconds)
    axes.xaxis.set_major_locator(matplotlib.ticker.MultipleLocator(_step(seconds / size_s) * size_s))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value / size_s:g}")
    axes.set_xlabel(f"virtual time, {word}")
    axes.set_axisbelow(True)
    _bands(axes, document)
    for time_ns in sorted({violation.time_ns for _, violation in violations(document)})[:BANDS_MAX]:
        axes.axvline(time_ns / NANOSECONDS, color=ALARM, linewidth=0.9, linestyle=(0, (3, 2)))
    if metric.kind == "histogram":
        axes.legend(loc="upper right", ncols=3)


def _bands(axes: Axes, document: Document) -> None:
    """Shade the faults; the letters of faults that begin side by side stand together."""
    letters = fault_letters(document.faults)
    near_s = document.duration_ns / NANOSECONDS / 60
    above: list[tuple[float, str]] = []
    for fault in document.faults[:BANDS_MAX]:
        begin_ns, end_ns = interval(document, fault)
        color = FAULTS[list(letters).index(fault.name) % len(FAULTS)]
        begin_s, end_s = begin_ns / NANOSECONDS, max(end_ns, begin_ns + document.duration_ns // 500) / NANOSECONDS
        axes.axvspan(begin_s, end_s, color=color, alpha=0.20, linewidth=0, zorder=0)
        middle_s, letter = (begin_s + end_s) / 2, letters[fault.name]
        if above and abs(middle_s - above[-1][0]) < near_s:
            before_s, before = above.pop()
            middle_s, letter = (before_s + middle_s) / 2, before if letter in before else before + letter
        above.append((middle_s, letter))
    for middle_s, text in above:
        place = axes.get_xaxis_transform()
        axes.text(middle_s, 1.01, text, transform=place, ha="center", va="bottom", fontsize=7, color=SOFT)


def _spreads(metric: MetricEntry) -> bool:
    """Whether the quantiles are so far apart that only a logarithmic axis shows all of them."""
    known = [value for values in metric.quantiles.values() for value in values if value is not None]
    return bool(known) and min(known) > 0 and max(known) > 50 * min(known)


def _svg(figure: Figure, name: str) -> str:
    """Return the figure as SVG without prolog, with roles for colours and identifiers of its own."""
    written = StringIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(written, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = written.getvalue()
    text = text[text.index("<svg") :]
    for sentinel, role in _ROLES.items():
        text = text.replace(sentinel, role)
    own = "figure-" + "".join(each if each.isascii() and each.isalnum() else "-" for each in name)
    text = re.sub(r'\bid="', f'id="{own}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{own}-", text)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # This rule of matplotlib's would reach every other drawing of a page.
    text = re.sub(r"<defs>\s*<style type=\"text/css\">.*?</style>\s*</defs>\s*", "", text, count=1, flags=re.DOTALL)
    return text.replace("<svg ", f'<svg role="img" aria-label="{own}" ', 1).strip()


def _same(document: Document | None, metric: MetricEntry) -> MetricEntry | None:
    found = [one for one in document.metrics if (one.name, one.host) == (metric.name, metric.host)] if document else []
    return found[0] if found else None


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values] or [float("nan")]


def _step(length: float) -> float:
    return next((step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300) if length / step <= 8), length / 6)
