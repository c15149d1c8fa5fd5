"""The checks of the database: each on a history that breaks it and on the nearest one that does not."""

import pytest

from simkit.observe.history import Operation
from simkit_nodes.blocks.hybrid_logical_clock import timestamp_of
from simkit_nodes.blocks.raft.events import RaftBecameLeader, RaftStarted
from simkit_nodes.database.checks import (
    Available,
    BankTotal,
    FollowerReads,
    IntentsGone,
    LeadersStay,
    Linearizable,
    NoAckedWriteLost,
    NoDivergence,
    RangeCoverage,
    Serializable,
    StalenessBounded,
    StaleReadsServed,
)
from simkit_nodes.database.events import (
    IntentsLeft,
    PastRead,
    TransactionAbandoned,
    TransactionCommitted,
    TransactionRecovered,
)
from simkit_nodes.database.interface import KEY_END
from simkit_nodes.database.replication.events import (
    RangeChanged,
    RangeFrozen,
    RangeMerged,
    RangeThawed,
    ReplicaDropped,
    WritesDiverged,
)

SECOND = 1_000_000_000


def told(check, events=(), operations=()):
    """Show a check what happened; return its violations."""
    for time_ns, (host, event) in enumerate(events):
        for see in check.sights(type(event)):
            see(time_ns, host, event)
    for operation in operations:
        check.invoked(operation)
    check.conclude(1000)
    return [each.text for each in check.violations]


def operation(function, given, output, began, ended, outcome="ok"):
    return Operation.past("client", function, given, output, began=began, ended=ended, outcome=outcome)


@pytest.mark.parametrize(("total", "wrong"), [(0, []), (-7, ["7 vanished: the sum is -7, not 0"])])
def test_bank_total(total, wrong):
    assert told(BankTotal(), operations=[operation("total", None, total, 1, 2)]) == wrong


@pytest.mark.parametrize(
    ("began", "found", "wrong"),
    [
        (5, ["a"], []),
        (5, [], ["a was acknowledged and is not there"]),
        (1, [], []),  # the reading began before the acknowledgement
    ],
)
def test_no_acked_write_lost(began, found, wrong):
    operations = [operation("insert", "a", None, 0, 2), operation("readback", None, found, began, 9)]
    assert told(NoAckedWriteLost(), operations=operations) == wrong


def changed(range_id, begin, end, generation=0, how="split"):
    return "store", RangeChanged(range_id, begin, end, ("store",), generation, how)


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ([changed(1, b"", b"m"), changed(2, b"m", KEY_END)], []),
        ([changed(1, b"", b"n"), changed(2, b"m", KEY_END)], ["ranges 1 and 2 lie over each other"]),
        ([changed(1, b"", b"l"), changed(2, b"m", KEY_END)], ["ranges 1 and 2 leave keys between them"]),
        ([changed(1, b"", b"m")], ["the first or the last key belongs to no range: b'' to b'm'"]),
        ([changed(1, b"", KEY_END), changed(1, b"", b"m", 1), changed(2, b"m", KEY_END, 1)], []),
        ([changed(1, b"", b"m"), changed(2, b"m", KEY_END), changed(1, b"", KEY_END, 1, "merge"),
          ("store", ReplicaDropped(2))], []),
        ([changed(1, b"", b"m"), changed(2, b"m", KEY_END), ("store", RangeFrozen(2, 1, 20)),
          changed(1, b"", KEY_END, 1, "merge"), ("store", RangeMerged(2, 1, 1)), changed(2, b"m", KEY_END)], []),
        ([changed(1, b"", b"m"), changed(2, b"m", KEY_END), ("store", RangeFrozen(2, 1, 20)),
          ("store", RangeThawed(2, 1, 21)), changed(1, b"", KEY_END, 1, "merge"), ("store", RangeMerged(2, 1, 1))],
         ["range 1 takes in range 2, which serves"]),
        ([changed(1, b"", b"m"), changed(2, b"m", KEY_END), ("store", RangeFrozen(2, 1, 20)),
          changed(1, b"", KEY_END, 1, "merge"), ("store", RangeMerged(2, 1, 1)), ("store", RangeThawed(2, 1, 21))],
         ["range 2 serves again, and range 1 has its keys"]),
        ([changed(1, b"", KEY_END, 1), changed(1, b"", b"m", 1), changed(2, b"m", KEY_END)],
         ["range 1 has two shapes in generation 1", "ranges 1 and 2 lie over each other"]),
    ],
)  # fmt: skip
def test_range_coverage(events, wrong):
    assert told(RangeCoverage(), events) == wrong


def test_intents_gone_holds_when_every_range_has_none():
    check = IntentsGone()
    assert not check.holds  # nobody has counted yet
    told(check, [("store", IntentsLeft(1, 2, 5_000_000_000)), ("store", IntentsLeft(2, 0, 0))])
    assert not check.holds
    assert check.unmet().text == "range 1 holds 2 intents, the oldest 5.0 s old"
    told(check, [("store", IntentsLeft(1, 0, 0))])
    assert check.holds


@pytest.mark.parametrize(("served", "verdict"), [(95, 0), (94, 1)])
def test_available_counts_what_was_asked_while_a_fault_lasted(served, verdict):
    check = Available()
    check.fault_began(10, "split", ())
    check.fault_ended(200, "split", ())
    operations = [operation("get", "a", None, 20 + n, 21 + n, "ok" if n < served else "fail") for n in range(100)]
    operations.append(operation("get", "a", None, 500, 501, "fail"))
    assert len(told(check, operations=operations)) == verdict


def test_no_divergence_tells_who_has_writes_of_its_own():
    assert told(NoDivergence(), [changed(1, b"", KEY_END)]) == []
    text = "store alone has 3 writes of range 1, which other goes on without"
    assert told(NoDivergence(), [("store", WritesDiverged(1, 3, "other"))]) == [text]


def test_leaders_stay_allows_one_change():
    check = LeadersStay()
    leads = [("a", RaftBecameLeader(1, 1)), ("b", RaftBecameLeader(1, 2)), ("c", RaftBecameLeader(1, 3))]
    told(check, leads[:1])
    check.fault_began(5, "cut", ())
    assert told(check, leads[1:2]) == []
    assert told(check, leads[2:]) == ["range 1 has changed its leader twice"]


def committed(request, at_us):
    return TransactionCommitted(request, timestamp_of(at_us * 1000), 1, 1, request)


def test_a_stale_read_is_told_with_the_timestamps_that_gateways_gave():
    check = Linearizable()
    write = operation("put", ["x", "1"], None, 0, 3)
    read = operation("get", "x", None, 4, 6)
    events = [("right", committed(1, 700)), ("behind", committed(5, 200)), ("right", committed(9, 900))]
    assert told(check, events, [write, read]) == ["get x -> nothing of client fits no order with 1 other operation"]
    [violation] = check.violations
    assert [(step.host, step.text) for step in violation.story if step.host != "client"] == [
        ("right", "commits request 1: 1 write, timestamp 00:00:00.000700"),
        ("behind", "commits request 5: 1 write, timestamp 00:00:00.000200"),
    ]


def test_a_cycle_of_transactions_is_told_with_the_timestamps_that_gateways_gave():
    check = Serializable()
    steps = [["read", "x", None], ["append", "y", 1]], [["read", "y", None], ["append", "x", 1]]
    skewed = [
        operation("transaction", given, [["read", given[0][1], []], given[1]], began, began + 5)
        for began, given in enumerate(steps)
    ]
    ends = operation(
        "transaction", [["read", "x", None], ["read", "y", None]], [["read", "x", [1]], ["read", "y", [1]]], 20, 21
    )
    events = [("one", committed(1, 5)), ("other", committed(2, 5))]
    [text] = told(check, events, [*skewed, ends])
    assert text.startswith("write skew")
    assert [step.host for step in check.violations[0].story if step.host != "client"] == ["one", "other"]


def test_a_wrong_total_is_told_with_the_transfer_that_nobody_answered_and_who_decided_about_it():
    check = BankTotal()
    transfers = [operation("transfer", [3, 4, amount], None, began, None) for amount, began in ((7, 2), (5, 3))]
    totals = [operation("total", None, 0, 0, 1), operation("total", None, -7, 8, 9)]
    events = [
        ("s", TransactionRecovered(1, True)),
        ("s", TransactionAbandoned(2)),
        ("s", TransactionRecovered(3, False)),
        ("s", TransactionRecovered(4, True, transfers[1].serial + 1)),
    ]
    assert told(check, events, [totals[0], *transfers, totals[1]]) == ["7 vanished: the sum is -7, not 0"]
    assert [step.text for step in check.violations[0].story] == [
        "decides that transaction 2 is aborted: its gateway is silent",
        "client asks for a transfer of 7 from 3 to 4 (request 3), and is not answered",
        "decides that transaction 3 is aborted: its gateway is silent",
        "client asks for a transfer of 5 from 3 to 4 (request 4), and is not answered",
        "decides that request 4, transaction 4, has committed: its gateway is silent",
        "total of client tells a sum of -7",
    ]


def test_a_lost_write_is_told_with_the_stores_that_have_begun_anew_since():
    check = NoAckedWriteLost()
    started = RaftStarted(1, 1, 7, ((0, 0),))
    operations = [operation("insert", "a", None, 0, 1), operation("readback", None, [], 8, 9)]
    assert told(check, [("early", started), ("s", started), ("s", started)], operations) == [
        "a was acknowledged and is not there"
    ]
    assert [(step.time_ns, step.host) for step in check.violations[0].story] == [
        (1, "client"),
        (1, "s"),
        (2, "s"),
        (9, "client"),
    ]


def test_what_was_not_done_is_told_by_the_name_of_its_error():
    check = Available()
    check.fault_began(0, "cut", ())
    asked = [operation("put", None, "57014", number, number + 1, "fail") for number in range(3)]
    told(check, operations=[*asked, operation("get", None, "x", 5, 6)])
    assert check.violations[0].story[0].text == "put of client: StatementTimeout (57014)"


def past(writes, reads):
    """Events and operations of writes (value, timestamp, outcome, when) and reads (values, timestamp, age, when)."""
    events, operations = [], []
    for value, timestamp, outcome, when in writes:
        operations.append(operation("put", ["k", value], None, when, when + 1, outcome))
        if timestamp:
            events.append(("gateway", TransactionCommitted(len(operations), timestamp, 1, 1, len(operations))))
    for found, timestamp, age, when in reads:
        operations.append(operation("read_within", [age, ["k"]], [found], when, when + 1))
        events.append(("gateway", PastRead(len(operations), timestamp, True, True, 1)))
    for serial, each in enumerate(operations):
        each.serial = serial
    return events, operations


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        ("b", []),
        ("a", ["k was b at the timestamp of a read that found a"]),  # it misses a write
        ("c", ["k was b at the timestamp of a read that found c"]),  # it sees the future
        ("failed", ["k was b at the timestamp of a read that found failed"]),
        ("lost", []),  # nobody knows whether that was committed
        (None, ["k was b at the timestamp of a read that found nothing"]),
    ],
)
def test_follower_reads(found, wrong):
    writes = [
        ("c", 30, "ok", 5),
        ("a", 10, "ok", 1),
        ("b", 20, "ok", 3),
        ("lost", 0, "info", 7),
        ("failed", 0, "fail", 9),
    ]
    events, operations = past(writes, [(found, 25, 0, 11)])
    assert told(FollowerReads(), events, operations) == wrong


def test_follower_reads_before_any_write_find_nothing():
    events, operations = past([("a", 10, "ok", 1)], [(None, 9, 0, 11)])
    assert told(FollowerReads(), events, operations) == []


@pytest.mark.parametrize(
    ("timestamp", "written", "wrong"),
    [
        (20, 0, []),
        (19, 0, ["a read that may be 1 s old is older"]),
        (19, SECOND + 100, []),  # acknowledged less than a second and a quarter before
    ],
)
def test_staleness_bounded(timestamp, written, wrong):
    writes = [("b", 20, "ok", written), ("a", 10, "ok", 1)]
    events, operations = past(writes, [("a", timestamp, SECOND, 2 * SECOND + 250_000_100)])
    assert told(StalenessBounded(), events, operations) == wrong


@pytest.mark.parametrize("check", [FollowerReads, StalenessBounded])
def test_without_reads_of_the_past_nothing_is_decided(check):
    check = check()
    told(check, *past([("a", 10, "ok", 1)], []))
    assert check.undecided == "nobody read the past"


def test_stale_reads_served_asks_for_bounded_reads_alone():
    check = StaleReadsServed()
    check.fault_began(0, "cut", ())
    refused = operation("read_within", [1, ["k"]], None, 5, 6, "fail")
    answered = operation("read_within", [1, ["k"]], ["a"], 5, 6)
    texts = told(check, operations=[refused, answered, operation("read_as_of", [1, ["k"]], None, 5, 6, "fail")])
    assert texts == ["1 of 2 operations done while faults lasted, 50.0%"]
