"""Counters, gauges and histograms of one run, by name, host and labels, as series in virtual time.

A node asks its host's view for an instrument by name and calls it; asking again returns the same one, also after a
reboot, because a metric belongs to the machine's name and not to one incarnation of its program. Memory is bounded:
values are kept per segment (see `segments`), samples exactly up to a named limit and in log-scaled buckets beyond it.

It deliberately draws nothing, schedules nothing and writes no record: measuring a run cannot change it.
"""

from array import array
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from simkit.observe.histogram import Bag
from simkit.observe.segments import BUCKETS, Segments, Timed

SERIES_MAX = 20_000
"""Instruments of one run; more means that a label takes a new value for every task, which is an error."""

EXACT_SAMPLES_MAX = 65_536
"""Samples one histogram keeps exactly before it folds them into buckets."""

SAMPLES_MAX = 4_000_000
"""Samples all histograms of a run keep exactly together; when it is reached, every histogram folds."""

_CHECK_EVERY = 1_024
_LARGEST = 1.7976931348623157e308

K = TypeVar("K", bound="Instrument")
Labels = tuple[tuple[str, str], ...]


class Instrument:
    """What counters, gauges and histograms have in common: whose they are."""

    kind = ""
    __slots__ = ("_metrics", "_segments", "_world", "host", "labels", "name", "unit")

    def __init__(self, metrics: "Metrics", name: str, host: str, labels: Labels, unit: str) -> None:
        self._metrics = metrics
        self._segments = metrics.segments
        self._world = metrics.world
        self.name, self.host, self.labels, self.unit = name, host, labels, unit


class Counter(Instrument):
    """A number that only grows: tasks done, bytes sent."""

    kind = "counter"
    __slots__ = ("_segment", "_value", "touched")

    def __init__(self, metrics: "Metrics", name: str, host: str, labels: Labels, unit: str) -> None:
        super().__init__(metrics, name, host, labels, unit)
        self.touched: list[tuple[int, float]] = []
        self._segment = 0
        self._value: float = 0

    def add(self, amount: float = 1) -> None:
        """Count `amount` more; a negative amount is an error."""
        segments = self._segments
        if (now_ns := self._world.now_ns) >= segments.until_ns:
            segments.advance(now_ns)
        if self._segment != segments.index:
            self.close()
        if amount < 0:
            raise ValueError(f"counter {self.name} cannot go down (by {amount}); a gauge can")
        self._value += amount

    def close(self) -> None:
        """Keep what was counted in the segment that was open here, and go to the current one."""
        if self._value:
            self.touched.append((self._segment, self._value))
            self._value = 0
        self._segment = self._segments.index


class Span:
    """What a gauge did in one segment."""

    __slots__ = ("area", "covered_ns", "last", "maximum", "minimum", "segment")

    def __init__(self, segment: int, last: float | None) -> None:
        self.segment = segment
        self.area: float = 0
        self.covered_ns = 0
        self.last = self.minimum = self.maximum = last


class Gauge(Instrument):
    """A value that goes up and down: queue depth, open connections, the current term.

    Between two calls the value stands; its mean is weighted by virtual time. When the host's process ends, its gauges
    end with it (there is no value) until the next incarnation sets them.
    """

    kind = "gauge"
    __slots__ = ("_changed_ns", "peak", "span", "spans")

    def __init__(self, metrics: "Metrics", name: str, host: str, labels: Labels, unit: str) -> None:
        super().__init__(metrics, name, host, labels, unit)
        self.spans: list[Span] = []
        metrics.segments.advance(metrics.world.now_ns)
        self.span = Span(metrics.segments.index, None)
        self.peak: tuple[int, float] | None = None
        self._changed_ns = metrics.world.now_ns

    @property
    def value(self) -> float | None:
        """The value now; None before the first `set` and after the process has ended."""
        return self.span.last

    def set(self, value: float) -> None:
        """Let the gauge show `value` from now on."""
        if not -_LARGEST <= value <= _LARGEST:
            raise ValueError(f"gauge {self.name} cannot show {value}")
        segments = self._segments
        if (now_ns := self._world.now_ns) >= segments.until_ns:
            segments.advance(now_ns)
        span = self.span
        if span.segment != segments.index:
            self.close()
            span = self.span
        if (last := span.last) is not None:
            elapsed_ns = now_ns - self._changed_ns
            span.area += last * elapsed_ns
            span.covered_ns += elapsed_ns
            if value > span.maximum:  # type: ignore[operator]  # with a last value there is a maximum
                span.maximum = value
            elif value < span.minimum:  # type: ignore[operator]
                span.minimum = value
        else:
            span.minimum = value if span.minimum is None else min(span.minimum, value)
            span.maximum = value if span.maximum is None else max(span.maximum, value)
        span.last = value
        self._changed_ns = now_ns
        if (peak := self.peak) is None or value > peak[1]:
            self.peak = (now_ns, value)

    def add(self, amount: float = 1) -> None:
        """Let the gauge show `amount` more than now; a gauge without a value starts at 0."""
        self.set((self.span.last or 0) + amount)

    def clear(self) -> None:
        """End the value: whoever measured is gone."""
        self._segments.advance(self._world.now_ns)
        self.close()
        self._cover(self._world.now_ns)
        self.span.last = None

    def close(self) -> None:
        """Bring the gauge to the current segment; segments in which it only stood are not kept."""
        segments = self._segments
        if self.span.segment < segments.index:
            self._cover(segments.end_ns(self.span.segment))
            self.spans.append(self.span)
            self.span = Span(segments.index, self.span.last)
            self._changed_ns = segments.starts_ns[segments.index]

    def finish(self, end_ns: int) -> list[Span]:
        """Return what the gauge did in every segment up to `end_ns`, also in those in which it only stood."""
        self._segments.advance(end_ns)
        self.close()
        self._cover(end_ns)
        whole: list[Span] = []
        for span in (*self.spans, self.span):
            for segment in range(whole[-1].segment + 1 if whole else span.segment, span.segment):
                stood = Span(segment, whole[-1].last)
                if stood.last is not None:
                    stood.covered_ns = self._segments.end_ns(segment) - self._segments.starts_ns[segment]
                    stood.area = stood.last * stood.covered_ns
                whole.append(stood)
            whole.append(span)
        return whole

    def _cover(self, until_ns: int) -> None:
        if self.span.last is not None and until_ns > self._changed_ns:
            self.span.area += self.span.last * (until_ns - self._changed_ns)
            self.span.covered_ns += until_ns - self._changed_ns
        self._changed_ns = until_ns


class Histogram(Instrument):
    """Values of which the distribution matters: latencies, sizes, attempts."""

    kind = "histogram"
    __slots__ = ("_folded", "_order", "_starts_ns", "_values", "exact_max")

    def __init__(self, metrics: "Metrics", name: str, host: str, labels: Labels, unit: str) -> None:
        super().__init__(metrics, name, host, labels, unit)
        self._values = array("d")
        self._starts_ns = array("q")
        self._folded: dict[int, Bag] = {}
        self._order: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
        self.exact_max = EXACT_SAMPLES_MAX

    def record(self, value: float, started_ns: int | None = None) -> None:
        """Record one value, in the metric's unit.

        Args:
            value: finite.
            started_ns: when the operation started, because a value belongs to the window in which its operation
                starts; now when not given.
        """
        if not -_LARGEST <= value <= _LARGEST:
            raise ValueError(f"histogram {self.name} cannot record {value}")
        segments = self._segments
        if (now_ns := self._world.now_ns) >= segments.until_ns:
            segments.advance(now_ns)
        self._values.append(value)
        self._starts_ns.append(now_ns if started_ns is None else started_ns)
        if not len(self._values) % _CHECK_EVERY:
            self._check()

    @property
    def exact(self) -> bool:
        """Whether every sample is still known."""
        return not self._folded

    def fold(self) -> None:
        """Put every sample into the bag of the segment in which it started."""
        starts_ns, values = self._sorted()
        edges = np.searchsorted(starts_ns, np.asarray([*self._segments.starts_ns, 1 << 62], dtype=np.int64))
        edges[0] = 0
        for segment, (first, last) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
            if last > first:
                self._folded.setdefault(segment, Bag().fold()).merge(Bag(values[first:last]))
        self._metrics.samples -= len(self._values) // _CHECK_EVERY * _CHECK_EVERY
        self._values, self._starts_ns, self._order = array("d"), array("q"), None

    def within(self, begin_ns: int, end_ns: int) -> Bag:
        """Return the values of operations that started in [begin_ns, end_ns)."""
        starts_ns, values = self._sorted()
        first, last = np.searchsorted(starts_ns, np.asarray([begin_ns, end_ns], dtype=np.int64)).tolist()
        bag = Bag(values[first:last])
        for segment in sorted(self._folded):
            if begin_ns <= self._segments.starts_ns[segment] < end_ns:
                bag.merge(self._folded[segment])
        return bag

    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if self._order is None or len(self._order[0]) != len(self._values):
            starts_ns, values = np.array(self._starts_ns, dtype=np.int64), np.array(self._values, dtype=np.float64)
            order = np.argsort(starts_ns, kind="stable")
            self._order = starts_ns[order], values[order]
        return self._order

    def _check(self) -> None:
        self._metrics.samples += _CHECK_EVERY
        if self._metrics.samples > SAMPLES_MAX:
            self._metrics.fold()
        elif len(self._values) >= self.exact_max:
            self.fold()


class HostMetrics:
    """The instruments of one host: what a node sees as `self.metrics`."""

    def __init__(self, metrics: "Metrics", host: str) -> None:
        self._metrics = metrics
        self._host = host
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}

    def counter(self, name: str, unit: str = "", **labels: str) -> Counter:
        """Return the counter of that name and those labels; made at the first call."""
        if not labels and (known := self._counters.get(name)) is not None:
            return known
        made = self._metrics.instrument(Counter, name, self._host, labels, unit)
        return made if labels else self._counters.setdefault(name, made)

    def gauge(self, name: str, unit: str = "", **labels: str) -> Gauge:
        """Return the gauge of that name and those labels; made at the first call, without a value."""
        if not labels and (known := self._gauges.get(name)) is not None:
            return known
        made = self._metrics.instrument(Gauge, name, self._host, labels, unit)
        return made if labels else self._gauges.setdefault(name, made)

    def histogram(self, name: str, unit: str = "", **labels: str) -> Histogram:
        """Return the histogram of that name and those labels; made at the first call."""
        if not labels and (known := self._histograms.get(name)) is not None:
            return known
        made = self._metrics.instrument(Histogram, name, self._host, labels, unit)
        return made if labels else self._histograms.setdefault(name, made)


class Metrics:
    """All instruments of one run.

    Args:
        world: whose virtual time is measured in.
        duration_ns: planned length of the run.
        warmup_ns: end of the warm-up; statistics leave out what starts before.
        buckets: equal buckets of every series.
    """

    def __init__(self, world: Timed, duration_ns: int, warmup_ns: int = 0, *, buckets: int = BUCKETS) -> None:
        self.world = world
        self.warmup_ns = warmup_ns
        self.segments = Segments(duration_ns, cuts_ns=(warmup_ns,), buckets=buckets)
        self.samples = 0
        self._instruments: dict[tuple[str, str, Labels], Instrument] = {}
        self._declared: dict[str, tuple[type[Instrument], str]] = {}
        self._hosts: dict[str, HostMetrics] = {}
        self._gauges: dict[str, list[Gauge]] = {}

    def host(self, name: str) -> HostMetrics:
        """Return the view of one host."""
        return self._hosts.setdefault(name, HostMetrics(self, name))

    def instrument(self, kind: type[K], name: str, host: str, labels: dict[str, str], unit: str = "") -> K:
        """Return an instrument, made at the first call.

        One name has one kind and one unit in a run; "" as unit means the declared one.
        """
        key = (name, host, tuple(sorted(labels.items())))
        declared, declared_unit = self._declared.setdefault(name, (kind, unit))
        if declared is not kind:
            raise ValueError(f"metric {name} is a {declared.kind} elsewhere and cannot be a {kind.kind} on {host}")
        if unit and declared_unit and unit != declared_unit:
            raise ValueError(f"metric {name} is in {declared_unit} elsewhere and cannot be in {unit} on {host}")
        if unit and not declared_unit:
            self._declared[name] = (kind, unit)
        known = self._instruments.get(key)
        if known is None:
            if len(self._instruments) >= SERIES_MAX:
                raise ValueError(f"metric {name}{dict(labels)} on {host} would be one more than {SERIES_MAX:,} series")
            made = self._instruments[key] = kind(self, name, host, key[2], unit)
            if isinstance(made, Gauge):
                self._gauges.setdefault(host, []).append(made)
            return made
        assert isinstance(known, kind)
        return known

    def unit(self, name: str) -> str:
        """Return the declared unit of a metric, "" where none was declared."""
        return self._declared[name][1]

    def names(self) -> list[str]:
        """Return the names of all metrics, sorted."""
        return sorted(self._declared)

    def series(self, name: str, host: str | None = None) -> Iterator[Instrument]:
        """Yield the instruments of one name, in the order of host and labels."""
        for key in sorted(self._instruments):
            if key[0] == name and host in (None, key[1]):
                yield self._instruments[key]

    def mark(self) -> None:
        """Cut here: a fault begins or ends."""
        self.segments.mark(self.world.now_ns)

    def host_ended(self, name: str) -> None:
        """The process of a host ended: its gauges show nothing until the next one sets them."""
        for gauge in self._gauges.get(name, ()):
            if gauge.value is not None:
                gauge.clear()

    def fold(self) -> None:
        """Fold every histogram, and let each fold early from now on: the run's limit of exact samples is reached."""
        for instrument in self._instruments.values():
            if isinstance(instrument, Histogram):
                instrument.fold()
                instrument.exact_max = _CHECK_EVERY * 4
