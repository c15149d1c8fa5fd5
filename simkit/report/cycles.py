"""The drawing of a cycle of transactions: who must have come before whom, all the way round.

Transactions stand on a circle, in the order of the cycle; an arrow leads from each to the one that must come after
it, with the kind of the dependency and the key, and the reason in words where a mouse rests on it. Colours are the
roles of `figures`. The same entry gives the same bytes.

It deliberately needs no script and no matplotlib: a few boxes and curves, drawn where they belong.
"""

from html import escape
from math import cos, hypot, pi, sin

from simkit.observe.document import CycleEdgeEntry, CycleEntry, CycleTransactionEntry
from simkit.report.words import plain

Point = tuple[float, float]

BOX_WIDTH, BOX_HEIGHT = 128.0, 40.0
MARGIN = 14.0

_COLORS = {
    "ww": "var(--series-3, #009e73)",
    "wr": "var(--series-1, #0072b2)",
    "rw": "var(--series-2, #d55e00)",
    "process": "var(--soft, #5b6470)",
    "realtime": "var(--soft, #5b6470)",
}


def draw_cycle(cycle: CycleEntry) -> str:
    """Return a cycle as SVG that may stand in a page or in a file of its own."""
    count = len(cycle.transactions)
    across = max(150.0, 46.0 * count) + 0.5 * BOX_WIDTH
    down = 0.0 if count == 2 else max(84.0, 30.0 * count)
    bend = 62.0 if count == 2 else 22.0
    center = (across + BOX_WIDTH / 2 + MARGIN, down + BOX_HEIGHT / 2 + MARGIN + 4 + bend / (1 if count == 2 else 2))
    turn = pi if count == 2 else -pi / 2
    places = [
        (
            center[0] + across * cos(turn + 2 * pi * number / count),
            center[1] + down * sin(turn + 2 * pi * number / count),
        )
        for number in range(count)
    ]
    parts = [_arrow(edge, places[edge.source], places[edge.target], bend) for edge in cycle.edges]
    parts += [_box(each, place) for each, place in zip(cycle.transactions, places, strict=True)]
    width, height = 2 * center[0], 2 * center[1]
    label = escape(plain(f"{cycle.title}: {', '.join(each.name for each in cycle.transactions)}"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'style="max-width: 100%; height: auto; font-family: sans-serif; font-size: 12px">'
        f"{''.join(parts)}</svg>"
    )


def _box(transaction: CycleTransactionEntry, place: Point) -> str:
    x, y = place[0] - BOX_WIDTH / 2, place[1] - BOX_HEIGHT / 2
    ink, soft = "var(--ink, #1b1f24)", "var(--soft, #5b6470)"
    process = plain(transaction.process)
    process = process if len(process) <= 20 else f"{process[:19]}…"
    return (
        f"<g><title>{escape(plain(f'{transaction.name} {transaction.text}'))}</title>"
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{BOX_WIDTH:.0f}" height="{BOX_HEIGHT:.0f}" rx="6" '
        f'style="fill: var(--paper, #ffffff); stroke: {soft}"/>'
        f'<text x="{place[0]:.1f}" y="{place[1] - 3:.1f}" text-anchor="middle" '
        f'style="fill: {ink}; font-weight: 600">{escape(plain(transaction.name))}</text>'
        f'<text x="{place[0]:.1f}" y="{place[1] + 13:.1f}" text-anchor="middle" '
        f'style="fill: {soft}; font-size: 11px">{escape(process)}</text></g>'
    )


def _arrow(edge: CycleEdgeEntry, source: Point, target: Point, bend: float) -> str:
    """Return a curve that bends outwards: on the left-hand side of who walks around clockwise."""
    along = (target[0] - source[0], target[1] - source[1])
    length = hypot(*along) or 1.0
    left = (along[1] / length, -along[0] / length)
    middle = ((source[0] + target[0]) / 2, (source[1] + target[1]) / 2)
    control = (middle[0] + 2 * bend * left[0], middle[1] + 2 * bend * left[1])
    begin, end = _border(source, control), _border(target, control)
    heading = (end[0] - control[0], end[1] - control[1])
    size = hypot(*heading) or 1.0
    ahead = (heading[0] / size, heading[1] / size)
    back = (end[0] - 9 * ahead[0], end[1] - 9 * ahead[1])
    wings = (
        f"{end[0]:.1f},{end[1]:.1f} {back[0] - 4 * ahead[1]:.1f},{back[1] + 4 * ahead[0]:.1f} "
        f"{back[0] + 4 * ahead[1]:.1f},{back[1] - 4 * ahead[0]:.1f}"
    )
    color = _COLORS[edge.kind]
    dashes = "; stroke-dasharray: 5 4" if edge.kind in ("process", "realtime") else ""
    words = {"process": "same client", "realtime": "real time"}.get(edge.kind) or f"{edge.kind} {plain(edge.key)}"
    label = (middle[0] + (bend + 12) * left[0], middle[1] + (bend + 12) * left[1] + 4)
    anchor = "middle" if abs(left[0]) < 0.3 else "start" if left[0] > 0 else "end"
    return (
        f"<g><title>{escape(plain(edge.text))}</title>"
        f'<path d="M{begin[0]:.1f},{begin[1]:.1f} Q{control[0]:.1f},{control[1]:.1f} {back[0]:.1f},{back[1]:.1f}" '
        f'style="fill: none; stroke: {color}; stroke-width: 1.6{dashes}"/>'
        f'<polygon points="{wings}" style="fill: {color}"/>'
        f'<text x="{label[0]:.1f}" y="{label[1]:.1f}" text-anchor="{anchor}" '
        f'style="fill: {color}">{escape(words)}</text></g>'
    )


def _border(center: Point, towards: Point) -> Point:
    """Return where a line from the middle of a box to a point outside leaves it."""
    x, y = towards[0] - center[0], towards[1] - center[1]
    reach = min(
        (BOX_WIDTH / 2 + 2) / abs(x) if x else float("inf"),
        (BOX_HEIGHT / 2 + 2) / abs(y) if y else float("inf"),
    )
    return (center[0], center[1]) if reach == float("inf") else (center[0] + x * reach, center[1] + y * reach)
