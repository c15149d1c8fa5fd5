"""Rows as a table of plain text."""

from collections.abc import Sequence
from typing import Any

from benchmarks.work import Work

Row = dict[str, Any]


def text_table(work: Work, rows: Sequence[Row]) -> str:
    """Return the tables of a work, one for each case, the fastest first."""
    return "\n\n".join(
        f"{work.name}: {work.title}; {case.name}\n{_lines(work, [row for row in rows if row['case'] == case.name])}"
        for case in work.cases
        if any(row["case"] == case.name for row in rows)
    )


def _lines(work: Work, rows: Sequence[Row]) -> str:
    amount = f"{work.unit}/s" if work.measure == "rate" else "bytes each"
    head = ("contender", f"x {work.baseline}", "min", "max", amount, "")
    cells = [head, *(_cells(row) for row in sorted(rows, key=lambda row: -(row["ratio"] or 0)))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return "\n".join(_line(line, widths) for line in cells)


def _line(line: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers, note = line
    columns = [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join([name.ljust(widths[0]), *columns, note]).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    if row.get("skipped"):
        return (row["contender"], "-", "", "", "", f"skipped: {row['skipped']}")
    amount = row["per_second"] if row["per_second"] is not None else row["bytes_each"]
    told = [row["note"], *(f"{name.replace('_', ' ')} {value:g}" for name, value in row.get("figures", {}).items())]
    ratios = (_figure(row[key]) for key in ("ratio", "min", "max"))
    return (row["contender"], *ratios, f"{amount:,}", "; ".join(told))


def _figure(ratio: float | None) -> str:
    if ratio is None:
        return "-"
    return f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}"
