"""Slow, stalled and full disks, syncs that fail or lie, writes that go astray and bits that rot.

What a disk does under each is deliberately in `tests/hosts/test_disk.py`; here it is that the words do it.
"""

import errno

import pytest
from pydantic import ValidationError

from simkit.hosts.disk import Disk
from simkit.hosts.disk_model import DiskModel
from simkit.kernel import Constant
from simkit_faults.storage import BitRot, DiskFull, DiskSlow, DiskStall, SyncFails, WriteAstray

SECOND = 10**9
STEADY = DiskModel(sync=Constant(1_000))


@pytest.fixture
def host(arena):
    host = arena.hosts["a-0"]
    host.disk = Disk(arena.world, "a-0", STEADY)
    return host


def run(host, coroutine):
    """Run an operation of the host to its end; return how long it took in ns."""
    begin_ns, ended_ns = host.world.now_ns, []
    task = host.loop.create_task(coroutine)
    task.add_done_callback(lambda task: ended_ns.append(host.world.now_ns))
    host.world.run(begin_ns + SECOND)
    task.result()
    return ended_ns[0] - begin_ns


def test_a_slow_disk_takes_so_many_times_as_long_and_is_healed(arena, host):
    run(host, host.disk.append("log", b"x"))
    with DiskSlow(factor=20).hold(arena, (host,)):
        assert run(host, host.disk.sync("log")) == 20_000
        with DiskSlow(factor=3).hold(arena, (host,)):
            assert run(host, host.disk.sync("log")) == 60_000
    assert run(host, host.disk.sync("log")) == 1_000


@pytest.mark.parametrize("factor", [0.5, 0, -1, float("nan"), float("inf")])
def test_a_factor_that_does_not_slow_down_is_refused(factor):
    with pytest.raises(ValidationError, match="factor"):
        DiskSlow(factor=factor)


def test_a_failing_sync_raises_eio_once_and_the_data_is_gone_after_a_power_cut(arena, host):
    run(host, host.disk.append("log", b"kept"))
    run(host, host.disk.sync("log"))
    run(host, host.disk.sync_directory())
    with SyncFails().hold(arena, (host,)):
        run(host, host.disk.append("log", b", lost"))
        with pytest.raises(OSError, match=rf"^\[Errno {errno.EIO}\]"):
            run(host, host.disk.sync("log"))
        run(host, host.disk.sync("log"))
    run(host, host.disk.sync("log"))
    assert host.disk.size("log") == 10
    host.power_cut()
    assert host.disk.size("log") == 4


def test_a_lying_sync_returns_and_promises_nothing(arena, host):
    sizes = set()
    run(host, host.disk.append("log", b""))
    run(host, host.disk.sync_directory())
    for _ in range(30):
        with SyncFails(mode="lie").hold(arena, (host,)):
            run(host, host.disk.truncate("log", 0))
            run(host, host.disk.append("log", b"x"))
            run(host, host.disk.sync("log"))
            host.power_cut()
            host.boot()
            sizes.add(host.disk.size("log"))
    assert sizes == {0, 1}


def test_a_healed_disk_keeps_its_promises_again(arena, host):
    run(host, host.disk.append("log", b""))
    run(host, host.disk.sync_directory())
    with SyncFails(mode="lie").hold(arena, (host,)), SyncFails(mode="error").hold(arena, (host,)):
        pass
    for number in range(20):
        run(host, host.disk.append("log", b"x"))
        run(host, host.disk.sync("log"))
        host.power_cut()
        host.boot()
        assert host.disk.size("log") == number + 1


def test_a_fault_of_one_disk_leaves_others_alone(arena, host):
    other = arena.hosts["a-1"]
    other.disk = Disk(arena.world, "a-1", STEADY)
    run(other, other.disk.append("log", b"x"))
    with DiskSlow(factor=20).hold(arena, (host,)), SyncFails().hold(arena, (host,)):
        assert run(other, other.disk.sync("log")) == 1_000


# -- stalled and full


def test_a_stalled_disk_answers_when_the_stall_is_over_and_keeps_the_order(arena, host):
    order = []

    async def append(text):
        await host.disk.append("log", text)
        order.append((host.world.now_ns, text))

    with DiskStall().hold(arena, (host,)):
        for text in (b"one", b"two"):
            host.loop.create_task(append(text))
        host.world.run(SECOND)
        assert order == []
    host.world.run(2 * SECOND)
    assert order == [(SECOND, b"one"), (SECOND, b"two")]
    assert run(host, host.disk.read("log")) == 0


def test_a_process_that_dies_during_a_stall_has_written_nothing(arena, host):
    with DiskStall().hold(arena, (host,)):
        host.loop.create_task(host.disk.append("log", b"never"))
        host.world.run(SECOND)
        host.kill()
    host.boot()
    host.world.run(2 * SECOND)
    assert not host.disk.exists("log")


def test_of_two_stalls_the_last_one_to_end_lets_go(arena, host):
    with DiskStall().hold(arena, (host,)):
        with DiskStall().hold(arena, (host,)):
            task = host.loop.create_task(host.disk.append("log", b"x"))
            host.world.run(SECOND)
        host.world.run(2 * SECOND)
        assert not task.done()
    host.world.run(3 * SECOND)
    assert task.done()


def test_a_full_disk_refuses_what_needs_room_and_takes_what_does_not(arena, host):
    run(host, host.disk.append("log", b"0123456789"))
    with DiskFull(leave="4B").hold(arena, (host,)):
        run(host, host.disk.append("log", b"abcd"))
        with pytest.raises(OSError, match=rf"^\[Errno {errno.ENOSPC}\]"):
            run(host, host.disk.append("log", b"e"))
        run(host, host.disk.write("log", b"overwritten"))
        run(host, host.disk.truncate("log", 13))
        run(host, host.disk.append("log", b"f"))
    run(host, host.disk.append("log", b"room again"))
    assert host.disk.size("log") == 24


# -- astray and rotten


def content(host, path):
    task = host.loop.create_task(host.disk.read(path))
    host.world.run(host.world.now_ns + SECOND)
    return task.result()


def synced(host, path, data, offset=0):
    run(host, host.disk.write(path, data, offset))
    run(host, host.disk.sync(path))
    run(host, host.disk.sync_directory())


def test_a_lost_write_is_acknowledged_and_the_old_bytes_stay(arena, host):
    synced(host, "page", b"old")
    with WriteAstray().hold(arena, (host,)):
        synced(host, "page", b"new")
        assert content(host, "page") == b"old"
    host.power_cut()
    host.boot()
    assert content(host, "page") == b"old"
    synced(host, "page", b"new")
    assert content(host, "page") == b"new"


def test_a_misdirected_write_damages_another_sector_and_not_its_own(arena, host):
    sector = host.disk.model.sector
    synced(host, "data", b"a" * (4 * sector))
    with WriteAstray(manner="misdirected").hold(arena, (host,)):
        synced(host, "data", b"b" * sector, offset=sector)
    seen = content(host, "data")
    damaged = [number for number in range(4) if seen[number * sector : (number + 1) * sector] == b"b" * sector]
    assert len(damaged) == 1
    assert damaged != [1]
    assert seen.count(b"a") == 3 * sector


def test_a_write_astray_leaves_newer_bytes_in_the_page_cache_alone(arena, host):
    synced(host, "page", b"old")
    with WriteAstray().hold(arena, (host,)):
        run(host, host.disk.write("page", b"mid"))
        sync = host.loop.create_task(host.disk.sync("page"))
        newer = host.loop.create_task(host.disk.write("page", b"N", 2))
        host.world.run(host.world.now_ns + SECOND)
        assert sync.done()
        assert newer.done()
    assert content(host, "page") == b"olN"


def test_a_misdirected_write_with_nowhere_else_to_go_is_lost(arena, host):
    with WriteAstray(manner="misdirected").hold(arena, (host,)):
        synced(host, "page", b"x")
    assert content(host, "page") == b""
    assert host.disk.used == 0


def test_a_share_of_the_writes_goes_astray(arena, host):
    with WriteAstray(share="30%").hold(arena, (host,)):
        for number in range(200):
            synced(host, "log", b"x", offset=number)
    lost = 200 - content(host, "log").count(b"x")
    assert 40 <= lost <= 80


def test_bits_rot_where_they_are_told_to(arena, host):
    for name in ("wal/1", "sst/1"):
        synced(host, name, bytes(100))
    BitRot(bits=3, files="sst/").strike(arena, (host,))
    assert content(host, "wal/1") == bytes(100)
    assert sum(byte.bit_count() for byte in content(host, "sst/1")) in (1, 3)


def test_rot_is_hidden_by_newer_bytes_until_they_are_written_over_it(arena, host):
    synced(host, "page", b"\0")
    run(host, host.disk.write("page", b"\7"))
    BitRot().strike(arena, (host,))
    assert content(host, "page") == b"\7"
    run(host, host.disk.sync("page"))
    host.power_cut()
    host.boot()
    assert content(host, "page") == b"\7"


def test_an_empty_disk_has_nothing_to_rot(arena, host):
    BitRot(bits=10).strike(arena, (host,))
    assert host.disk.names() == []
