"""Stores whose engine is the log-structured tree on their own disk: what was acknowledged outlives every power cut.

It deliberately uses an engine so small that the few keys here are flushed and compacted many times.
"""

import pytest
from store_site import Site

from simkit_nodes.blocks.lsm import LsmOptions
from simkit_nodes.database.mvcc.keys import prefix_of

SMALL = LsmOptions(memtable_bytes=2_000, block_bytes=256, table_bytes=1_500, level_bytes=4_000, prefix_of=prefix_of)


@pytest.fixture
def site():
    site = Site(3, seed=5, lsm=SMALL)
    yield site
    site.close()


def test_what_was_acknowledged_survives_power_cuts_of_one_and_of_all(site):
    site.elapse(2)
    written = {}
    draws = site.world.stream("test")
    for cut in range(6):
        for number in range(40):
            key, value = b"%03d" % draws.below(60), b"%d.%d" % (cut, number) * 20
            if site.put(key, value):
                written[key] = value
            elif key in written:
                written[key] = None  # unknown
        names = site.names if cut % 2 else (site.names[cut // 2],)
        for name in names:
            site.power_cut(name)
        site.elapse(0.5)
        for name in names:
            site.start(name)
        site.elapse(4)
        leader = site.leader()
        for key, value in written.items():
            assert value in (None, site.get(key, leader))
    assert sum(value is not None for value in written.values()) > 30
    for name in site.names:
        engine = site.stores[name].engine
        assert sum(level.tables for level in engine.levels()) > 0
        assert site.on(name, engine.scrub()) == []


def test_a_full_disk_stops_a_replica_and_room_brings_it_back(site):
    site.elapse(2)
    full = next(name for name in site.names if name != site.leader())
    disk = site.hosts[full].disk
    undo = disk.health.fill(disk.model.capacity - disk.used - 1_000)
    for number in range(60):
        assert site.put(b"%03d" % (number % 20), b"%d" % number * 30)
    undo()
    site.elapse(10)
    index = site.replica(site.leader()).state.index
    assert site.replica(full).state.index >= index - 1
    assert site.get(b"019", full) == b"59" * 30
