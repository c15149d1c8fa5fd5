"""Archives: a snapshot of a span that comes back whole, or not at all.

It deliberately backs up while the engine is written to: what the archive holds is the moment of the snapshot.
"""

from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsm_model import TINY, batch_of, key
from storage_machine import Crashed, Machine

from simkit_nodes.blocks.lsm import Archive, ArchiveWriter, Corruption, LsmEngine, WriteBatch


@pytest.fixture
def machine():
    with closing(Machine()) as machine:
        yield machine


async def backed_up(disk, path="backup", size=20):
    """Back up keys 10 to 50 of an engine while all of them are overwritten."""
    engine = await LsmEngine.open(disk, TINY)
    for number in range(60):
        await engine.write(batch_of([("put", key(number), b"old%03d" % number * size)]))
    snapshot, writer = engine.snapshot(), ArchiveWriter(disk, path)
    begin, end = key(10), key(50)
    while pairs := await snapshot.scan(begin, end, limit=7):
        await writer.add(pairs)
        begin = pairs[-1][0] + b"\0"
        for number in range(60):
            await engine.write(batch_of([("put", key(number), b"new")]))
    snapshot.close()
    contents = await writer.finish(b"as of noon")
    await engine.close()
    return contents


async def restored(disk, path="backup"):
    archive = await Archive.open(disk, path)
    engine = await LsmEngine.open(disk, TINY, path="restored/")
    for pairs in archive:
        batch = WriteBatch()
        for name, value in pairs:
            batch.put(name, value)
        await engine.write(batch)
    await engine.sync()
    return archive.contents, await engine.scan()


def test_a_backup_is_the_moment_of_its_snapshot_and_comes_back(machine):
    contents = machine.run(backed_up, "backup", 4_000)
    assert (contents.pairs, contents.note) == (40, b"as of noon")
    assert contents.portions > 1
    told, pairs = machine.run(restored)
    assert told == contents
    assert pairs == [(key(number), b"old%03d" % number * 4_000) for number in range(10, 50)]


def test_an_archive_of_nothing_is_whole(machine):
    async def program(disk):
        await ArchiveWriter(disk, "empty").finish()
        assert list(await Archive.open(disk, "empty")) == []
        with pytest.raises(OSError, match=r"^\[Errno 2\]"):
            await Archive.open(disk, "nothing")

    machine.run(program)


def test_a_crash_while_it_is_written_leaves_the_old_one_or_the_new_one(machine):
    machine.run(backed_up)
    old = machine.content("backup")["backup"]
    ordinal, done = 0, False
    while not done:
        ordinal += 1
        machine.crash_at(ordinal, "power_cut")
        try:
            machine.run(program_of_one_pair)
            done = True
        except Crashed:
            archive = machine.run(opened)
            assert archive.contents.pairs in (40, 1)
            machine.put("backup", old)
    assert ordinal > 4


async def program_of_one_pair(disk):
    writer = ArchiveWriter(disk, "backup")
    await writer.add([(b"a", b"1")])
    await writer.finish()


async def opened(disk):
    return await Archive.open(disk, "backup")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_an_archive_that_was_cut_short_or_rotted_is_refused(data):
    with closing(Machine()) as machine:
        machine.run(program_of_one_pair)
        content = bytearray(machine.content()["backup"])
        if data.draw(st.booleans()):
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        else:
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        machine.put("backup", bytes(content))
        with pytest.raises(Corruption, match=r"^backup: "):
            machine.run(opened)
