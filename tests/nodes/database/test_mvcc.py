"""Versions, intents and garbage, held against a list of all writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit_nodes.blocks.lsm import MemoryEngine, WriteBatch
from simkit_nodes.database.mvcc import read
from simkit_nodes.database.mvcc.garbage import garbage
from simkit_nodes.database.mvcc.keys import (
    boundary,
    intent_key,
    key_of,
    prefix_of,
    timestamp_of,
    version_key,
    versions_prefix,
)
from simkit_nodes.database.mvcc.read import IntentsInTheWay, Uncertain, Viewpoint
from simkit_nodes.database.mvcc.record import Intent, decode_version, encode_intent, encode_version, local_timestamp

keys = st.binary(min_size=1, max_size=3).map(lambda key: key.translate(bytes([0, 1, 255, 97] * 64)))
writes = st.dictionaries(st.tuples(keys, st.integers(1, 20)), st.none() | st.binary(max_size=2), max_size=40)


def now(coroutine):
    """Run a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it suspended")


def engine_of(versions, intents=()):
    engine, batch = MemoryEngine(), WriteBatch()
    for (key, timestamp), value in versions.items():
        batch.put(version_key(versions_prefix(key), timestamp), encode_version(value))
    for key, intent in intents:
        batch.put(intent_key(versions_prefix(key)), encode_intent(intent))
    now(engine.write(batch))
    return engine


def seen(versions, timestamp):
    """What is visible at a timestamp, by going through everything."""
    newest = {}
    for (key, at), value in sorted(versions.items(), key=lambda item: item[0][1]):
        if at <= timestamp:
            newest[key] = value
    return {key: value for key, value in newest.items() if value is not None}


def certain(timestamp):
    return Viewpoint(timestamp, timestamp, timestamp)


@given(keys, keys, st.integers(0, 2**63 - 1))
def test_engine_keys_sort_as_keys_do_and_can_be_taken_apart(one, other, timestamp):
    stored = version_key(versions_prefix(one), timestamp)
    assert (key_of(stored[:-8]), timestamp_of(stored)) == (one, timestamp)
    if one < other:
        assert stored < intent_key(versions_prefix(other))
        assert stored < boundary(other)
    assert boundary(one) <= intent_key(versions_prefix(one)) < stored


@given(keys, keys, st.integers(0, 2**63 - 1))
def test_all_versions_of_a_key_share_what_filters_hold_and_nothing_else_begins_so(one, other, timestamp):
    prefix = versions_prefix(one)
    for stored in (prefix, intent_key(prefix), version_key(prefix, timestamp)):
        assert prefix_of(stored) == prefix
    if one != other:
        assert not version_key(versions_prefix(other), timestamp).startswith(prefix)
    assert not boundary(one).startswith(prefix_of(boundary(one)))


@given(writes, st.integers(0, 21), keys, keys, st.none() | st.integers(0, 4), st.booleans())
def test_reads_see_the_newest_version_at_their_time(versions, timestamp, begin, end, limit, reverse):
    engine = engine_of(versions)
    expected = seen(versions, timestamp)
    for key in {key for key, _ in versions}:
        assert now(read.get(engine, key, certain(timestamp))) == expected.get(key)
    begin, end = sorted((begin, end))
    rows = sorted((item for item in expected.items() if begin <= item[0] < end), reverse=reverse)
    assert now(read.scan(engine, begin, end, certain(timestamp), limit=limit, reverse=reverse)) == rows[:limit]


def test_a_scan_of_many_versions_goes_on_behind_its_first_chunk():
    versions = {(b"%04d" % key, at): b"%d" % at for key in range(300) for at in range(1, 4)}
    engine = engine_of(versions)
    for reverse in (False, True):
        rows = now(read.scan(engine, b"0", b"9", certain(2), reverse=reverse))
        assert rows == sorted(((b"%04d" % key, b"2") for key in range(300)), reverse=reverse)


@given(writes, st.integers(0, 20), st.integers(0, 20))
def test_a_refresh_finds_every_version_in_between_and_no_other(versions, after, until):
    engine = engine_of(versions)
    between = any(after < at <= until for _, at in versions)
    assert (now(read.changed(engine, b"\x00", b"\xff\xff\xff\xff", after, until, 1)) is not None) == between


def test_a_version_is_uncertain_only_if_it_may_have_been_there_before():
    engine = engine_of({(b"a", 5): b"old", (b"a", 12): b"new"})
    assert now(read.get(engine, b"a", Viewpoint(10, 10, 10))) == b"old"
    assert now(read.get(engine, b"a", Viewpoint(10, 20, 11))) == b"old"  # written after the reader had been here
    with pytest.raises(Uncertain) as uncertain:
        now(read.get(engine, b"a", Viewpoint(10, 20, 12)))
    assert uncertain.value.timestamp == 12


def test_a_version_written_ahead_of_the_clock_remembers_what_the_clock_was():
    stored = encode_version(b"value", 7)
    assert (decode_version(stored), local_timestamp(stored, 12)) == (b"value", 7)
    engine = MemoryEngine()
    batch = WriteBatch()
    batch.put(version_key(versions_prefix(b"a"), 12), stored)
    now(engine.write(batch))
    with pytest.raises(Uncertain):
        now(read.get(engine, b"a", Viewpoint(10, 20, 11)))


def test_intents_of_others_are_in_the_way_and_own_ones_are_read():
    intent = Intent(7, b"a", 8, 8, 1, 1, b"mine")
    engine = engine_of({(b"a", 5): b"old"}, [(b"a", intent)])
    assert now(read.get(engine, b"a", certain(7))) == b"old"
    assert now(read.get(engine, b"a", Viewpoint(2, 2, 2, 7))) == b"mine"
    for viewpoint in (certain(8), Viewpoint(7, 8, 9)):
        with pytest.raises(IntentsInTheWay) as conflict:
            now(read.get(engine, b"a", viewpoint))
        assert conflict.value.intents == [(b"a", intent)]
        with pytest.raises(IntentsInTheWay):
            now(read.scan(engine, b"a", b"b", viewpoint))


@given(writes, st.integers(0, 20))
def test_garbage_is_what_no_later_reader_sees(versions, threshold):
    engine = engine_of(versions)
    found = now(garbage(engine, b"\x00", b"\xff\xff\xff\xff", threshold, limit=1000))
    batch = WriteBatch()
    for key in found:
        batch.delete(key)
    now(engine.write(batch))
    for timestamp in range(threshold, 22):
        rows = now(read.scan(engine, b"\x00", b"\xff\xff\xff\xff", certain(timestamp)))
        assert dict(rows) == seen(versions, timestamp)
    hidden = sum(
        1 for (key, at) in versions if any(at < later <= threshold for other, later in versions if other == key)
    )
    assert len(found) >= hidden
