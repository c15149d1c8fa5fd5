"""A figure of a system's own, as numbers and words: what its plot found in a run, to be drawn by whoever shows the run.

It travels in the run document, so that a report can be made anew where the system is not installed, and takes its
colours from the page. Times are nanoseconds of virtual time; everything else is in the unit that a label says.

It deliberately knows no drawing library and no system.
"""

from typing import Literal

import msgspec

CURVES_MAX = 16
POINTS_MAX = 2_000
BARS_MAX = 200
LANES_MAX = 40
SPANS_MAX = 1_500
"""What is kept of a picture: curves and points of each, bars, lanes and spans of all lanes together."""

Tone = Literal["first", "second", "third", "faint", "alarm"]
"""A role, not a colour: three series that are told apart, what stands behind, what is wrong."""


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A line: `x` ascending, null in `y` where there is a gap; ``steps`` holds each value until the next."""

    label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    style: Literal["line", "steps"] = "line"
    tone: Tone | None = None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Something that lasted: parts as (begin_ns, end_ns, tone), and dots at moments of it as (time_ns, tone)."""

    parts: tuple[tuple[int, int, Tone], ...]
    dots: tuple[tuple[int, Tone], ...] = ()
    text: str = ""


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A row of spans, which stand above each other where they overlap; down time of `host` is shaded behind them."""

    label: str
    host: str = ""
    spans: tuple[Span, ...] = ()


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: curves, or bars, or lanes.

    Attributes:
        name: short and unique among the figures of a run.
        title, x_label, y_label: in words, with units. note: one line below it.
        over_time: x is virtual time in ns; faults are shaded. window_ns: the part of it that is shown.
        logarithmic: which axes are.
        bars: (label, height) each. tones: what the tones of lanes mean.
        left_out: how many curves, points, bars, lanes and spans were too many.
    """

    name: str
    title: str
    x_label: str = ""
    y_label: str = ""
    note: str = ""
    over_time: bool = False
    window_ns: tuple[int, int] | None = None
    logarithmic: Literal["", "x", "y", "xy"] = ""
    curves: tuple[Curve, ...] = ()
    bars: tuple[tuple[str, float], ...] = ()
    lanes: tuple[Lane, ...] = ()
    tones: dict[Tone, str] = {}
    left_out: int = 0

    def bounded(self) -> "Picture":
        """Return the same within the limits above; the last curves, points, lanes and spans go first."""
        left_out = self.left_out + max(0, len(self.curves) - CURVES_MAX) + max(0, len(self.bars) - BARS_MAX)
        left_out += max(0, len(self.lanes) - LANES_MAX)
        curves = []
        for curve in self.curves[:CURVES_MAX]:
            left_out += max(0, len(curve.x) - POINTS_MAX)
            curves.append(msgspec.structs.replace(curve, x=curve.x[:POINTS_MAX], y=curve.y[:POINTS_MAX]))
        lanes, room = [], SPANS_MAX
        for lane in self.lanes[:LANES_MAX]:
            lanes.append(msgspec.structs.replace(lane, spans=lane.spans[:room]))
            left_out += max(0, len(lane.spans) - room)
            room -= min(room, len(lane.spans))
        bars = self.bars[:BARS_MAX]
        return msgspec.structs.replace(self, curves=tuple(curves), bars=bars, lanes=tuple(lanes), left_out=left_out)
