"""Closed timestamps: what is promised is kept, and followers answer what is closed, and nothing else."""

import asyncio

import pytest
from cluster_site import SECOND, STORES, Cluster

from simkit_nodes.blocks.hybrid_logical_clock import physical_ns, span_of
from simkit_nodes.database.events import PastRead
from simkit_nodes.database.messages import (
    Batch,
    Get,
    Header,
    QueryResolvedTimestamp,
    Reason,
    ResolvedTimestamp,
    Rows,
    Scan,
    Value,
)
from simkit_nodes.database.programs import Executed, ReadPast
from simkit_nodes.database.ranges.bootstrap import numbered_key
from simkit_nodes.database.replication.closing import Closed, Promise
from simkit_nodes.database.transactions.latches import Latches
from simkit_nodes.database.transactions.write_tracker import WriteTracker

LAG_NS = 500 * 1_000_000
KEYS = [numbered_key("users", number, 10) for number in range(10)]
USERS = 2  # the range of the key space `users`


@pytest.fixture
def new_cluster():
    made = []

    def make(**options):
        store = {"closed_lag": "500ms", "max_offset": "250ms"} | options.pop("store", {})
        made.append(Cluster(store=store, gateway={"closed_lag": "500ms"}, **options))
        made[-1].elapse(3)
        return made[-1]

    yield make
    for cluster in made:
        cluster.close()


@pytest.fixture
def cluster(new_cluster):
    return new_cluster()


def replica(cluster, name):
    return cluster.nodes[name].store.replicas[USERS]


def leader(cluster):
    return next(name for name in STORES if replica(cluster, name).tenure)


def followers(cluster):
    return [name for name in STORES if name != leader(cluster)]


def write(cluster, key, value):
    answer = cluster.run(("write", key, value))
    assert answer.outcome == "committed"
    return answer.timestamp


def at(timestamp, requests, range_id=USERS):
    header = Header(7, b"", timestamp, timestamp, timestamp, timestamp)
    return Batch(timestamp, range_id, header, requests)


def serve(cluster, name, batch):
    return cluster.on(name, cluster.nodes[name].evaluators[batch.range_id].serve(batch))


def test_every_replica_answers_a_read_at_a_closed_timestamp(cluster):
    first = write(cluster, KEYS[0], b"old")
    cluster.elapse(2)
    second = write(cluster, KEYS[0], b"new")
    cluster.elapse(2)
    requests = (Get(KEYS[0]), Scan(KEYS[0], KEYS[0] + b"\0"))
    for name in STORES:
        assert serve(cluster, name, at(first, requests)).responses == (Value(b"old"), Rows(((KEYS[0], b"old"),)))
        assert serve(cluster, name, at(second, requests)).responses[0] == Value(b"new")


def test_a_follower_sends_a_reader_of_the_present_to_the_leaseholder(cluster):
    timestamp = write(cluster, KEYS[0], b"new")
    for name in followers(cluster):
        reply = serve(cluster, name, at(timestamp, (Get(KEYS[0]),)))
        assert reply.trouble.reason is Reason.NOT_LEASEHOLDER
        assert reply.trouble.hint == leader(cluster)


def test_a_reader_with_an_uncertainty_interval_beyond_what_is_closed_goes_to_the_leaseholder(cluster):
    timestamp = write(cluster, KEYS[0], b"new")
    cluster.elapse(2)
    batch = at(timestamp, (Get(KEYS[0]),))
    uncertain = Header(7, b"", timestamp, timestamp, timestamp, timestamp + span_of(5 * SECOND))
    for name in followers(cluster):
        assert serve(cluster, name, batch).trouble is None
        reply = serve(cluster, name, Batch(timestamp, USERS, uncertain, batch.requests))
        assert reply.trouble.reason is Reason.NOT_LEASEHOLDER


def test_an_intent_sends_a_reader_to_the_leaseholder_and_holds_back_what_is_resolved(cluster):
    write(cluster, KEYS[0], b"committed")

    async def leave_an_intent():
        transaction = cluster.nodes["gateway"].database.begin()
        await transaction.put(KEYS[0], b"provisional")
        await transaction.get(KEYS[1])  # with this the write leaves
        return transaction

    transaction = cluster.on("gateway", leave_an_intent())
    cluster.elapse(2)
    closed = [replica(cluster, name).closed_timestamp for name in STORES]
    assert min(closed) > transaction.write_timestamp
    for name in followers(cluster):
        assert serve(cluster, name, at(min(closed), (Get(KEYS[0]),))).trouble.reason is Reason.NOT_LEASEHOLDER
        query = QueryResolvedTimestamp(KEYS[0], KEYS[0] + b"\0"), QueryResolvedTimestamp(KEYS[5], KEYS[5] + b"\0")
        there, elsewhere = serve(cluster, name, Batch(0, USERS, None, query)).responses
        assert there == ResolvedTimestamp(transaction.write_timestamp - 1)
        assert elsewhere.timestamp >= min(closed)
    cluster.on("gateway", transaction.rollback())


def test_a_transaction_that_began_before_a_timestamp_was_closed_commits_above_it(cluster):
    async def late():
        transaction = cluster.nodes["gateway"].database.begin()
        await transaction.get(KEYS[3])
        await asyncio.sleep(3)
        await transaction.put(KEYS[3], b"late")
        return transaction.begin_timestamp, await transaction.commit()

    closed = []
    cluster.hosts["gateway"].loop.call_later(2.9, lambda: closed.append(replica(cluster, STORES[0]).closed_timestamp))
    begun, committed = cluster.on("gateway", late())
    assert begun < closed[0] < committed


def test_a_range_in_which_nothing_happens_is_closed_as_well(cluster):
    cluster.elapse(20)
    silent = 0
    for _ in range(20):
        cluster.elapse(0.37)
        silent += replica(cluster, leader(cluster)).raft.replication.quiescent
        now_ns = cluster.world.epoch_ns + cluster.world.now_ns
        for name in STORES:
            behind_ns = now_ns - physical_ns(replica(cluster, name).closed_timestamp)
            assert LAG_NS <= behind_ns < LAG_NS + 600 * 1_000_000
    assert silent


def test_without_leases_nothing_is_closed_and_ranges_fall_silent(new_cluster):
    cluster = new_cluster(store={"leases": False})
    cluster.elapse(10)
    assert [replica(cluster, name).closed_timestamp for name in STORES] == [0, 0, 0]
    assert replica(cluster, leader(cluster)).raft.replication.silent


def test_without_a_lag_nothing_is_closed(new_cluster):
    cluster = new_cluster(store={"closed_lag": "0s"})
    write(cluster, KEYS[0], b"1")
    cluster.elapse(5)
    assert [replica(cluster, name).closed_timestamp for name in STORES] == [0, 0, 0]


def test_a_new_leaseholder_writes_above_what_the_one_before_has_promised(cluster):
    old = leader(cluster)
    write(cluster, KEYS[0], b"1")
    cluster.elapse(2)
    promised = max(replica(cluster, name).closed.promised for name in STORES)
    cluster.hosts[old].hold(cluster, "kill")
    cluster.elapse(5)
    new = next(name for name in STORES if name != old and replica(cluster, name).tenure)
    assert replica(cluster, new).low_water > promised
    timestamp = write(cluster, KEYS[0], b"2")
    assert timestamp > promised
    cluster.elapse(2)
    assert replica(cluster, new).closed_timestamp > timestamp


def test_what_is_closed_survives_a_restart_with_what_it_covers(cluster):
    for number in range(5):
        write(cluster, KEYS[number], b"1")
        cluster.elapse(1)
    name = followers(cluster)[0]
    before = replica(cluster, name).state.closed_timestamp
    assert before
    cluster.hosts[name].hold(cluster, "kill")
    cluster.elapse(0.1)
    cluster.hosts[name].release(cluster)
    cluster.elapse(0.2)
    assert replica(cluster, name).closed_timestamp >= before


def test_a_read_of_bounded_staleness_is_fresh_and_near(cluster):
    write(cluster, KEYS[0], b"1")
    cluster.elapse(2)
    answer = cluster.ask(ReadPast((KEYS[0], KEYS[4]), 30 * SECOND, bounded=True, request=5), Executed)
    assert answer.results == (b"1", None)
    age_ns = cluster.world.epoch_ns + cluster.world.now_ns - physical_ns(answer.timestamp)
    assert LAG_NS <= age_ns < 60 * SECOND  # the answer itself was awaited for up to a minute
    (event,) = cluster.told(PastRead)
    assert event.near
    assert event.timestamp == answer.timestamp


def test_a_bound_that_no_follower_can_keep_is_kept_by_the_leaseholder(cluster):
    write(cluster, KEYS[0], b"1")
    cluster.elapse(0.2)
    answer = cluster.ask(ReadPast((KEYS[0],), 100 * 1_000_000, bounded=True, request=5), Executed)
    assert answer.results == (b"1",)


@pytest.mark.parametrize(("waits", "closed"), [(True, 49), (False, 80)])
def test_a_promise_stays_below_a_write_that_is_under_way(waits, closed):
    async def story():
        latches = Latches()
        tracker = WriteTracker(latches, waits=waits)
        assert tracker.close(40) == 40
        latch = await latches.acquire([b"key"])
        tracker.begin(latch, 50)
        assert tracker.close(80) == closed
        latch.release()
        assert tracker.close(80) == 80

    asyncio.run(story())


def test_a_write_that_begins_goes_above_what_is_promised():
    async def story():
        latches = Latches()
        tracker = WriteTracker(latches)
        tracker.close(40)
        tracker.begin(await latches.acquire([b"key"]), 10)
        assert tracker.close(80) == 40

    asyncio.run(story())


@pytest.mark.parametrize(("waits", "early"), [(True, 0), (False, 90)])
def test_a_promise_counts_when_all_that_it_covers_is_applied(waits, early):
    closed = Closed(waits)
    closed.promise(Promise(1, 12, 90), 11)
    assert closed.promised == 90
    assert closed.at(11) == early
    assert closed.at(12) == 90
    closed.promise(Promise(1, 12, 70), 12)
    assert closed.at(12) == 90
