"""Operations of clients over time, one row for each process: what overlapped, and which one cannot be explained.

    clients-0  |put x 1|                |put x 3 ~ ~
    clients-1            |put x 2         |
    clients-2              |get x -> 1|     |get x -> 1|  <--

Distances say nothing: every beginning and end has a column of its own, in order, and texts make them wider. What takes
microseconds and what takes seconds can be read side by side that way; the story has the times.

It deliberately shows the last ones only where there are too many: the violation is at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from simkit.observe.document import OperationEntry
from simkit.report.words import plain

OPERATIONS_SHOWN = 12
TEXT_CHARACTERS = 26
CHARACTER_WIDTH, ROW_HEIGHT, BAR_HEIGHT = 7.3, 26, 20
_OPEN = " ~ ~"


@dataclass(frozen=True)
class Bar:
    """One operation in columns of a character each; `end` is None where nobody knows the end."""

    row: int
    begin: int
    end: int | None
    text: str
    blamed: bool


@dataclass(frozen=True)
class Chart:
    """Bars in rows; `left_out` operations came before them."""

    processes: tuple[str, ...]
    bars: tuple[Bar, ...]
    columns: int
    left_out: int


def chart(operations: Sequence[OperationEntry], columns: int = 200) -> Chart:
    """Lay out the last operations that fit into so many columns."""
    ordered = sorted(operations, key=lambda each: (each.begin_ns, each.end_ns is None, each.end_ns or 0))
    shown = ordered[-OPERATIONS_SHOWN:]
    while True:
        laid = _laid_out(shown, len(ordered) - len(shown))
        if laid.columns <= columns or len(shown) == 1:
            return laid
        shown = shown[1:]


def _laid_out(shown: Sequence[OperationEntry], left_out: int) -> Chart:
    processes = tuple(dict.fromkeys(each.process for each in shown))
    texts = [_shortened(plain(each.text)) for each in shown]
    # At one moment: ends of what began earlier, then beginnings, then ends of what took no time.
    edges: list[tuple[int, int, int]] = []
    for number, each in enumerate(shown):
        edges.append((each.begin_ns, 1, number))
        if each.end_ns is not None:
            edges.append((each.end_ns, 2 if each.end_ns == each.begin_ns else 0, number))
    begins: dict[int, int] = {}
    ends: dict[int, int] = {}
    column = 0
    for _, phase, number in sorted(edges):
        if phase == 1:
            begins[number] = column
        else:
            column = max(column, begins[number] + len(texts[number]) + 1)
            ends[number] = column
        column += 2
    widest = max(
        [column, *(begins[number] + len(texts[number]) + len(_OPEN) + 1 for number in begins if number not in ends)]
    )
    bars = tuple(
        Bar(processes.index(each.process), begins[number], ends.get(number), texts[number], each.blamed)
        for number, each in enumerate(shown)
    )
    return Chart(processes, bars, widest, left_out)


def _shortened(text: str) -> str:
    if len(text) <= TEXT_CHARACTERS:
        return text
    half = (TEXT_CHARACTERS - 3) // 2
    return f"{text[: TEXT_CHARACTERS - 3 - half]}...{text[-half:]}"


def text_chart(operations: Sequence[OperationEntry], columns: int = 100) -> list[str]:
    """Return the lines of a terminal's picture; none without operations."""
    if not operations:
        return []
    drawn = chart(operations, columns)
    wide = max(len(process) for process in drawn.processes)
    rows = [[" "] * (drawn.columns + 1) for _ in drawn.processes]
    marks = [""] * len(rows)
    for bar in drawn.bars:
        if bar.end is None:
            body = f"|{bar.text}{_OPEN}"
        else:
            body = f"|{bar.text:<{bar.end - bar.begin - 1}}|"
        rows[bar.row][bar.begin : bar.begin + len(body)] = body
        if bar.blamed:
            marks[bar.row] = "  <--"
    lines = [
        f"{process:<{wide}}  {''.join(row).rstrip()}{mark}"
        for process, row, mark in zip(drawn.processes, rows, marks, strict=True)
    ]
    return [*lines, f"{'':<{wide}}  ({drawn.left_out} earlier ones are left out)"] if drawn.left_out else lines


def svg_chart(operations: Sequence[OperationEntry]) -> str:
    """Return the page's picture as inline SVG in the page's colours; "" without operations."""
    if not operations:
        return ""
    drawn = chart(operations)
    margin = (max(len(process) for process in drawn.processes) + 2) * CHARACTER_WIDTH
    width = margin + (drawn.columns + 2) * CHARACTER_WIDTH
    height = len(drawn.processes) * ROW_HEIGHT
    parts = [
        f'<text x="0" y="{row * ROW_HEIGHT + 17}" fill="var(--soft)">{escape(process)}</text>'
        for row, process in enumerate(drawn.processes)
    ]
    parts += [_bar(bar, margin, drawn.columns) for bar in drawn.bars]
    note = f"<p>{drawn.left_out} earlier ones are left out.</p>" if drawn.left_out else ""
    return (
        f'<div class="scroll"><svg viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" role="img" '
        f'aria-label="Operations by process, in order of beginning and end" '
        f'font-family="var(--mono)" font-size="12">{"".join(parts)}</svg></div>{note}'
    )


def _bar(bar: Bar, margin: float, columns: int) -> str:
    end = columns + 1 if bar.end is None else bar.end
    x, y = margin + bar.begin * CHARACTER_WIDTH, bar.row * ROW_HEIGHT + 2
    color = "var(--fail)" if bar.blamed else "var(--behind)"
    # An open end is dashed, and the blamed one is thicker: neither hangs on colour alone.
    dashes = ' stroke-dasharray="5 3"' if bar.end is None else ""
    width = (end - bar.begin + 1) * CHARACTER_WIDTH - 2
    return (
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" rx="3" '
        f'fill="var(--panel)" stroke="{color}" stroke-width="{2.5 if bar.blamed else 1}"{dashes}/>'
        f'<text x="{x + 6:.1f}" y="{y + 14.5}" fill="{color if bar.blamed else "var(--ink)"}">{escape(bar.text)}</text>'
    )
