"""Columns: short outages show, letters are unique, and the metric that moved most is found."""

from simkit.observe.document import Document, FaultEntry, HostEntry, MetricEntry
from simkit.report.strips import (
    column_of,
    fault_columns,
    fault_letters,
    fewest_up,
    headline,
    highest,
    level,
    metric_columns,
    round_step,
    state_at,
)
from simkit.report.timeline import lanes


def document(**fields: object) -> Document:
    """A run of 100 ns with two hosts, `a` up and `b` down for a moment in the middle of column 3 of 10."""
    base = {
        "scenario": "x",
        "seed": 1,
        "duration_ns": 100,
        "verdict": "pass",
        "hosts": (HostEntry(name="a", group="g"), HostEntry(name="b", group="g")),
        "host_states": {"a": ((0, "up"),), "b": ((0, "up"), (34, "down"), (35, "up"), (50, "paused"), (60, "up"))},
    }
    return Document(**{**base, **fields})  # type: ignore[arg-type]


def gauge(name: str, *values: float, **fields: object) -> MetricEntry:
    """A gauge with one value for each of equal buckets."""
    times_ns = tuple(place * 100 // len(values) for place in range(len(values)))
    return MetricEntry(name=name, kind="gauge", times_ns=times_ns, maximum=values, mean=values, **fields)  # type: ignore[arg-type]


def test_a_short_outage_shows_in_its_column() -> None:
    assert fewest_up(document(), ["a", "b"], 10) == [2, 2, 2, 1, 2, 1, 2, 2, 2, 2]


def test_a_run_that_ended_early_has_fewer_columns() -> None:
    assert fewest_up(document(ended_ns=45), ["a", "b"], 10) == [2, 2, 2, 1, 2]


def test_the_end_belongs_to_the_last_column() -> None:
    assert [column_of(document(), time_ns, 10) for time_ns in (-5, 0, 9, 10, 99, 100, 500)] == [0, 0, 0, 1, 9, 9, 9]


def test_a_host_is_down_before_and_without_a_boot() -> None:
    assert [state_at(document(), "b", time_ns) for time_ns in (0, 34, 55, 99)] == ["up", "down", "paused", "up"]
    assert state_at(document(), "nobody", 5) == "down"


def test_fault_letters_are_the_first_free_ones() -> None:
    names = [("gc", "pause"), ("losses", "kill"), ("split", "partition"), ("gc", "pause"), ("power", "power_cut")]
    faults = [FaultEntry(name=name, fault=word, begin_ns=0) for name, word in names]
    assert fault_letters(faults) == {"gc": "p", "losses": "k", "split": "s", "power": "o"}


def test_faults_fill_the_columns_in_which_they_hold() -> None:
    faults = (
        FaultEntry(name="held", fault="pause", begin_ns=20, end_ns=40),
        FaultEntry(name="struck", fault="wipe", begin_ns=30, end_ns=30, kind="act"),
        FaultEntry(name="stays", fault="slow", begin_ns=85),
    )
    found = fault_columns(document(faults=faults), 10)
    assert found == [[], [], ["held"], ["held", "struck"], [], [], [], [], ["stays"], ["stays"]]


def test_the_gauge_that_moved_most_is_the_one_that_left_its_habit() -> None:
    restless = gauge("restless", *[0, 100] * 10)
    calm = gauge("calm", *[10] * 8, 11, 12, 400, 90, *[10] * 8)
    flag = gauge("flag", *[0] * 19, 1)
    found = headline(document(metrics=(restless, flag, calm)))
    assert found is not None
    assert found.name == "calm"


def test_a_declared_headline_goes_before_and_none_is_no_error() -> None:
    chosen = headline(document(metrics=(gauge("a", 1, 2, 3), gauge("b", 1, 1, 1)), headline="b"))
    assert chosen is not None
    assert chosen.name == "b"
    assert headline(document()) is None


def test_all_hosts_together_go_before_single_hosts() -> None:
    single, together = gauge("depth", 0, 9, 0, host="a"), gauge("depth", 0, 5, 1)
    assert headline(document(metrics=(together, single))) is together


def test_a_metric_has_its_highest_value_in_each_column() -> None:
    metric = gauge("depth", 1, 7, 2, 3)
    assert metric_columns(document(), metric, 2) == [7, 3]
    assert highest(metric) == (25, 7)
    assert [level(value, 7) for value in (None, 0, 2, 4, 7)] == [" ", ".", ":", "+", "#"]


def test_steps_are_round() -> None:
    assert [round_step(length, 5) for length in (20, 90, 7, 1, 0.03)] == [5, 20, 2, 0.2, 0.01]


def test_a_group_that_is_not_all_up_has_a_line_below_however_large_it_is() -> None:
    hosts = tuple(HostEntry(name=f"h{number}", group="g") for number in range(300))
    states = {host.name: ((0, "up"),) for host in hosts}
    whole = lanes(document(hosts=hosts, host_states=states))
    short = lanes(document(hosts=hosts, host_states={**states, "h7": ((0, "up"), (30, "down"), (60, "up"))}))
    assert 'class="down"' not in whole
    assert '<path class="down" d="M300.0 22H600.0v2H300.0Z"/>' in short
