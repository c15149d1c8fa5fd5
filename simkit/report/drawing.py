"""What every figure of a report has in common: its colours, its axis of virtual time, its faults, its bytes.

Colours are roles, not values: the SVG says ``var(--series-1, #0072b2)``, so a figure inside the page follows its light
or dark style and a figure on its own falls back to colours that colour-blind readers tell apart (Okabe and Ito, 2008).
The same document gives the same bytes.

It deliberately touches no global state of matplotlib: no pyplot, and settings hold for one figure only.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_hex, to_rgb, to_rgba
from matplotlib.figure import Figure

from simkit.observe.document import Document
from simkit.observe.moment import NANOSECONDS, moment
from simkit.report.strips import fault_letters, interval, violations
from simkit.report.words import plain

BANDS_MAX = 200
"""Fault bands of one figure; later ones are not shaded."""

_NAME_WIDTH = 0.011
"""The share of a figure's width that a letter of a fault's name takes."""

_ROLES = {
    "#010101": "var(--ink, #1b1f24)",
    "#020202": "var(--soft, #5b6470)",
    "#030303": "var(--line, #d9dde2)",
    "#040404": "var(--behind, #9aa2ab)",
    "#050505": "var(--fail, #b3261e)",
    "#060606": "var(--paused, #d79a00)",
    "#070707": "var(--down, #b3261e)",
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
PAUSED, DOWN = "#060606", "#070707"
SERIES = ("#0000a1", "#0000a2", "#0000a3")
FAULTS = tuple(role for role in _ROLES if role.startswith("#0000b"))

SETTINGS: Any = {  # matplotlib types its settings key by key, which a name for all of them cannot follow
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


@contextmanager
def canvas(name: str, *, height: float = 2.35, width: float = 7.6) -> Iterator[tuple[Figure, Axes]]:
    """Give a figure of so many inches and its axes, in the report's style; what is drawn within holds to it."""
    with matplotlib.rc_context({**SETTINGS, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        yield figure, axes


def time_axis(axes: Axes, document: Document, window_ns: tuple[int, int] | None = None) -> None:
    """Let x be virtual time in seconds, marked in round units, with faults shaded and violations as lines."""
    begin_ns, end_ns = window_ns or (0, document.duration_ns)
    begin_s, end_s = begin_ns / NANOSECONDS, end_ns / NANOSECONDS
    long = ((3_600, "h"), (60, "min"))
    size_s, word = next(((size, word) for size, word in long if end_s - begin_s >= 5 * size), (1, "s"))
    axes.set_xlim(begin_s, end_s)
    axes.xaxis.set_major_locator(matplotlib.ticker.MultipleLocator(_step((end_s - begin_s) / size_s) * size_s))
    if begin_ns:
        axes.xaxis.set_major_formatter(lambda value, _: moment(round(value * NANOSECONDS), digits=0))
        axes.set_xlabel("virtual time")
    else:
        axes.xaxis.set_major_formatter(lambda value, _: f"{value / size_s:g}")
        axes.set_xlabel(f"virtual time, {word}")
    axes.set_axisbelow(True)
    _bands(axes, document, begin_s, end_s)
    for time_ns in sorted({violation.time_ns for _, violation in violations(document)})[:BANDS_MAX]:
        if begin_ns <= time_ns <= end_ns:
            axes.axvline(time_ns / NANOSECONDS, color=ALARM, linewidth=0.9, linestyle=(0, (3, 2)))


def legend(axes: Axes) -> None:
    """Tell the lines apart beside the title, where no line runs and no fault is named."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.07), ncols=4, borderaxespad=0.0)


def svg_of(figure: Figure, name: str) -> str:
    """Return the figure as SVG without prolog, with roles for colours and identifiers of its own."""
    written = StringIO()
    drawn: Any = FigureCanvasSVG(figure)
    drawn.print_svg(written, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
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


def write_picture(figure: Figure, name: str, path: Path) -> None:
    """Write a figure as the file's ending says, SVG or PNG; ValueError for another ending."""
    if path.suffix == ".svg":
        path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{svg_of(figure, name)}\n', encoding="utf-8")
    elif path.suffix == ".png":
        # On white, with the colours that the roles stand for where no page gives them others.
        for artist in figure.findobj():
            for part in ("color", "facecolor", "edgecolor", "markeredgecolor", "markerfacecolor"):
                _give_colour(artist, part)
        figure.patch.set_visible(True)
        figure.patch.set_facecolor("#ffffff")
        drawn: Any = FigureCanvasAgg(figure)
        drawn.print_png(str(path), metadata={"Software": None})
    else:
        raise ValueError(f"{path}: a picture ends in .svg or .png")


def _give_colour(artist: Any, part: str) -> None:
    """Give one artist the colour that its role stands for; one it does not have, or no role, is left alone."""
    get, give = getattr(artist, f"get_{part}", None), getattr(artist, f"set_{part}", None)
    if get is None or give is None:
        return
    found = get()
    if found is None or (isinstance(found, str) and found in ("none", "auto")):
        return
    several = isinstance(found, np.ndarray) and found.ndim == 2
    before = [to_rgba(each) for each in (found if several else [found])]
    after = [(*to_rgb(_ROLES[to_hex(each)][-8:-1]), each[3]) if to_hex(each) in _ROLES else each for each in before]
    if after != before:
        give(after if several else after[0])


def _bands(axes: Axes, document: Document, first_s: float, last_s: float) -> None:
    """Shade the faults and name them; where two begin side by side, their letters stand together instead."""
    letters = fault_letters(document.faults)
    shown_s = last_s - first_s
    above: list[tuple[float, list[str]]] = []
    for fault in document.faults[:BANDS_MAX]:
        begin_ns, end_ns = interval(document, fault)
        color = FAULTS[list(letters).index(fault.name) % len(FAULTS)]
        begin_s, end_s = begin_ns / NANOSECONDS, max(end_ns / NANOSECONDS, begin_ns / NANOSECONDS + shown_s / 500)
        if end_s < first_s or begin_s > last_s:
            continue
        axes.axvspan(begin_s, end_s, color=color, alpha=0.20, linewidth=0, zorder=0)
        middle_s, names = (max(begin_s, first_s) + min(end_s, last_s)) / 2, [fault.name]
        if above and abs(middle_s - above[-1][0]) < shown_s / 60:
            before_s, before = above.pop()
            middle_s, names = (before_s + middle_s) / 2, list(dict.fromkeys([*before, *names]))
        above.append((middle_s, names))
    for place, (middle_s, names) in enumerate(above):
        # As far as the middle of the way to its neighbours: the room that a name may take.
        left_s = (above[place - 1][0] + middle_s) / 2 if place else first_s
        right_s = (middle_s + above[place + 1][0]) / 2 if place + 1 < len(above) else last_s
        room = 2 * min(middle_s - left_s, right_s - middle_s) / shown_s
        name = plain(names[0], 24)
        text = name if len(names) == 1 and len(name) * _NAME_WIDTH <= room else "".join(letters[one] for one in names)
        at = axes.get_xaxis_transform()
        axes.text(middle_s, 1.01, text, transform=at, ha="center", va="bottom", fontsize=7, color=SOFT)


def _step(length: float) -> float:
    return next((step for step in (1, 2, 5, 10, 15, 30, 60, 120, 300) if length / step <= 8), length / 6)
