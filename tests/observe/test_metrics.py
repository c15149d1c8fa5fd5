"""Metrics: what nodes measure comes out as they measured it, by bucket and by window."""

from collections.abc import Callable

import pytest

from simkit.kernel.world import World
from simkit.observe import metrics as metrics_module
from simkit.observe.metrics import Metrics
from simkit.observe.series import entries, fraction_of, statistic
from simkit.observe.windows import windows

S = 10**9
At = Callable[[float], None]


def test_a_counter_counts_by_bucket_and_window(world: World, at: At) -> None:
    metrics = Metrics(world, 100 * S, 10 * S, buckets=10)
    done = metrics.host("workers-0").counter("task.done", unit="tasks")
    for second in range(100):
        at(second)
        if second == 45:
            metrics.mark()
        done.add()
    at(100)
    spans = windows(100 * S, 10 * S, [(45 * S, 60 * S)])
    assert statistic(metrics, "task.done", "total", spans.steady) == 35
    assert statistic(metrics, "task.done", "rate", spans.faults) == 1.0
    [entry] = entries(metrics, spans)
    assert entry.values == (10,) * 10
    assert entry.windows["all"] == {"total": 90, "rate": 1.0}


def test_a_counter_cannot_go_down(world: World) -> None:
    with pytest.raises(ValueError, match="cannot go down"):
        Metrics(world, S).host("a").counter("x").add(-1)


def test_a_gauge_is_weighted_by_time(world: World, at: At) -> None:
    metrics = Metrics(world, 100 * S, buckets=10)
    depth = metrics.host("broker").gauge("queue.depth", unit="tasks")
    depth.set(0)
    at(25)
    depth.set(40)
    at(75)
    depth.set(10)
    at(100)
    [entry] = entries(metrics, windows(100 * S, 0, []))
    assert entry.mean == (0, 0, 20, 40, 40, 40, 40, 25, 10, 10)
    assert entry.maximum == (0, 0, 40, 40, 40, 40, 40, 40, 10, 10)
    assert entry.values == (0, 0, 40, 40, 40, 40, 40, 10, 10, 10)
    assert entry.peak == (25 * S, 40)
    assert entry.windows["all"] == {"mean": 22.5, "minimum": 0, "maximum": 40, "last": 10}


def test_a_gauge_ends_with_its_process_and_comes_back(world: World, at: At) -> None:
    metrics = Metrics(world, 40 * S, buckets=4)
    held = metrics.host("workers-1").gauge("leases")
    held.set(4)
    at(10)
    metrics.host_ended("workers-1")
    at(30)
    held.set(2)
    at(40)
    [entry] = entries(metrics, windows(40 * S, 0, []))
    assert entry.mean == (4, None, None, 2)
    assert entry.windows["all"]["mean"] == 3


def test_gauges_of_several_hosts_add_up(world: World, at: At) -> None:
    metrics = Metrics(world, 10 * S, buckets=2)
    for number, host in enumerate(("a", "b", "c")):
        metrics.host(host).gauge("depth").set(number)
    at(10)
    together, *single = entries(metrics, windows(10 * S, 0, []))
    assert together.host is None
    assert together.mean == (3, 3)
    assert [entry.host for entry in single] == ["a", "b", "c"]
    assert statistic(metrics, "depth", "max", (0, 10 * S)) == 2
    assert statistic(metrics, "depth", "mean", (0, 10 * S), host="b") == 1


def test_a_latency_belongs_to_the_window_in_which_its_operation_starts(world: World, at: At) -> None:
    metrics = Metrics(world, 100 * S, buckets=10)
    latency = metrics.host("clients-0").histogram("latency", unit="s")
    at(50)
    latency.record(1.0)
    at(70)
    latency.record(30.0, started_ns=40 * S)
    assert statistic(metrics, "latency", "count", (0, 50 * S)) == 1
    assert statistic(metrics, "latency", "p99", (0, 50 * S)) == 30.0
    assert statistic(metrics, "latency", "p99", (50 * S, 100 * S)) == 1.0
    assert statistic(metrics, "latency", "p99", (80 * S, 100 * S)) is None


def test_quantiles_stay_within_one_percent_when_samples_no_longer_fit(world: World, at: At) -> None:
    metrics = Metrics(world, 100 * S, buckets=10)
    exact, folded = metrics.host("a").histogram("exact"), metrics.host("a").histogram("folded")
    folded.exact_max = 1_024
    for number in range(5_000):
        at(number / 50)
        if number == 2_222:
            metrics.mark()
        for histogram in (exact, folded):
            histogram.record(1.001**number)
    assert exact.exact
    assert not folded.exact
    for window in ((0, 100 * S), (0, round(44.44 * S)), (round(44.44 * S), 100 * S)):
        for word in ("p1", "p50", "p99", "p999"):
            wanted, found = (statistic(metrics, name, word, window) for name in ("exact", "folded"))
            assert wanted
            assert found
            assert abs(found / wanted - 1) < 0.01
        for word in ("count", "maximum", "minimum"):
            assert statistic(metrics, "exact", word, window) == statistic(metrics, "folded", word, window)


def test_all_histograms_fold_when_the_run_reaches_its_limit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "SAMPLES_MAX", 3_000)
    metrics = Metrics(world, S)
    first, second = metrics.host("a").histogram("x"), metrics.host("b").histogram("x")
    for _ in range(2_048):
        first.record(1)
        second.record(2)
    assert not first.exact
    assert not second.exact
    assert statistic(metrics, "x", "count", (0, S)) == 4_096
    assert statistic(metrics, "x", "p50", (0, S)) == pytest.approx(1, rel=0.01)


def test_one_name_has_one_kind_and_one_unit(world: World) -> None:
    metrics = Metrics(world, S)
    metrics.host("a").gauge("depth", unit="tasks")
    assert metrics.host("a").gauge("depth") is metrics.host("a").gauge("depth")
    with pytest.raises(ValueError, match="is a gauge elsewhere"):
        metrics.host("b").counter("depth")
    with pytest.raises(ValueError, match="in tasks elsewhere"):
        metrics.host("b").gauge("depth", unit="bytes")


def test_labels_make_series_and_too_many_are_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_module, "SERIES_MAX", 3)
    host = Metrics(world, S).host("a")
    assert host.counter("calls", to="b") is host.counter("calls", to="b")
    host.counter("calls", to="c")
    host.counter("calls", to="d")
    with pytest.raises(ValueError, match="one more than 3 series"):
        host.counter("calls", to="e")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_are_finite(world: World, value: float) -> None:
    host = Metrics(world, S).host("a")
    with pytest.raises(ValueError, match="cannot record"):
        host.histogram("x").record(value)
    with pytest.raises(ValueError, match="cannot show"):
        host.gauge("y").set(value)


def test_unknown_words_are_answered_with_the_known_ones(world: World) -> None:
    metrics = Metrics(world, S)
    metrics.host("a").gauge("depth").set(1)
    with pytest.raises(ValueError, match="a gauge has no 'p99'; it has mean, minimum"):
        statistic(metrics, "depth", "p99", (0, S))
    with pytest.raises(KeyError):
        statistic(metrics, "dept", "mean", (0, S))


def test_quantile_words() -> None:
    words = ["p5", "p50", "p99", "p999", "p9999"]
    assert [fraction_of(word) for word in words] == [0.05, 0.5, 0.99, 0.999, 0.9999]
    assert fraction_of("mean") is None
