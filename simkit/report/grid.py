"""A sweep as a table: one line for each combination of values, what its seeds came to, and what was measured.

Measured are the lines of `expect:` that have a number: statistics of metrics, and the seconds until a goal was reached.

It deliberately fits no curve and names no winner: it shows mean and range, and whoever looks decides.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from simkit.observe.document import Document
from simkit.observe.moment import NANOSECONDS, number, span
from simkit.report.words import plain


@dataclass(frozen=True)
class Measured:
    """One number over the seeds of a point; None where no run had it."""

    mean: float
    lowest: float
    highest: float
    unit: str

    def in_words(self) -> str:
        """Return the mean, and the range if there is one."""
        if self.lowest == self.highest:
            return amount(self.mean, self.unit)
        return f"{amount(self.mean, self.unit)} ({amount(self.lowest, self.unit)} to {amount(self.highest, self.unit)})"


@dataclass(frozen=True)
class Point:
    """One combination of values and its runs, one for each seed."""

    values: tuple[str, ...]
    documents: tuple[Document, ...]

    @property
    def as_declared(self) -> int:
        """How many runs came out as the file declares."""
        return sum(document.as_declared for document in self.documents)

    def measured(self, text: str) -> Measured | None:
        """Return what the runs measured for one line of `expect:`."""
        found = [
            each for document in self.documents for each in document.expectations
            if each.text == text and each.value is not None
        ]  # fmt: skip
        values = [each.value for each in found if each.value is not None]
        if not values:
            return None
        return Measured(fsum(values) / len(values), min(values), max(values), found[0].unit)


@dataclass(frozen=True)
class Grid:
    """One swept scenario: the paths that vary, and every point."""

    scenario: str
    variant: str | None
    paths: tuple[str, ...]
    points: tuple[Point, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """The lines of `expect:` that some run has a number for."""
        texts = {
            each.text: None
            for point in self.points
            for document in point.documents
            for each in document.expectations
            if each.value is not None
        }
        return tuple(texts)

    def as_json(self) -> dict[str, Any]:
        """Return the table as plain data; units are s, B, bit/s, /s or the metric's own."""
        return {
            "scenario": self.scenario,
            "variant": self.variant,
            "vary": list(self.paths),
            "points": [
                {
                    "values": dict(zip(self.paths, point.values, strict=True)),
                    "seeds": [document.seed for document in point.documents],
                    "as_declared": point.as_declared,
                    "verdicts": dict(Counter(document.verdict for document in point.documents)),
                    "measured": {
                        text: {"mean": found.mean, "min": found.lowest, "max": found.highest, "unit": found.unit}
                        for text in self.measures
                        if (found := point.measured(text)) is not None
                    },
                }
                for point in self.points
            ],
        }

    def in_words(self) -> str:
        """Return the table for a terminal, ending in a line break."""
        variant = f" · variant {plain(self.variant)}" if self.variant else ""
        heads = [*(path.partition(".")[2] or path for path in self.paths), "as declared", *self.measures]
        rows = [
            [
                *(plain(value) for value in point.values),
                f"{point.as_declared} of {len(point.documents)}",
                *("-" if (found := point.measured(text)) is None else found.in_words() for text in self.measures),
            ]
            for point in self.points
        ]
        widths = [max(len(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (heads, *rows)
        ]
        return "\n".join(line.rstrip() for line in (f"sweep of {plain(self.scenario)}{variant}", *lines)) + "\n"


def grids(runs: Sequence[tuple[tuple[str, ...], Document]], paths: Sequence[str]) -> list[Grid]:
    """Return one grid for each scenario and variant among runs of a sweep.

    Args:
        runs: the values of the paths, as ``PATH=VALUE`` in their order, with the document of the run.
        paths: what varies.
    """
    found: dict[tuple[str, str | None], dict[tuple[str, ...], list[Document]]] = {}
    for settings, document in runs:
        values = tuple(setting.partition("=")[2] for setting in settings[len(settings) - len(paths) :])
        found.setdefault((document.scenario, document.variant), {}).setdefault(values, []).append(document)
    return [
        Grid(scenario, variant, tuple(paths), tuple(Point(values, tuple(each)) for values, each in points.items()))
        for (scenario, variant), points in found.items()
    ]


def amount(value: float, unit: str) -> str:
    """Return a number with its unit as people write it."""
    if unit == "s":
        return span(round(value * NANOSECONDS))
    return f"{number(float(f'{value:.3g}') if abs(value) < 1000 else round(value))} {unit}".rstrip()
