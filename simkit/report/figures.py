"""Figures of a run's metrics: gauges, rates and latency quantiles over virtual time, with faults as shaded bands.

It deliberately shows every metric alike; what a system draws of itself is `pictures`.
"""

from collections.abc import Sequence
from itertools import pairwise

import matplotlib.ticker
from matplotlib.axes import Axes

from simkit.observe.document import Document, MetricEntry
from simkit.observe.moment import NANOSECONDS
from simkit.report.drawing import BEHIND, SERIES, Drawing, canvas, legend, svg_of, time_axis
from simkit.report.strips import shown
from simkit.report.words import plain

FIGURES_MAX = 12
"""Figures of one page; the first metrics by name, the headline before them."""


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
    with canvas(metric.name) as (figure, axes):
        other = _same(behind, metric)
        if behind and other:
            _plot(axes, behind, other, (BEHIND,) * 3, grey=True)
        _plot(axes, document, metric, SERIES)
        _frame(axes, document, metric)
        return Drawing(metric.name, svg_of(figure, metric.name), flat=not any(shown(metric)))


def _plot(axes: Axes, document: Document, metric: MetricEntry, colors: Sequence[str], *, grey: bool = False) -> None:
    edges_s = [time_ns / NANOSECONDS for time_ns in (*metric.times_ns, document.duration_ns)]
    if metric.kind == "gauge":
        lines = {"mean": metric.mean}
        if metric.maximum and not grey:
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
    for place, ((label, values), color) in enumerate(zip(lines.items(), colors, strict=False)):
        numbers = _numbers(values)
        # The lines of the other run are all grey: one entry of the legend tells of all of them.
        told = label if not grey else "_nolegend_" if place else "the other run"
        axes.step(edges_s, [*numbers, numbers[-1]], where="post", color=color, label=told)


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
    time_axis(axes, document)
    if metric.kind == "histogram":
        legend(axes)


def _spreads(metric: MetricEntry) -> bool:
    """Whether the quantiles are so far apart that only a logarithmic axis shows all of them."""
    known = [value for values in metric.quantiles.values() for value in values if value is not None]
    return bool(known) and min(known) > 0 and max(known) > 50 * min(known)


def _same(document: Document | None, metric: MetricEntry) -> MetricEntry | None:
    found = [one for one in document.metrics if (one.name, one.host) == (metric.name, metric.host)] if document else []
    return found[0] if found else None


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values] or [float("nan")]
