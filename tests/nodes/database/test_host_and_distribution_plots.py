"""Figures of hosts and of distributions, each from a handful of events."""

from simkit_nodes.blocks.lsm.gauges import EngineShaped
from simkit_nodes.database.distribution_plots import DISTRIBUTION_PLOTS, POINTS_MAX, CommitLatency, ElectionTimes
from simkit_nodes.database.elections import LeaderFound
from simkit_nodes.database.events import ClockCompared, TransactionCommitted
from simkit_nodes.database.host_plots import HOST_PLOTS, ClockOffsets, Levels, WriteAmplification

MS = 1_000_000


def drawn(plot, *events):
    for time_ns, host, event in events:
        for see in plot.sights(type(event)):
            see(time_ns, host, event)
    return plot.picture(1000)


def committed(took_ms, writes=1):
    return TransactionCommitted(1, 1, writes, 1, 1, took_ms * MS)


def test_a_distribution_climbs_from_the_smallest_to_all_of_them():
    picture = drawn(CommitLatency(), *((0, "g", committed(took)) for took in (4, 2, 8, 6)), (0, "g", committed(1, 0)))
    (curve,) = picture.curves
    assert (curve.x, curve.y) == ((2.0, 4.0, 6.0, 8.0), (25.0, 50.0, 75.0, 100.0))
    assert picture.logarithmic == ""


def test_many_values_are_thinned_out_and_their_ends_stay():
    picture = drawn(ElectionTimes(), *((0, "w", LeaderFound(ms * MS)) for ms in range(1, 5001)))
    (curve,) = picture.curves
    assert len(curve.x) == POINTS_MAX
    assert (curve.x[0], curve.x[-1], curve.y[-1]) == (1.0, 5000.0, 100.0)
    assert all(abs(100 * x / 5000 - y) < 0.05 for x, y in zip(curve.x, curve.y, strict=True))
    assert picture.logarithmic == "x"


def test_levels_add_up_over_stores_and_one_that_empties_is_drawn_at_zero():
    picture = drawn(
        Levels(),
        (100, "a", EngineShaped((2 * 10**6, 0), 1, 1)),
        (200, "b", EngineShaped((10**6, 0), 1, 1)),
        (300, "a", EngineShaped((0, 2 * 10**6), 1, 1)),
        (400, "b", EngineShaped((0, 3 * 10**6), 1, 1)),
    )
    zero, one = picture.curves
    assert zero.y == (2.0, 3.0, 1.0, 0.0, 0.0)
    assert (one.x, one.y) == ((300.0, 400.0, 1000.0), (2.0, 5.0, 5.0))


def test_write_amplification_is_each_stores_own():
    picture = drawn(
        WriteAmplification(),
        (0, "a", EngineShaped((0,), 0, 0)),
        (100, "a", EngineShaped((50,), 100, 50)),
        (200, "b", EngineShaped((300,), 100, 300)),
    )
    assert [(curve.label, curve.y) for curve in picture.curves] == [("a", (0.5, 0.5)), ("b", (3.0, 3.0))]


def test_clocks_that_were_never_off_are_not_drawn():
    events = (100, "a", ClockCompared(5 * MS)), (100, "b", ClockCompared(0)), (300, "a", ClockCompared(-2 * MS))
    (curve,) = drawn(ClockOffsets(), *events).curves
    assert (curve.label, curve.x, curve.y) == ("a", (0.0, 100.0, 300.0, 1000.0), (0.0, 5.0, -2.0, -2.0))


def test_a_run_without_events_has_no_figures():
    plots = (*DISTRIBUTION_PLOTS, *HOST_PLOTS)
    assert [plot().picture(1000) for plot in plots] == [None] * len(plots)
