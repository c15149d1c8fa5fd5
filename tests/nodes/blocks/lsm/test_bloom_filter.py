"""Bloom filters: never a key denied that is there, few admitted that are not, and reads spared.

It deliberately holds the rate of errors against the formula.
"""

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsm_model import TINY, batch_of, key
from storage_machine import Machine

from simkit_nodes.blocks.lsm import LsmEngine
from simkit_nodes.blocks.lsm.bloom_filter import build, hash_of, may_contain


@pytest.fixture
def machine():
    with closing(Machine()) as machine:
        yield machine


@given(st.sets(st.binary(min_size=1, max_size=8), min_size=1, max_size=50))
def test_a_filter_never_denies_a_key_that_is_there(keys):
    bits = build(keys, 10)
    assert all(may_contain(bits, hash_of(each)) for each in keys)


def test_a_filter_of_ten_bits_a_key_errs_as_rarely_as_the_formula_says():
    bits = build([b"in%d" % number for number in range(10_000)], 10)
    wrong = sum(may_contain(bits, hash_of(b"out%d" % number)) for number in range(20_000))
    expected = (1 - 2.718281828 ** (-7 / 10)) ** 7  # 0.82 %
    assert wrong / 20_000 == pytest.approx(expected, rel=0.2)


def test_filters_spare_reads_of_keys_and_of_scans_within_a_prefix(machine):
    options = TINY.model_copy(update={"prefix_of": lambda name: name[:6], "cache_bytes": 0})

    async def program(disk):
        engine = await LsmEngine.open(disk, options)
        for number in range(0, 60, 2):
            await engine.write(batch_of([("put", key(number) + b"@1", b"v" * 20), ("put", key(number) + b"@2", b"w")]))
        await engine.compact()
        before = engine.cache_misses
        for number in range(1, 60, 2):
            assert await engine.get(key(number) + b"@1") is None
            assert await engine.scan(key(number) + b"@", key(number) + b"@9", limit=1) == []
        assert engine.cache_misses - before < 10
        for number in range(0, 60, 2):
            pairs = await engine.scan(key(number) + b"@", key(number) + b"@9", limit=1, reverse=True)
            assert pairs == [(key(number) + b"@2", b"w")]

    machine.run(program)
