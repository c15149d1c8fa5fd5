"""Transactions over ranges without Raft: what they see, what they do to each other, what becomes of the abandoned."""

import asyncio

import pytest
from local_ranges import LocalRanges

from simkit_nodes.database.errors import (
    AmbiguousResult,
    ConcurrentUse,
    InvalidBounds,
    InvalidKey,
    RetryableError,
    TransactionAborted,
    TransactionEnded,
)
from simkit_nodes.database.mvcc.keys import versions_prefix
from simkit_nodes.database.mvcc.record import Status

BORDERS = (b"h", b"p")


def test_a_transaction_reads_what_it_wrote_and_others_only_what_was_committed():
    ranges = LocalRanges(borders=BORDERS)
    one, other = ranges.gateway("one"), ranges.gateway("other")

    async def story():
        first, second = one.begin(), other.begin()
        await first.put(b"a", b"1")
        await first.put(b"z", b"2")
        assert await first.get(b"a") == b"1"
        assert await first.scan(b"a", b"zz") == [(b"a", b"1"), (b"z", b"2")]
        await second.put(b"b", b"3")
        assert await second.get(b"c") is None
        await first.commit()
        assert await second.get(b"k") is None
        await second.commit()
        third = other.begin()
        assert await third.scan(b"a", b"zz") == [(b"a", b"1"), (b"b", b"3"), (b"z", b"2")]
        await third.commit()
        assert await other.get(b"b") == b"3"

    ranges.run(story())


def test_a_key_that_is_written_again_after_its_write_has_left_leaves_no_intent():
    ranges = LocalRanges(borders=BORDERS)
    database = ranges.gateway(heartbeats=False)

    async def story():
        transaction = database.begin()
        await transaction.put(b"a", b"1")
        assert await transaction.get(b"b") is None
        await transaction.put(b"a", b"2")
        await transaction.commit()
        began = asyncio.get_running_loop().time()
        assert await database.get(b"a") == b"2"
        assert asyncio.get_running_loop().time() - began < 0.1

    ranges.run(story())


@pytest.mark.parametrize("options", [{}, {"parallel_commits": False}, {"pipelined": False}])
def test_a_commit_across_ranges_is_seen_whole_or_not_at_all(options):
    ranges = LocalRanges(borders=BORDERS)
    writer, reader = ranges.gateway("writer", **options), ranges.gateway("reader")
    keys = [b"a", b"k", b"z"]

    async def write():
        for number in range(30):

            async def all_three(transaction, value=b"%d" % number):
                for key in keys:
                    await transaction.put(key, value)
                    if key == b"k":
                        await transaction.get(b"elsewhere")

            await writer.run(all_three)
            await asyncio.sleep(0.02)

    async def read():
        seen = set()
        for _ in range(60):

            async def look(transaction):
                return [await transaction.get(key) for key in keys]

            values = await reader.run(look)
            assert len(set(values)) == 1, values
            seen |= set(values)
            await asyncio.sleep(0.003)
        return seen

    _, seen = ranges.run(write(), read())
    assert len(seen) > 5


def test_two_that_increment_the_same_counter_do_not_lose_an_update():
    ranges = LocalRanges(borders=BORDERS)
    gateways = [ranges.gateway(f"gateway-{number}") for number in range(4)]

    async def increments(gateway):
        for _ in range(15):

            async def once(transaction):
                await transaction.put(b"n", b"%d" % (int(await transaction.get(b"n") or 0) + 1))

            await gateway.run(once)

    ranges.run(*map(increments, gateways))
    assert ranges.run(gateways[0].get(b"n")) == [b"60"]


async def write_skew(database, isolation):
    """Two doctors on call, each of whom leaves because the other one stays."""
    setting = database.begin()
    await setting.put(b"a", b"on")
    await setting.put(b"z", b"on")
    await setting.commit()
    one, two = database.begin(isolation), database.begin(isolation)
    for transaction in (one, two):
        assert await transaction.get(b"a") == await transaction.get(b"z") == b"on"
    await one.put(b"a", b"off")
    await two.put(b"z", b"off")
    results = await asyncio.gather(one.commit(), two.commit(), return_exceptions=True)
    return [type(each) for each in results]


def test_serializable_transactions_do_not_skew_and_snapshots_do():
    for seed in range(5):
        ranges = LocalRanges(seed, borders=BORDERS)
        (serializable,) = ranges.run(write_skew(ranges.gateway(), "serializable"))
        assert RetryableError in serializable
        ranges = LocalRanges(seed, borders=BORDERS)
        (snapshot,) = ranges.run(write_skew(ranges.gateway(), "snapshot"))
        assert snapshot == [int, int]


def test_without_read_refresh_serializable_transactions_skew():
    ranges = LocalRanges(borders=BORDERS)
    assert ranges.run(write_skew(ranges.gateway(read_refresh=False), "serializable")) == [[int, int]]


def test_snapshots_do_not_lose_updates():
    ranges = LocalRanges(borders=BORDERS)
    database = ranges.gateway()

    async def story():
        one, two = database.begin("snapshot"), database.begin("snapshot")
        for transaction in (one, two):
            assert await transaction.get(b"n") is None
        await one.put(b"n", b"1")
        await one.commit()
        await two.put(b"n", b"1")
        with pytest.raises(RetryableError):
            await two.commit()

    ranges.run(story())


def slow_clock_misses_a_write(**options):
    """A gateway whose clock is behind reads after a write was acknowledged elsewhere; return what it sees."""
    ranges = LocalRanges(borders=BORDERS, offsets_ns={"behind": -200_000_000, "store-1": 0})
    writer, behind = ranges.gateway("writer"), ranges.gateway("behind", **options)

    async def story():
        await writer.put(b"a", b"old")
        await asyncio.sleep(0.5)
        await writer.put(b"a", b"new")
        transaction = behind.begin()
        value = await transaction.get(b"a")
        await transaction.commit()
        return value

    return ranges.run(story())[0]


def test_the_uncertainty_interval_covers_a_clock_that_is_behind():
    assert slow_clock_misses_a_write() == b"new"
    assert slow_clock_misses_a_write(uncertainty=False) == b"old"


def test_of_a_deadlock_the_youngest_is_aborted():
    ranges = LocalRanges(borders=BORDERS)
    database = ranges.gateway()
    keys = [b"a", b"k", b"z"]

    async def story():
        transactions = []
        for key in keys:
            transaction = database.begin()
            await transaction.put(key, b"mine")
            await transaction.get(b"unrelated")
            transactions.append(transaction)
            await asyncio.sleep(0.01)
        for transaction, key in zip(transactions, keys[1:] + keys[:1], strict=True):
            await transaction.put(key, b"yours")
        return transactions, await asyncio.gather(
            *(transaction.commit() for transaction in transactions), return_exceptions=True
        )

    ((transactions, results),) = ranges.run(story())
    assert [type(each) for each in results] == [int, int, TransactionAborted]
    assert [victim for victim, _ in ranges.deadlocks] == [transactions[2].transaction_id]
    assert sorted(ranges.deadlocks[0][1]) == sorted(each.transaction_id for each in transactions)


def test_what_a_dead_coordinator_has_written_is_taken_away_after_a_while():
    ranges = LocalRanges(borders=BORDERS)
    dead, alive = ranges.gateway("dead", heartbeats=False), ranges.gateway("alive")

    async def story():
        transaction = dead.begin()
        await transaction.put(b"z", b"lost")
        await transaction.get(b"a")
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        assert await alive.get(b"z") is None
        assert 1 < asyncio.get_running_loop().time() - began < 3
        await transaction.get(b"b")
        await transaction.put(b"a", b"late")
        with pytest.raises(RetryableError):
            await transaction.commit()

    ranges.run(story())


def test_heartbeats_keep_a_slow_transaction_alive():
    ranges = LocalRanges(borders=BORDERS)
    slow, other = ranges.gateway("slow"), ranges.gateway("other")

    async def story():
        transaction = slow.begin()
        await transaction.put(b"z", b"slow")
        await transaction.get(b"a")
        await asyncio.sleep(4)
        await transaction.commit()

    async def waits():
        await asyncio.sleep(1)
        return await other.get(b"z")

    assert ranges.run(story(), waits())[1] == b"slow"


async def dies_while_committing(ranges, *, arrives):
    """A gateway dies between staging and its acknowledgements; return what another one finds."""
    dying, alive = ranges.gateway("dying", heartbeats=False), ranges.gateway("alive")
    await asyncio.gather(*(dying.get(key) for key in (b"a", b"z")))
    transaction = dying.begin()
    await transaction.put(b"a", b"1")
    await transaction.put(b"z", b"2")
    ranges.mute.add("dying")
    if not arrives:
        ranges.cut.add(("dying", "store-3"))
    commit = asyncio.get_running_loop().create_task(transaction.commit())
    await asyncio.sleep(0.05)
    commit.cancel()
    return [await alive.get(key) for key in (b"z", b"a")]


@pytest.mark.parametrize("arrives", [True, False])
def test_a_staged_transaction_is_recovered_by_whether_its_writes_are_there(arrives):
    ranges = LocalRanges(borders=BORDERS)
    (values,) = ranges.run(dies_while_committing(ranges, arrives=arrives))
    assert values == ([b"2", b"1"] if arrives else [None, None])
    assert [status for _, status in ranges.recovered] == [Status.COMMITTED if arrives else Status.ABORTED]


def test_without_asking_for_intents_half_a_transaction_commits():
    ranges = LocalRanges(borders=BORDERS, query_intent=False)
    (values,) = ranges.run(dies_while_committing(ranges, arrives=False))
    assert values == [None, b"1"]


@pytest.mark.parametrize("isolation", ["serializable", "snapshot"])
@pytest.mark.parametrize("lost", [1, 3])
def test_a_commit_in_one_phase_whose_answer_was_lost_is_not_done_twice(lost, isolation):
    ranges = LocalRanges(borders=BORDERS)
    unlucky, other = ranges.gateway("unlucky"), ranges.gateway("other")

    async def increment(gateway):
        async def step(transaction):
            await transaction.put(b"a", b"%d" % (int(await transaction.get(b"a") or b"0") + 1))

        await gateway.run(step)

    async def story():
        await unlucky.get(b"a")  # to know the range
        transaction = unlucky.begin(isolation)
        assert await transaction.get(b"b") is None
        await transaction.put(b"a", b"1")
        await transaction.put(b"b", b"1")
        ranges.forgetful["unlucky"] = lost
        commit = asyncio.get_running_loop().create_task(transaction.commit())
        await asyncio.sleep(0.1)  # it has happened, and the answer is lost
        await increment(other)
        assert await commit < other.clock.now()
        assert not transaction.has_departed
        return [await other.get(key) for key in (b"a", b"b")]

    assert ranges.run(story()) == [[b"2", b"1"]]
    assert [len(versions_of(ranges, key)) for key in (b"a", b"b")] == [2, 1]


def versions_of(ranges, key):
    """What the engine of the first range has of a key, intents included."""
    prefix = versions_prefix(key)
    engine = ranges.evaluators["store-1"].range.engine
    return ranges.run(engine.scan(prefix, prefix + b"\xff" * 9))[0]


def test_a_commit_in_one_phase_that_nobody_answers_is_found_out_or_uncertain():
    ranges = LocalRanges(borders=BORDERS)
    unlucky = ranges.gateway("unlucky")

    async def story():
        await unlucky.get(b"a")
        transaction = unlucky.begin()
        await transaction.put(b"a", b"1")
        ranges.forgetful["unlucky"] = 10_000
        with pytest.raises(AmbiguousResult):
            await transaction.commit()

    ranges.run(story())


def test_what_a_client_may_not_do_is_refused_and_changes_nothing():
    ranges = LocalRanges(borders=BORDERS)
    database = ranges.gateway()

    async def story():
        transaction = database.begin()
        with pytest.raises(InvalidKey):
            await transaction.put(b"k" * 4097, b"")
        with pytest.raises(InvalidKey):
            await transaction.get(b"\x00meta")
        with pytest.raises(InvalidBounds):
            await transaction.scan(b"b", b"a")
        await transaction.commit()
        with pytest.raises(TransactionEnded):
            await transaction.get(b"a")
        past = database.begin(as_of=database.clock.now())
        with pytest.raises(TransactionEnded):
            await past.put(b"a", b"1")

    ranges.run(story())


def test_a_transaction_reads_one_thing_at_a_time_and_says_so():
    ranges = LocalRanges(borders=BORDERS)
    database = ranges.gateway()

    async def story():
        transaction = database.begin()
        read = asyncio.ensure_future(transaction.get(b"a"))
        await asyncio.sleep(0)
        with pytest.raises(ConcurrentUse, match="get_many"):
            await transaction.get(b"b")
        assert await read is None
        assert await transaction.get_many([b"a", b"b"]) == [None, None]
        await transaction.commit()

    ranges.run(story())


def test_a_transaction_as_of_the_past_sees_the_past():
    ranges = LocalRanges(borders=BORDERS)
    database = ranges.gateway()

    async def story():
        await database.put(b"a", b"old")
        then = database.clock.now()
        await asyncio.sleep(1)
        await database.put(b"a", b"new")
        past = database.begin(as_of=then)
        assert await past.scan(b"a", b"b") == [(b"a", b"old")]
        assert await past.get(b"a") == b"old"
        await past.commit()

    ranges.run(story())


def test_commit_wait_lasts_until_the_timestamp_is_past_on_every_clock():
    ranges = LocalRanges(borders=BORDERS)
    database = ranges.gateway(commit_wait=True)
    database._error_ns = lambda: 5_000_000

    async def story():
        transaction = database.begin()
        await transaction.put(b"a", b"1")
        began = asyncio.get_running_loop().time()
        timestamp = await transaction.commit()
        assert database.clock.physical_now() > timestamp
        assert 0.010 <= asyncio.get_running_loop().time() - began < 0.013

    ranges.run(story())


def test_compare_and_set_sets_once():
    ranges = LocalRanges(borders=BORDERS)
    gateways = [ranges.gateway(f"gateway-{number}") for number in range(5)]

    async def grab(gateway):
        return await gateway.compare_and_set(b"lock", None, b"mine")

    assert sorted(ranges.run(*map(grab, gateways))) == [False] * 4 + [True]
