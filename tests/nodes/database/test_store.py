"""A store's replication on simulated hosts: what is acknowledged survives, whoever leads, and ranges change shape."""

from dataclasses import replace

import pytest
from store_site import OPTIONS, SECOND, Site

from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftSnapshotInstalled
from simkit_nodes.database.errors import AmbiguousResult, NotLeaseholder, RangeMismatch, Unavailable
from simkit_nodes.database.range import AbandonTrigger, Command, MergeTrigger, RangeDescriptor, SplitTrigger
from simkit_nodes.database.store import Timing


@pytest.fixture
def new_site():
    made = []

    def make(*args, **options):
        made.append(Site(*args, **options))
        made[-1].elapse(2)
        return made[-1]

    yield make
    for site in made:
        site.close()


def test_one_leaseholder_is_found_and_every_replica_applies_what_it_proposes(new_site):
    site = new_site()
    assert site.put(b"a", b"1")
    site.elapse(0.5)
    assert [site.get(b"a", name) for name in site.names] == [b"1"] * 3
    assert len({replica.tenure for name in site.names if (replica := site.replica(name)).tenure}) == 1


def test_followers_refuse_and_name_the_leaseholder(new_site):
    site = new_site()
    follower = next(name for name in site.names if name != site.leader())
    with pytest.raises(NotLeaseholder) as refused:
        site.on(follower, site.replica(follower).propose(Command()))
    assert refused.value.hint == site.leader()


def test_what_was_acknowledged_survives_a_power_cut_of_everybody(new_site):
    site = new_site()
    for number in range(20):
        assert site.put(b"key%d" % number, b"%d" % number)
    for name in site.names:
        site.power_cut(name)
    for name in site.names:
        site.start(name)
    site.elapse(2)
    assert [site.get(b"key%d" % number, site.leader()) for number in range(20)] == [b"%d" % n for n in range(20)]


def test_another_store_takes_over_when_the_leaseholder_dies(new_site):
    site = new_site()
    assert site.put(b"a", b"1")
    dead = site.leader()
    site.power_cut(dead)
    site.elapse(2)
    assert site.leader() not in (None, dead)
    assert site.put(b"a", b"2")
    site.start(dead)
    site.elapse(1)
    assert site.get(b"a", dead) == b"2"


def test_an_idle_group_falls_silent_and_wakes_when_its_leaders_store_dies(new_site):
    site = new_site()
    site.elapse(3)
    leader = site.leader()
    assert site.lead().raft.replication.silent
    elections = len(site.told(RaftBecameLeader))
    site.elapse(20)
    assert len(site.told(RaftBecameLeader)) == elections
    site.power_cut(leader)
    site.elapse(3)
    assert site.leader() not in (None, leader)
    assert site.put(b"a", b"1")


def test_a_new_replica_gets_a_snapshot_and_then_counts(new_site):
    site = new_site(4)
    for number in range(50):
        site.put(b"key%d" % number, b"x" * 100)
    site.on(site.leader(), site.lead().add("s4"))
    assert site.get(b"key49", "s4") == b"x" * 100
    assert site.lead().descriptor.replicas == ("s1", "s2", "s3", "s4")
    site.power_cut(next(name for name in ("s1", "s2", "s3") if name != site.leader()))
    assert site.put(b"a", b"1")


def test_a_removed_replica_is_deleted_with_its_data(new_site):
    site = new_site()
    site.put(b"a", b"1")
    gone = next(name for name in site.names if name != site.leader())
    site.on(site.leader(), site.lead().remove(gone))
    site.elapse(3)
    assert 1 not in site.stores[gone].replicas
    assert site.get(b"a", gone) is None
    assert site.put(b"a", b"2")


def split(site, range_id=1, at=b"m", new_id=2):
    lead = site.lead(range_id)
    before = lead.descriptor
    left = RangeDescriptor(range_id, before.begin, at, before.replicas, before.generation + 1)
    right = RangeDescriptor(new_id, at, before.end, before.replicas, before.generation + 1)
    site.on(site.leader(range_id), lead.propose(Command(trigger=SplitTrigger(left, right))))
    return left, right


def frozen(site, left_id=1, right_id=2):
    """Freeze a range for its left neighbour; return what merges them."""
    left, right = site.lead(left_id).descriptor, site.lead(right_id).descriptor
    index = site.on(site.leader(right_id), site.lead(right_id).freeze(left, right.generation))
    generation = max(left.generation, right.generation) + 1
    whole = RangeDescriptor(left_id, left.begin, right.end, left.replicas, generation)
    return MergeTrigger(left.generation, whole, right, index)


def merge(site, left_id=1, right_id=2):
    trigger = frozen(site, left_id, right_id)
    site.on(site.leader(left_id), site.lead(left_id).propose(Command(trigger=trigger)))


def test_a_split_leaves_the_data_where_it_is_and_the_new_range_serves_at_once(new_site):
    site = new_site()
    site.put(b"a", b"1")
    site.put(b"z", b"2")
    split(site)
    site.elapse(0.2)
    assert site.put(b"z", b"3", range_id=2)
    site.elapse(0.3)
    assert [site.get(b"z", name) for name in site.names] == [b"3"] * 3
    assert site.lead(1).descriptor.end == site.lead(2).descriptor.begin == b"m"


def test_of_two_changes_of_one_descriptor_one_wins(new_site):
    site = new_site()
    lead = site.lead()
    before = lead.descriptor
    left = RangeDescriptor(1, b"", b"m", before.replicas, 1)
    right = RangeDescriptor(2, b"m", before.end, before.replicas, 1)
    trigger = Command(trigger=SplitTrigger(left, right))
    site.on(site.leader(), lead.propose(trigger))
    with pytest.raises(RangeMismatch):
        site.on(site.leader(), lead.propose(trigger))
    assert lead.descriptor == left


def test_a_merge_takes_the_neighbour_in_and_it_serves_nobody_meanwhile(new_site):
    site = new_site()
    site.put(b"z", b"1")
    split(site)
    site.elapse(1)
    right = site.lead(2)
    merge(site)
    site.elapse(0.5)
    assert right.gone
    assert not right.tenure
    assert all(list(store.replicas) == [1] for store in site.stores.values())
    assert site.put(b"z", b"2")
    site.elapse(0.3)
    assert [site.get(b"z", name) for name in site.names] == [b"2"] * 3


def test_splits_and_merges_are_found_again_after_a_power_cut_that_takes_the_engine_back(new_site):
    site = new_site()
    site.put(b"a", b"1")
    split(site)
    site.elapse(0.5)
    site.put(b"z", b"2", range_id=2)
    split(site, 2, b"t", 3)
    site.elapse(0.5)
    site.put(b"z", b"3", range_id=3)
    merge(site, 1, 2)
    for name in site.names:
        site.power_cut(name)
        site.start(name)
    site.elapse(3)
    assert {tuple(sorted(store.replicas)) for store in site.stores.values()} == {(1, 3)}
    assert site.get(b"z", site.leader(3)) == b"3"
    assert site.put(b"z", b"4", range_id=3)


def test_a_replica_that_was_away_too_long_gets_a_snapshot_in_pieces(new_site):
    site = new_site()
    away = next(name for name in site.names if name != site.leader())
    site.power_cut(away)
    command = [Command(tuple((b"k%d/%d" % (n, m), b"x" * 400) for m in range(4))) for n in range(1300)]

    async def load():
        for each in command:
            await site.lead().propose(each)

    site.on(site.leader(), load(), within_s=60)
    site.elapse(3)
    assert site.lead().raft.log.snapshot_index > 300
    site.start(away)
    site.elapse(3)
    assert len(site.told(RaftSnapshotInstalled)) == 1
    assert site.get(b"1299/3", away) == b"x" * 400
    assert site.replica(away).raft.log.last_index == site.lead().raft.log.last_index


def test_the_log_is_cut_and_restarts_from_what_is_left(new_site):
    site = new_site()

    async def load():
        for number in range(600):
            await site.lead().propose(Command(((b"k%d" % (number % 10), b"%d" % number + b"x" * 16000),)))

    site.on(site.leader(), load(), within_s=60)
    for name in site.names:
        assert sum(site.hosts[name].disk.size(file) for file in site.hosts[name].disk.names("raft/")) < 9_000_000
        site.kill(name)
        site.start(name)
    site.elapse(2)
    assert site.get(b"9", site.leader()).startswith(b"599")


@pytest.mark.parametrize("synced", [True, False])
def test_a_log_that_is_not_synced_loses_what_was_acknowledged(new_site, synced):
    site = new_site(timing=Timing(2 * SECOND, log_sync=synced))
    for number in range(20):
        assert site.put(b"key%d" % number, b"%d" % number)
    for name in site.names:
        site.power_cut(name)
        site.start(name)
    site.elapse(3, safe=synced)
    found = [site.get(b"key%d" % number, site.names[0]) for number in range(20)]
    assert (found.count(None) == 0) is synced
    assert bool(site.broken()) is not synced


@pytest.mark.parametrize("guarded", [True, False])
def test_a_clock_that_is_not_trusted_ends_the_lease_unless_the_guard_is_off(new_site, guarded):
    site = new_site(options=replace(OPTIONS, lease_clock_guard=guarded))
    lead = site.lead()
    site.on(site.leader(), lead.confirm())
    assert lead.raft.reads.lease_index() is not None
    site.stores[site.leader()].trust_clock(False)
    assert (lead.raft.reads.lease_index() is None) is guarded
    site.on(site.leader(), lead.confirm())  # by a round of ReadIndex


def test_a_leaseholder_that_is_cut_off_confirms_nothing(new_site):
    site = new_site()
    lead, name = site.lead(), site.leader()
    for other in site.names:
        if other != name:
            site.kill(other)
    site.elapse(1)
    with pytest.raises((NotLeaseholder, Unavailable)):
        site.on(name, lead.confirm())


def test_a_transfer_moves_the_lease_and_its_tenure(new_site):
    site = new_site()
    first, tenure = site.leader(), site.lead().tenure
    to = next(name for name in site.names if name != first)

    async def hand_over():
        site.lead().transfer(to)

    site.on(first, hand_over())
    site.elapse(0.5)
    assert site.leader() == to
    assert site.lead().tenure > tenure


def test_proposals_without_a_quorum_end_in_time_and_say_that_nobody_knows(new_site):
    site = new_site()
    lead, name = site.lead(), site.leader()
    for other in site.names:
        if other != name:
            site.kill(other)
    with pytest.raises((Unavailable, AmbiguousResult)):
        site.on(name, lead.propose(Command(((b"ka", b"1"),))), within_s=10)


def test_a_range_that_thaws_serves_again_and_the_merge_it_was_frozen_for_comes_too_late(new_site):
    site = new_site()
    site.put(b"z", b"1")
    split(site)
    site.elapse(1)
    trigger = frozen(site)
    before = site.lead(1).descriptor
    right = next(name for name in site.names if site.replica(name, 2).office)
    with pytest.raises(NotLeaseholder):
        site.on(right, site.replica(right, 2).propose(Command(((b"kz", b"2"),))))
    with pytest.raises(Unavailable):
        site.on(right, site.replica(right, 2).change(site.names[:2]))
    renewed = RangeDescriptor(1, before.begin, before.end, before.replicas, before.generation + 1)
    site.on(site.leader(1), site.lead(1).propose(Command(trigger=AbandonTrigger(renewed))))
    with pytest.raises(RangeMismatch):
        site.on(site.leader(1), site.lead(1).propose(Command(trigger=trigger)))
    site.on(right, site.replica(right, 2).thaw(before))
    assert site.put(b"z", b"3", range_id=2)
    with pytest.raises(RangeMismatch):
        site.on(right, site.replica(right, 2).thaw(before))  # of a freeze that is over
