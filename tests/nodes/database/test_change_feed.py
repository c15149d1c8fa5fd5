"""Change feeds: all versions between two times, from ranges that allow none in between any more; a check that can fail.

It deliberately uses ranges without Raft: what replication does to a feed is in the scenario.
"""

from pathlib import Path

import pytest
from local_ranges import LocalRanges

from simkit.explore.run import run_scenario
from simkit.observe.history import Operation
from simkit_nodes.database.change_feed.feeder import ChangeTold, FeedAsked, FeedResolved
from simkit_nodes.database.checks import ChangeFeed

SCENARIO = Path(__file__).parents[3] / "scenarios" / "database" / "change_feed.yaml"


async def writes(database, log, count):
    """Write and delete keys, each write's time into a log."""
    for number in range(count):
        key = b"k%d" % (number % 7)
        transaction = database.begin()
        if number % 5 == 4:
            await transaction.delete(key)
            value = None
        else:
            value = b"%d" % number
            await transaction.put(key, value)
        log.append((key, await transaction.commit(), value))


async def fed(database, rounds):
    """Return what polls one after the other find."""
    changes, after = [], 0
    for _ in range(rounds):
        until = database.clock.now()
        transaction = database.begin(as_of=until)
        found = await transaction.versions(b"k", b"l", after)
        assert all(after < timestamp <= until for _, timestamp, _ in found)
        changes += found
        after = until
    return changes


@pytest.mark.parametrize("seed", range(5))
def test_polls_find_every_version_once_while_others_write(seed):
    ranges = LocalRanges(seed, [b"k2", b"k5"])
    database, log = ranges.gateway(), []
    changes, _ = ranges.run(fed(database, 60), writes(database, log, 80))
    (rest,) = ranges.run(fed(database, 1))
    seen = dict.fromkeys(changes)
    assert len(seen) == len(changes) > 20
    assert sorted({*changes, *rest}, key=lambda change: change[1]) == sorted(log, key=lambda change: change[1])
    assert set(rest) == set(log)  # a feed that begins anew gets all of it
    ranges.world.close()


# -- the check


def judged(*happenings):
    """Let the check see events, each with its time, and then operations."""
    check = ChangeFeed()
    for happening in happenings:
        if isinstance(happening, Operation):
            check.invoked(happening)
        else:
            time_ns, event = happening
            for see in check.sights(type(event)):
                see(time_ns, "feed", event)
    check.conclude(1000)
    return check


def put(key, value, ended):
    return Operation.past("c", "put", [key, value], began=ended - 1, ended=ended)


POLL = [(20, FeedAsked(5)), (30, FeedResolved(5))]


def test_a_write_that_is_told_in_time_twice_or_too_new_to_be_asked_for_is_right():
    first, second = ChangeTold("u1", "a", 1), ChangeTold("u1", "b", 2)
    check = judged(
        POLL[0], (21, first), (22, second), (23, first), (24, second), POLL[1],
        put("u1", "a", 5), put("u1", "b", 10), put("u1", "c", 25),
    )  # fmt: skip
    assert (check.violations_total, check.undecided) == (0, "")
    assert check.summary() == "4 changes told, 2 of them again, 0 late, 0 missing"


def test_a_write_that_is_left_out_or_told_too_late_is_found():
    check = judged(*POLL, (31, ChangeTold("u1", "a", 1)), put("u1", "a", 5))
    assert [violation.text for violation in check.violations] == ["the write of u1 was acknowledged and is not told"]
    insert = Operation.past("c", "insert", "c:1", began=4, ended=5)
    assert judged(*POLL, insert).violations_total == 1
    assert judged(POLL[0], (21, ChangeTold("n0/c:1", "1", 1)), POLL[1], insert).violations_total == 0


def test_a_write_that_is_told_after_a_later_one_of_its_key_is_found():
    check = judged((1, ChangeTold("u1", "b", 2)), (2, ChangeTold("u1", "a", 1)), *POLL, put("u2", "x", 500))
    assert [violation.text for violation in check.violations] == ["a write of u1 is told after a later one"]


def test_a_feed_that_resolves_nothing_proves_nothing():
    assert judged(put("u1", "a", 5)).undecided == "the feed has resolved nothing"


# -- the scenario


def test_the_scenario_passes_and_a_feed_that_goes_on_from_now_fails_it():
    smaller = ["duration=22s", "load.writes.until=18s", "load.inserts.until=18s", "faults.again.at=15s"]
    smaller += ["faults.deaths.until=16s", "faults.skew.until=16s", "faults.outage.at=9s"]
    document = run_scenario(SCENARIO, overrides=smaller)
    assert document.error is None
    assert document.verdict == "pass", [(each.text, each.summary) for each in document.expectations]
    assert run_scenario(SCENARIO, variant="from_now", overrides=smaller).as_declared
