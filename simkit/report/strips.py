"""A run cut into columns: what hosts, faults, violations and one metric did in each, for terminal and page alike.

Column k of n holds the moments from k/n to (k+1)/n of the run. A short outage must not fall between two columns, so a
column shows the fewest hosts that were up at any moment of it, and the highest value of a gauge.

It deliberately draws nothing: characters and pictures are made of these numbers elsewhere.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from simkit.observe.document import Document, FaultEntry, MetricEntry, ViolationEntry

LEVELS = ".:+#"


def groups(document: Document) -> dict[str, list[str]]:
    """Return the names of the hosts of each group, in the order of the scenario."""
    found: dict[str, list[str]] = {}
    for host in document.hosts:
        found.setdefault(host.group or host.name, []).append(host.name)
    return found


def state_at(document: Document, host: str, time_ns: int) -> str:
    """Return ``up``, ``down`` or ``paused``; a host that never booted is down."""
    changes = document.host_states.get(host, ())
    place = bisect_right(changes, time_ns, key=lambda change: change[0]) - 1
    return changes[place][1] if place >= 0 else "down"


def fewest_up(document: Document, names: Iterable[str], columns: int) -> list[int]:
    """Return, for each column, the fewest of the named hosts that were up at one moment of it.

    There are fewer columns when the run ended before its time.
    """
    duration_ns = max(1, document.duration_ns)
    edges: list[tuple[int, int]] = []
    for name in names:
        before = 0
        for time_ns, state in document.host_states.get(name, ()):
            now = int(state == "up")
            if now != before:
                edges.append((time_ns, now - before))
                before = now
    # At one moment the losses count first: a machine that is back at once was still gone.
    edges.sort()
    fewest, count, place = [], 0, 0
    for column in range(column_of(document, end_of(document), columns) + 1):
        begin_ns, end_ns = column * duration_ns // columns, (column + 1) * duration_ns // columns
        # What changes at the very edge is how the new column begins, not how the old one ended.
        while place < len(edges) and edges[place][0] <= begin_ns:
            count, place = count + edges[place][1], place + 1
        lowest = count
        while place < len(edges) and edges[place][0] < end_ns:
            count, place = count + edges[place][1], place + 1
            lowest = min(lowest, count)
        fewest.append(lowest)
    return fewest


def end_of(document: Document) -> int:
    """Return when the run ended: before its time if it was an error."""
    return document.duration_ns if document.ended_ns is None else document.ended_ns


def column_of(document: Document, time_ns: int, columns: int) -> int:
    """Return the column of a moment."""
    return min(max(0, time_ns) * columns // max(1, document.duration_ns), columns - 1)


def fault_letters(faults: Iterable[FaultEntry]) -> dict[str, str]:
    """Return one letter for each fault's name: the first of its kind's word, else of its name, else a free one."""
    letters: dict[str, str] = {}
    for fault in faults:
        if fault.name not in letters:
            first = f"{fault.fault[:1]}{fault.name[:1]}{fault.name}{fault.fault}"
            wanted = f"{first}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
            free = (each for each in wanted if each.isascii() and each.isalpha() and each not in letters.values())
            letters[fault.name] = next(free, "*")
    return letters


def fault_columns(document: Document, columns: int) -> list[list[str]]:
    """Return, for each column, the names of the faults that held or struck in it, in the order in which they began."""
    found: list[list[str]] = [[] for _ in range(columns)]
    for fault in sorted(document.faults, key=lambda one: one.begin_ns):
        begin_ns, end_ns = interval(document, fault)
        # The end is not part of a fault, except of one that only strikes.
        last = column_of(document, max(begin_ns, end_ns - 1), columns)
        for column in range(column_of(document, begin_ns, columns), last + 1):
            if fault.name not in found[column]:
                found[column].append(fault.name)
    return found


def interval(document: Document, fault: FaultEntry) -> tuple[int, int]:
    """Return when a fault began and ended, within the run."""
    end_ns = end_of(document) if fault.end_ns is None else min(fault.end_ns, end_of(document))
    return fault.begin_ns, max(fault.begin_ns, end_ns)


def violations(document: Document) -> list[tuple[str, ViolationEntry]]:
    """Return (expectation, violation) of the whole run, earliest first."""
    every = [(each.subject, one) for each in document.expectations for one in each.violations]
    return sorted(every, key=lambda pair: pair[1].time_ns)


def headline(document: Document) -> MetricEntry | None:
    """Return the metric the first screen shows: the declared one, else the gauge that moved most.

    A gauge moved far when its farthest value lies many times its own usual range (of the middle four fifths of its
    values) from its median. Gauges with more than two levels go before flags, whatever their range.
    """
    together = [metric for metric in document.metrics if metric.kind == "gauge" and metric.host is None]
    names = {metric.name for metric in together}
    gauges = together + [one for one in document.metrics if one.kind == "gauge" and one.name not in names]
    declared = [metric for metric in (*together, *document.metrics) if metric.name == document.headline]
    if declared:
        return declared[0]
    return max(gauges, key=_movement, default=None) if gauges else None


def shown(metric: MetricEntry) -> Sequence[float | None]:
    """Return the values of a metric that a strip shows: the highest of each bucket, p99 of a histogram."""
    if metric.kind == "histogram":
        return metric.quantiles.get("p99", metric.values)
    return metric.maximum or (metric.mean if metric.kind == "gauge" else metric.values)


def highest(metric: MetricEntry) -> tuple[int, float] | None:
    """Return when a metric was highest, and how high."""
    if metric.peak:
        return metric.peak
    known = [
        (value, -time_ns) for time_ns, value in zip(metric.times_ns, shown(metric), strict=True) if value is not None
    ]
    if not known:
        return None
    value, negative_ns = max(known)
    return -negative_ns, value


def metric_columns(document: Document, metric: MetricEntry, columns: int) -> list[float | None]:
    """Return the highest value of a metric in each column; None where it had none."""
    found: list[float | None] = [None] * columns
    times_ns = [*metric.times_ns, document.duration_ns]
    for value, begin_ns, end_ns in zip(shown(metric), times_ns, times_ns[1:], strict=False):
        if value is None:
            continue
        for column in range(column_of(document, begin_ns, columns), column_of(document, end_ns - 1, columns) + 1):
            before = found[column]
            found[column] = value if before is None else max(before, value)
    return found


def round_step(length: float, ticks: int) -> float:
    """Return the smallest round distance with which at most `ticks` marks fit on a length."""
    for scale in (0.001, 0.01, 0.1, 1, 10, 100, 1_000, 10_000):
        for digit in (1, 2, 5) if scale != 10 else (1, 1.5, 2, 3, 6):
            if length / (digit * scale) <= ticks:
                return digit * scale
    return length


def level(value: float | None, top: float) -> str:
    """Return the character of a value between 0 and the highest one."""
    if value is None:
        return " "
    return LEVELS[min(3, max(0, int(4 * value / top)))] if top > 0 else LEVELS[0]


def _movement(metric: MetricEntry) -> tuple[bool, float]:
    known = sorted(value for value in shown(metric) if value is not None)
    if not known:
        return False, 0.0
    median = known[len(known) // 2]
    usual = known[len(known) * 9 // 10] - known[len(known) // 10]
    farthest = max(known[-1] - median, median - known[0])
    return len(set(known)) > 2, farthest / (usual + 0.05 * max(abs(known[0]), abs(known[-1])) + 1e-12)
