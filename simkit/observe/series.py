"""From the instruments of a run to numbers: one statistic over a window, and the series of the run document.

One metric has many series (hosts, labels). Counters of all hosts add up and histograms merge; of gauges, `minimum`,
`maximum` and `last` are over all series, `mean` is the sum of the series' means, because the depth of a queue that
lies on three hosts is the sum of the three.

It deliberately fits no curve and smooths nothing.
"""

from collections.abc import Callable, Sequence

from simkit.observe.document import MetricEntry
from simkit.observe.histogram import Bag
from simkit.observe.metrics import Counter, Gauge, Histogram, Instrument, Labels, Metrics, Span
from simkit.observe.windows import NAMES, Window, Windows

SERIES_PER_METRIC_MAX = 64
"""Series of single hosts that one metric may have in the document; with more, only all hosts together are shown."""

STATISTICS = {
    "counter": ("total", "rate"),
    "gauge": ("mean", "minimum", "maximum", "last"),
    "histogram": ("count", "mean", "minimum", "maximum", "p50", "p90", "p95", "p99", "p999"),
}
"""The words for statistics by kind of metric; a histogram takes any ``p`` with digits: p99 is 0.99, p999 is 0.999."""

_TABLED = {"counter": STATISTICS["counter"], "gauge": STATISTICS["gauge"]} | {
    "histogram": ("count", "mean", "p50", "p90", "p99", "p999", "maximum")
}


def statistic(metrics: Metrics, name: str, word: str, window: Window | None, host: str | None = None) -> float | None:
    """Return one statistic of a metric over a window, in the metric's unit.

    Args:
        metrics: of the run.
        name: of the metric; a KeyError says that no node made it.
        word: one of `STATISTICS`, or ``min`` and ``max`` for short; a ValueError names the words of the kind.
        window: [begin, end) in ns; None for a window that this run does not have.
        host: only of that host; all hosts when None.

    Returns: None where nothing was measured (no value in the window), except for counters, which then are 0.
    """
    if name not in metrics.names():
        raise KeyError(name)
    return None if window is None else _statistic(metrics, list(metrics.series(name, host)), word, window)


def fraction_of(word: str) -> float | None:
    """Return the fraction a quantile's word stands for: p5 0.05, p50 0.5, p99 0.99, p999 0.999; None for others."""
    if not (word.startswith("p") and word[1:].isdigit() and len(word) <= 7):
        return None
    return int(word[1:]) / 100 if len(word) <= 3 else int(word[1:]) / 10 ** (len(word) - 1)


def entries(metrics: Metrics, windows: Windows) -> list[MetricEntry]:
    """Return the run document's series: for each metric all hosts together first, then single ones where few."""
    made: list[MetricEntry] = []
    for name in metrics.names():
        series = list(metrics.series(name))
        if len(series) == 1:
            made.append(_entry(metrics, series, windows, series[0].host, series[0].labels))
            continue
        made.append(_entry(metrics, series, windows, None, ()))
        if len(series) <= SERIES_PER_METRIC_MAX:
            made.extend(_entry(metrics, [one], windows, one.host, one.labels) for one in series)
    return made


def _statistic(metrics: Metrics, series: Sequence[Instrument], word: str, window: Window) -> float | None:
    word = {"min": "minimum", "max": "maximum"}.get(word, word)
    kind = series[0].kind if series else "counter"
    if word not in STATISTICS[kind] and not (kind == "histogram" and fraction_of(word) is not None):
        raise ValueError(f"a {kind} has no {word!r}; it has {', '.join(STATISTICS[kind])}")
    if kind == "histogram":
        return _of_bag(_bag(series, window), word)
    if kind == "gauge":
        return _of_spans(metrics, [_spans(metrics, one) for one in series if isinstance(one, Gauge)], word, window)
    total = sum(_total(metrics, one, window) for one in series if isinstance(one, Counter))
    return total if word == "total" else total / ((window[1] - window[0]) / 1e9)


def _of_bag(bag: Bag, word: str) -> float | None:
    if word == "count":
        return bag.count
    if bag.count == 0:
        return None
    fraction = fraction_of(word)
    return bag.quantile(fraction) if fraction is not None else float(getattr(bag, word))


def _of_spans(metrics: Metrics, every: Sequence[Sequence[Span]], word: str, window: Window) -> float | None:
    starts_ns = metrics.segments.starts_ns
    inside = [[span for span in spans if window[0] <= starts_ns[span.segment] < window[1]] for spans in every]
    if word == "mean":
        means = [
            sum(span.area for span in spans) / covered_ns
            for spans in inside
            if (covered_ns := sum(span.covered_ns for span in spans))
        ]
        return sum(means) if means else None
    choose: Callable[[list[float]], float] = min if word == "minimum" else max
    if word == "last":
        found = [spans[-1].last for spans in inside if spans]
    else:
        found = [getattr(span, word) for spans in inside for span in spans]
    values = [value for value in found if value is not None]
    return choose(values) if values else None


def _entry(
    metrics: Metrics,
    series: Sequence[Instrument],
    windows: Windows,
    host: str | None,
    labels: Labels,
) -> MetricEntry:
    segments = metrics.segments
    kind = series[0].kind
    times_ns = tuple(bucket * segments.bucket_ns for bucket in range(segments.buckets))
    table: dict[str, dict[str, float]] = {}
    for word in NAMES:
        window = windows.named(word)
        if window is not None:
            numbers = {each: _statistic(metrics, series, each, window) for each in _TABLED[kind]}
            table[word] = {each: float(value) for each, value in numbers.items() if value is not None}
    given = {"name": series[0].name, "unit": metrics.unit(series[0].name), "host": host, "labels": dict(labels)}
    columns: dict[str, object] = {"counter": _counted, "gauge": _shown, "histogram": _distributed}[kind](
        metrics, series
    )
    return MetricEntry(kind=kind, times_ns=times_ns, windows=table, **given, **columns)  # type: ignore[arg-type]


def _counted(metrics: Metrics, series: Sequence[Instrument]) -> dict[str, object]:
    values = [0.0] * metrics.segments.buckets
    for one in series:
        assert isinstance(one, Counter)
        one.close()
        for segment, amount in one.touched:
            values[metrics.segments.bucket(metrics.segments.starts_ns[segment])] += amount
    return {"values": tuple(values)}


def _shown(metrics: Metrics, series: Sequence[Instrument]) -> dict[str, object]:
    gauges = [one for one in series if isinstance(one, Gauge)]
    each = [_bucketed(metrics, gauge) for gauge in gauges]
    columns: dict[str, object] = {
        "values": tuple(_sum([rows[bucket][0] for rows in each]) for bucket in range(metrics.segments.buckets)),
        "mean": tuple(_sum([rows[bucket][3] for rows in each]) for bucket in range(metrics.segments.buckets)),
    }
    if len(gauges) == 1:
        columns |= {"minimum": tuple(row[1] for row in each[0]), "maximum": tuple(row[2] for row in each[0])}
        peak = gauges[0].peak
        columns["peak"] = (peak[0], float(peak[1])) if peak else None
    return columns


def _bucketed(metrics: Metrics, gauge: Gauge) -> list[tuple[float | None, float | None, float | None, float | None]]:
    """Return last, minimum, maximum and mean of a gauge in each bucket."""
    buckets: list[list[Span]] = [[] for _ in range(metrics.segments.buckets)]
    for span in _spans(metrics, gauge):
        buckets[metrics.segments.bucket(metrics.segments.starts_ns[span.segment])].append(span)
    rows = []
    for spans in buckets:
        lows = [span.minimum for span in spans if span.minimum is not None]
        highs = [span.maximum for span in spans if span.maximum is not None]
        covered_ns = sum(span.covered_ns for span in spans)
        mean = sum(span.area for span in spans) / covered_ns if covered_ns else None
        last = spans[-1].last if spans else None
        rows.append((_float(last), _float(min(lows, default=None)), _float(max(highs, default=None)), mean))
    return rows


def _distributed(metrics: Metrics, series: Sequence[Instrument]) -> dict[str, object]:
    segments = metrics.segments
    bags = []
    for bucket in range(segments.buckets):
        begin_ns = bucket * segments.bucket_ns
        last = bucket == segments.buckets - 1
        bags.append(_bag(series, (begin_ns, 1 << 62 if last else begin_ns + segments.bucket_ns)))
    quantiles = {word: tuple(_of_bag(bag, word) for bag in bags) for word in ("p50", "p90", "p99")}
    return {"values": tuple(float(bag.count) for bag in bags), "quantiles": quantiles}


def _bag(series: Sequence[Instrument], window: Window) -> Bag:
    bag = Bag()
    for one in series:
        assert isinstance(one, Histogram)
        bag.merge(one.within(*window))
    return bag


def _spans(metrics: Metrics, gauge: Gauge) -> list[Span]:
    return gauge.finish(max(metrics.world.now_ns, metrics.segments.starts_ns[-1]))


def _total(metrics: Metrics, counter: Counter, window: Window) -> float:
    counter.close()
    starts_ns = metrics.segments.starts_ns
    return sum(amount for segment, amount in counter.touched if window[0] <= starts_ns[segment] < window[1])


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(sum(known)) if known else None


def _float(value: float | None) -> float | None:
    """A number of the document is a float also where a node gave an integer: it reads back as it was written."""
    return None if value is None else float(value)
