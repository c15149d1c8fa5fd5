"""The engine in memory, against a dict.

It deliberately drives coroutines by hand: what finds everything in memory never suspends.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsm_model import batch_of, carry_out

from simkit_nodes.blocks.lsm import MemoryEngine, WriteBatch

KEYS = st.binary(min_size=1, max_size=2)
CHANGES = st.one_of(
    st.tuples(st.just("put"), KEYS, st.binary(max_size=3)),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("delete_range"), KEYS, KEYS),
)


def at_once(coroutine):
    """Return what a coroutine returns that never suspends."""
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    return ended.value.value


@given(st.lists(st.lists(CHANGES, max_size=8), max_size=8), KEYS, KEYS, st.none() | st.integers(0, 4))
def test_it_reads_as_a_dict_does_and_snapshots_stay(batches, one, other, limit):
    engine, model = MemoryEngine(), {}
    snapshots = []
    begin, end = sorted((one, other))
    for changes in batches:
        batch = batch_of(changes)
        assert at_once(engine.write(batch)) == engine.sequence
        carry_out(batch, model)
        snapshots.append((engine.snapshot(), dict(model)))
    for reader, truth in [(engine, model), *snapshots]:
        pairs = sorted(truth.items())
        assert at_once(reader.scan()) == pairs
        assert at_once(reader.scan(reverse=True)) == pairs[::-1]
        inside = [pair for pair in pairs if begin <= pair[0] < end]
        assert at_once(reader.scan(begin, end, limit=limit)) == inside[:limit]
        assert at_once(reader.scan(begin, end, limit=limit, reverse=True)) == inside[::-1][:limit]
        assert at_once(reader.get(one)) == truth.get(one)


def test_what_no_scan_can_mean_is_refused():
    engine = MemoryEngine()
    with pytest.raises(ValueError, match="before it begins"):
        at_once_or_raise(engine.scan(b"b", b"a"))
    with pytest.raises(ValueError, match="-1 pairs"):
        at_once_or_raise(engine.scan(limit=-1))
    snapshot = engine.snapshot()
    snapshot.close()
    snapshot.close()
    with pytest.raises(ValueError, match="closed"):
        at_once_or_raise(snapshot.get(b"a"))


def at_once_or_raise(coroutine):
    coroutine.send(None)


def test_a_batch_refuses_keys_that_no_file_holds():
    batch = WriteBatch()
    for key in (b"", bytes(65_536)):
        with pytest.raises(ValueError, match="a key has 1 to 65535 bytes"):
            batch.put(key, b"")
        with pytest.raises(ValueError, match="a key has 1 to 65535 bytes"):
            batch.delete(key)
    with pytest.raises(ValueError, match="before it begins"):
        batch.delete_range(b"b", b"a")
    batch.delete_range(b"a", b"a")
    assert len(batch) == batch.size == 0
