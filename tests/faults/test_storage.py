"""Slow disks, and syncs that fail or lie.

What a disk does under each is deliberately in `tests/hosts/test_disk.py`; here it is that the words do it.
"""

import errno

import pytest
from pydantic import ValidationError

from simkit.hosts.disk import Disk, DiskModel
from simkit.kernel import Constant
from simkit_faults.storage import DiskSlow, SyncFails

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
