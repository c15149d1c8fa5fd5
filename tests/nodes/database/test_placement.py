"""The placement driver's parts alone: what it plans, what its hosts agree on, and the check of what comes of it."""

from msgspec.structs import replace

from simkit_nodes.database.checks import ReplicasBack
from simkit_nodes.database.placement.messages import Decision, RangeReport
from simkit_nodes.database.placement.planning import Reported, View, is_done, plan
from simkit_nodes.database.placement.record import Close, Decide, Judge, PlacementRecord, encode_command
from simkit_nodes.database.range import RangeDescriptor
from simkit_nodes.database.replication.events import RangeChanged

ZONES = {"s1": "a", "s2": "b", "s3": "c", "s4": "a", "s5": "b"}


def reported(number, stores, leader=None, learners=(), settled=True):
    report = RangeReport(RangeDescriptor(number, b"%d" % number, b"%d" % (number + 1), stores, 4), learners, 6, settled)
    return Reported(report, leader or stores[0])


def view(*ranges, away=(), there=ZONES, opened=()):
    zones = {store: ZONES[store] for store in there if store not in away}
    return View(zones, frozenset(away), ranges, {each.range_id: each for each in opened}, 3)


def planned(seen, *, replaces=True, balances=True):
    return [(each.kind, each.range_id, each.stores) for each in plan(seen, replace=replaces, balance=balances)]


def test_a_replica_on_a_store_that_stays_away_goes_to_the_emptiest_store_of_a_zone_that_lacks_one():
    seen = view(reported(1, ("s1", "s2", "s3"), "s2"), reported(2, ("s2", "s4", "s5"), "s2"), away=["s3"])
    assert planned(seen, balances=False) == [("relocate", 1, ("s1", "s2", "s4"))]
    assert planned(seen, replaces=False, balances=False) == []


def test_zones_come_before_counts():
    seen = view(reported(1, ("s1", "s5", "s3"), "s1"), reported(2, ("s2", "s4", "s3")), away=["s1"])
    assert planned(seen, balances=False)[0] == ("relocate", 1, ("s5", "s3", "s4"))  # zone a lacks one


def test_where_nobody_can_take_a_replica_it_is_not_given_up():
    seen = view(reported(1, ("s1", "s2", "s3")), away=["s3"], there=["s1", "s2"])
    assert planned(seen, balances=False) == []


def test_a_range_with_too_few_gets_more_and_a_forgotten_learner_goes():
    assert planned(view(reported(1, ("s1", "s2"))), balances=False) == [("relocate", 1, ("s1", "s2", "s3"))]
    left = view(reported(1, ("s1", "s2", "s3"), learners=("s4",)))
    assert planned(left, balances=False) == [("relocate", 1, ("s1", "s2", "s3"))]


def test_what_is_under_way_is_left_alone():
    opened = Decision("relocate", 1, 4, ("s1", "s2", "s4"), "")
    assert planned(view(reported(1, ("s1", "s2", "s3")), away=["s3"], opened=[opened])) == []
    assert planned(view(reported(1, ("s1", "s2", "s3"), settled=False), away=["s3"]), balances=False) == []


def test_replicas_and_leases_are_spread_until_nobody_has_two_more():
    ranges = [reported(number, ("s1", "s2", "s3"), "s1") for number in range(1, 4)]
    assert planned(view(*ranges)) == [("relocate", 1, ("s1", "s3", "s5")), ("transfer", 1, ("s2",))]
    even = [reported(1, ("s1", "s2", "s3"), "s1"), reported(2, ("s4", "s5", "s3"), "s4")]
    assert planned(view(*even)) == []


def test_plans_come_to_rest():
    ranges = {number: reported(number, ("s1", "s2", "s3"), "s1") for number in range(1, 8)}
    for _ in range(60):
        decisions = list(plan(view(*ranges.values()), replace=True, balance=True))
        if not decisions:
            break
        for decision in decisions:
            before = ranges[decision.range_id]
            if decision.kind == "transfer":
                ranges[decision.range_id] = Reported(before.report, decision.stores[0])
            else:
                descriptor = replace(before.report.descriptor, replicas=decision.stores)
                leader = before.leader if before.leader in decision.stores else decision.stores[0]
                ranges[decision.range_id] = Reported(replace(before.report, descriptor=descriptor), leader)
            assert is_done(decision, ranges[decision.range_id])
            break
    assert planned(view(*ranges.values())) == []


def test_of_a_range_one_decision_is_open_and_a_snapshot_has_it_all():
    record = PlacementRecord()
    decision = Decision("relocate", 7, 4, ("s1", "s2", "s4"), "why")
    decided = record.apply(encode_command(Decide(decision)))
    assert decided == replace(decision, number=1)
    assert record.apply(encode_command(Decide(replace(decision, stores=("s1",))))) is None
    assert record.apply(encode_command(Judge("s3", away=True))) is True
    assert record.apply(encode_command(Judge("s3", away=True))) is False
    other = PlacementRecord()
    other.restore(record.snapshot())
    assert (other.open, other.away, other.last) == ({7: decided}, {"s3": None}, 1)
    other.apply(encode_command(Close(1)))
    assert other.apply(encode_command(Decide(decision))).number == 2
    assert other.apply(encode_command(Judge("s3", away=False))) is True


def changed(check, generation, stores, how="replicas"):
    event = RangeChanged(1, b"", b"\xff", stores, generation, how)
    for see in check.sights(RangeChanged):
        see(0, stores[0], event)


def test_replicas_are_back_when_all_are_on_hosts_that_nothing_has_struck():
    check = ReplicasBack()
    changed(check, 0, ("s1", "s2", "s3"), "bootstrap")
    assert check.holds
    check.fault_began(5, "dies", ("s3",))
    assert not check.holds
    assert "2 of 3 replicas" in check.unmet().text
    changed(check, 1, ("s1", "s2"))
    assert not check.holds
    changed(check, 2, ("s1", "s2", "s4"))
    assert check.holds
    check.fault_ended(9, "dies", ("s3",))
    assert check.holds
