"""The figures of many ranges, each from a handful of events."""

from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftCampaigned, RaftSteppedDown
from simkit_nodes.database.events import TransactionCommitted, TransactionGivenUp
from simkit_nodes.database.range_plots import RANGE_PLOTS, LeaderMap, Outcomes, Terms


def drawn(plot, *events):
    for time_ns, host, event in events:
        for see in plot.sights(type(event)):
            see(time_ns, host, event)
    return plot.picture(1000)


def test_a_leader_has_a_bar_until_it_steps_down_or_another_leads():
    picture = drawn(
        LeaderMap(),
        (50, "c", RaftBecameLeader(2, 1)),
        (100, "a", RaftBecameLeader(1, 1)),
        (300, "b", RaftBecameLeader(1, 2)),
        (400, "a", RaftSteppedDown(1, 1, "late")),  # it has been succeeded already
        (600, "b", RaftSteppedDown(1, 2, "no majority")),
        (700, "a", RaftBecameLeader(1, 3)),
    )
    lane, other = picture.lanes
    assert [span.parts[0][:2] for span in lane.spans] == [(100, 300), (300, 600), (700, 1000)]
    assert lane.spans[1].text == "b, term 2"
    assert [span.parts[0][:2] for span in other.spans] == [(50, 1000)]


def test_terms_only_climb_and_asking_is_no_campaign():
    picture = drawn(
        Terms(),
        (100, "a", RaftCampaigned(1, 1, False)),
        (200, "b", RaftCampaigned(1, 9, True)),
        (300, "b", RaftCampaigned(1, 3, False)),
        (400, "a", RaftBecameLeader(1, 2)),
    )
    (curve,) = picture.curves
    assert (curve.x, curve.y) == ((100.0, 300.0, 1000.0), (1.0, 3.0, 3.0))


def test_outcomes_are_rates():
    committed = TransactionCommitted(1, 1, 1, 1)
    picture = drawn(Outcomes(), (0, "g", committed), (1, "g", committed), (900, "g", TransactionGivenUp("40001", "x")))
    rates = {curve.label: sum(curve.y) for curve in picture.curves}
    slot_s = (1000 // 120) / 1e9
    assert round(rates["committed"] * slot_s, 9) == 2
    assert round(rates["given up"] * slot_s, 9) == 1


def test_a_run_without_events_has_no_figures():
    assert [plot().picture(1000) for plot in RANGE_PLOTS] == [None] * len(RANGE_PLOTS)
