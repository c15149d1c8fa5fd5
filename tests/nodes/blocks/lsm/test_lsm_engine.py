"""The engine on a disk against a dict: flushed, compacted or crashed, it reads as the dict does.

It deliberately uses an engine so small that a few dozen keys fill several levels.
"""

from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lsm_model import STEPS, TINY, TROUBLES, Truth, batch_of, carry_on, carry_out, key, look, workload
from storage_machine import Crashed, Machine

from simkit.observe.metrics import Metrics
from simkit_nodes.blocks.lsm import LsmEngine
from simkit_nodes.blocks.lsm.gauges import publish


@pytest.fixture
def machine():
    with closing(Machine()) as machine:
        yield machine


def go_through(steps, seed):
    with closing(Machine(seed)) as machine:
        truth, steps = Truth(), list(steps)
        while steps:
            if machine.run(carry_on, truth, steps) == "power_cut":
                machine.host.power_cut()
        machine.run(carry_on, truth, [])


@given(st.lists(STEPS, min_size=1, max_size=40), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_it_reads_as_a_dict_does_through_flushes_compactions_snapshots_and_ends(steps, seed):
    go_through(steps, seed)


@given(st.lists(st.one_of(STEPS, TROUBLES), min_size=1, max_size=40), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_it_does_so_on_a_disk_that_fills_and_whose_syncs_fail(steps, seed):
    go_through(steps, seed)


@pytest.mark.audit
@given(st.lists(st.one_of(STEPS, STEPS, TROUBLES), min_size=20, max_size=120), st.integers(0, 10**6))
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_does_so_for_long(steps, seed):
    go_through(steps, seed)


@pytest.mark.parametrize("history", ["plain", "ranges", "snapshots"])
def test_deep_levels_hide_what_was_deleted_and_overwritten(machine, history):
    draws = machine.world.stream("test")

    async def program(disk):
        engine = await LsmEngine.open(disk, TINY)
        truth, snapshots = {}, []
        for number in range(600):
            name = key(draws.below(120))
            changes = [("put", name, b"%03d" % number * 4)] if draws.chance(0.6) else [("delete", name)]
            if history == "ranges" and draws.chance(0.05):
                changes.append(("delete_range", name, name + b"~"))
                changes.append(("delete_range", key(draws.below(120)), key(draws.below(120))))
            batch = batch_of(changes)
            carry_out(batch, truth)
            await engine.write(batch)
            if history == "snapshots" and draws.chance(0.02):
                snapshots.append((engine.snapshot(), dict(truth)))
            if len(snapshots) > 3:
                snapshots.pop(draws.below(4))[0].close()
            if number % 40 == 0:
                for reader, state in [(engine, truth), *snapshots]:
                    await look(reader, state)
        await engine.compact()
        for reader, state in [(engine, truth), *snapshots]:
            await look(reader, state)
        assert sum(level.tables > 0 for level in engine.levels()) >= 3
        assert machine.disk.names("lsm/table/") == sorted(table.path for table in engine._tree.version.tables())

    machine.run(program)


def points_of(steps):
    with closing(Machine()) as machine:
        assert machine.run(carry_on, Truth(), list(steps)) is None
        return machine.points


@pytest.mark.parametrize("manner", ["kill", "power_cut"])
def test_a_crash_at_every_point_loses_nothing_that_was_promised(manner):
    points = points_of(workload())
    assert points > 200
    for ordinal in range(1, points + 1, 1 if manner == "power_cut" else 3):
        with closing(Machine(ordinal)) as machine:
            truth = Truth()
            machine.crash_at(ordinal, manner)
            with pytest.raises(Crashed):
                machine.run(carry_on, truth, workload())
            machine.run(carry_on, truth, workload(4))


def test_a_crash_at_every_point_of_a_recovery_loses_nothing_either():
    ordinal, recovered = 0, False
    while not recovered:
        ordinal += 1
        with closing(Machine(ordinal)) as machine:
            truth = Truth()
            machine.crash_at(180, "power_cut")
            with pytest.raises(Crashed):
                machine.run(carry_on, truth, workload())
            machine.crash_at(ordinal, "power_cut")
            try:
                machine.run(carry_on, truth, [])
                recovered = True
            except Crashed:
                machine.run(carry_on, truth, [])
    assert ordinal > 10


# -- what is promised


def test_durable_sequence_says_what_a_power_cut_leaves(machine):
    async def program(disk):
        engine = await LsmEngine.open(disk)
        batch = batch_of([("put", b"a", b"1"), ("put", b"b", b"2")])
        assert await engine.write(batch) == 2
        assert (engine.sequence, engine.durable_sequence) == (2, 0)
        await engine.write(batch, sync=True)
        assert (engine.sequence, engine.durable_sequence) == (4, 4)
        await engine.write(batch)
        await engine.sync()
        assert engine.durable_sequence == 6
        await engine.write(batch)
        await engine.flush()
        assert engine.durable_sequence == 8
        await engine.write(batch)
        await engine.close()
        assert engine.durable_sequence == 10

    machine.run(program)


def test_reads_and_unsynced_writes_in_memory_never_wait(machine):
    async def program(disk):
        engine = await LsmEngine.open(disk)
        before = machine.world.now_ns
        for coroutine in (engine.write(batch_of([("put", b"a", b"1")])), engine.get(b"a"), engine.scan(b"a", b"b")):
            with pytest.raises(StopIteration):
                coroutine.send(None)
        assert machine.world.now_ns == before

    machine.run(program)


def test_a_long_life_shortens_the_manifest(machine):
    async def live(disk, begin):
        engine = await LsmEngine.open(disk, TINY)
        for number in range(begin, begin + 1_000):
            await engine.write(batch_of([("put", key(number % 7), b"%04d" % number * 20)]))
        await engine.compact()
        return engine._tree.manifest.size

    first, second = machine.run(live, 0), machine.run(live, 1_000)
    assert second < 2 * first
    assert len(machine.disk.names("lsm/manifest/")) == 1


def test_gauges_follow_the_levels(machine):
    metrics = Metrics(machine.world, 10**12)

    async def program(disk):
        engine = await LsmEngine.open(disk, TINY)
        publish(engine, metrics.host("store"))
        for number in range(200):
            await engine.write(batch_of([("put", key(number), b"%04d" % number * 20)]))
            await engine.get(key(number // 2))
        await engine.compact()
        return engine.levels(), engine.statistics.write_amplification

    levels, amplification = machine.run(program)
    host = metrics.host("store")
    for number, level in enumerate(levels):
        assert host.gauge("engine.level_size", level=str(number)).value in (level.size, None)
    assert host.gauge("engine.write_amplification").value == amplification > 1
    assert 0 < host.gauge("engine.cache_hits").value < 1
