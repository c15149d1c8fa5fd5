"""A machine's disk: what is visible, what is durable, how long it takes, and what faults make of it.

It deliberately uses the bare kernel, where a loop stands for the process; what a power cut leaves is held against a
naive model in `tests/faults/test_power_cut.py`.
"""

import errno
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simkit.hosts.disk import Disk
from simkit.hosts.disk_model import MODELS, DiskModel
from simkit.kernel.distribution import Constant
from simkit.kernel.world import World

SECOND = 10**9
PLAIN = DiskModel(write_back_ns=None)


class Machine:
    """A disk, and one process after another on it."""

    def __init__(self, model=PLAIN, seed=1):
        self.world = World(seed)
        self.disk = Disk(self.world, "store", model)
        self.records = []
        self.world.records.subscribe(["disk"], self.records.append)
        self.loop = self.world.new_loop("store")

    def start(self, coroutine):
        return self.loop.create_task(coroutine)

    def run(self, *coroutines, within_ns=3600 * SECOND):
        """Run coroutines one after the other to their end; return the last one's result."""
        result = None
        for coroutine in coroutines:
            task = self.start(coroutine)
            ended = []
            task.add_done_callback(lambda done, ended=ended: (ended.append(done), self.world.stop()))
            self.world.stopping = False
            self.world.run(self.world.now_ns + within_ns)
            assert ended, "the operation did not end"
            result = task.result()
        return result

    def wait(self, ns):
        self.world.stopping = False
        self.world.run(self.world.now_ns + ns)

    def kill(self):
        self.loop.bury()
        self.disk.process_ended()
        self.loop = self.world.new_loop("store", self.loop.index)

    def power_cut(self):
        self.kill()
        self.disk.power_cut()

    def content(self):
        return {name: self.run(self.disk.read(name)) for name in self.disk.names()}


@contextmanager
def machine_of(*arguments, **options):
    machine = Machine(*arguments, **options)
    yield machine
    machine.world.close()


@pytest.fixture
def machine():
    with machine_of() as machine:
        yield machine


def refused(number):
    return pytest.raises(OSError, match=rf"^\[Errno {number}\]")


def saved(machine, name, data):
    """Put a file on the disk for good."""
    machine.run(machine.disk.write(name, data), machine.disk.sync(name), machine.disk.sync_directory())


def outcomes(act, runs=100, model=PLAIN):
    """Return every state that a power cut after `act` left, over many seeds."""
    found = set()
    for seed in range(runs):
        with machine_of(model, seed=seed) as machine:
            act(machine)
            machine.power_cut()
            found.add(tuple(sorted(machine.content().items())))
    return found


# -- what a process sees


def test_what_is_written_can_be_read_at_once(machine):
    disk = machine.disk
    assert machine.run(disk.append("log", b"one"), disk.append("log", b"two")) == 3
    assert machine.run(disk.read("log")) == b"onetwo"
    assert machine.run(disk.read("log", 2, 3)) == b"etw"
    assert machine.run(disk.read("log", 5, 100)) == b"o"
    assert machine.run(disk.read("log", 50)) == b""
    assert disk.size("log") == disk.used == 6


def test_a_gap_reads_as_zeros(machine):
    machine.run(machine.disk.write("table", b"xy", 4))
    assert machine.run(machine.disk.read("table")) == b"\0\0\0\0xy"
    machine.run(machine.disk.truncate("table", 7), machine.disk.truncate("table", 5), machine.disk.truncate("table", 6))
    assert machine.run(machine.disk.read("table")) == b"\0\0\0\0x\0"


def test_a_rename_replaces_what_had_the_new_name(machine):
    disk = machine.disk
    machine.run(disk.append("new", b"12345"), disk.append("old", b"1"), disk.rename("new", "old"))
    assert disk.names() == ["old"]
    assert disk.used == 5
    assert machine.run(disk.read("old")) == b"12345"
    machine.run(disk.rename("old", "old"))
    assert disk.used == 5


def test_names_come_sorted_and_by_prefix(machine):
    for name in ("log/2", "snapshot", "log/10", "log/1"):
        machine.run(machine.disk.append(name, b""))
    assert machine.disk.names("log/") == ["log/1", "log/10", "log/2"]
    assert machine.disk.exists("snapshot")
    assert not machine.disk.exists("log/3")


@pytest.mark.parametrize(
    ("number", "operation"),
    [
        (errno.ENOENT, lambda disk: disk.read("nothing")),
        (errno.ENOENT, lambda disk: disk.sync("nothing")),
        (errno.ENOENT, lambda disk: disk.truncate("nothing", 1)),
        (errno.ENOENT, lambda disk: disk.rename("nothing", "something")),
        (errno.ENOENT, lambda disk: disk.delete("nothing")),
        (errno.EINVAL, lambda disk: disk.read("file", -1)),
        (errno.EINVAL, lambda disk: disk.read("file", 0, -1)),
        (errno.EINVAL, lambda disk: disk.write("file", b"x", -1)),
        (errno.EINVAL, lambda disk: disk.truncate("file", -1)),
        (errno.EINVAL, lambda disk: disk.append("", b"x")),
        (errno.EINVAL, lambda disk: disk.rename("file", "")),
    ],
)
def test_a_wrong_operation_is_refused_as_linux_would(machine, number, operation):
    machine.run(machine.disk.append("file", b"x"))
    with refused(number):
        machine.run(operation(machine.disk))
    assert machine.content() == {"file": b"x"}


def test_a_full_disk_refuses_a_write_whole_and_takes_it_when_there_is_room():
    with machine_of(PLAIN.model_copy(update={"capacity": 10})) as machine:
        disk = machine.disk
        machine.run(disk.append("a", b"12345678"))
        with refused(errno.ENOSPC):
            machine.run(disk.append("b", b"123"))
        with refused(errno.ENOSPC):
            machine.run(disk.truncate("a", 11))
        assert disk.names() == ["a"]
        machine.run(disk.write("a", b"abcd", 6))
        assert disk.used == 10
        machine.run(disk.truncate("a", 2), disk.append("b", b"12345678"))
        machine.run(disk.delete("b"), disk.append("a", b"12345678"))
        assert disk.used == 10


# -- how long it takes


TIMED = DiskModel(
    read=Constant(100),
    write=Constant(1),
    sync=Constant(1_000),
    read_bandwidth=10**9,
    copy_bandwidth=10**10,
    sync_bandwidth=10**8,
)


def test_operations_pay_latency_and_bandwidth():
    with machine_of(TIMED) as machine:
        disk, world = machine.disk, machine.world
        ends = []
        for operation in (
            disk.append("log", bytes(1000)),  # 1 + 100
            disk.sync("log"),  # 1000 + 10000
            disk.sync("log"),  # nothing left to transfer
            disk.read("log"),  # 100 + 1000
            disk.rename("log", "old"),
            disk.sync_directory(),
        ):
            machine.run(operation)
            ends.append(world.now_ns)
        assert ends == [101, 11_101, 12_101, 13_201, 13_202, 14_202]


def test_operations_queue_at_the_device():
    with machine_of(TIMED) as machine:
        log = []

        async def one(name):
            await machine.disk.append(name, b"")
            await machine.disk.sync(name)
            log.append((name, machine.world.now_ns))

        machine.start(one("a"))
        machine.start(one("b"))
        machine.wait(SECOND)
        assert log == [("a", 1_002), ("b", 2_002)]


def test_two_syncs_of_one_file_transfer_its_bytes_once():
    with machine_of(TIMED) as machine:
        machine.run(machine.disk.append("log", bytes(1000)))
        machine.start(machine.disk.sync("log"))
        machine.start(machine.disk.sync("log"))
        machine.wait(0)
        begin_ns = machine.world.now_ns
        machine.wait(SECOND)
        assert [record.time_ns - begin_ns for record in machine.records[-2:]] == [11_000, 12_000]


@pytest.mark.parametrize(
    ("name", "median_ns", "tail_ns"), [("ssd", 110_000, 300_000), ("nvme", 85_000, 232_000), ("hdd", 11_565_000, None)]
)
def test_a_named_model_reads_as_its_data_sheet_says(name, median_ns, tail_ns):
    with machine_of(MODELS[name]) as machine:
        stream = machine.world.stream("test")
        drawn = sorted(machine.disk.model.read.draw(stream) for _ in range(20_000))
        assert drawn[10_000] == pytest.approx(median_ns, rel=0.02)
        if tail_ns is not None:
            assert drawn[-20] == pytest.approx(tail_ns, rel=0.15)


def test_an_ideal_disk_takes_no_time(machine):
    machine.run(machine.disk.append("log", bytes(10**6)), machine.disk.sync("log"), machine.disk.read("log"))
    assert machine.world.now_ns == 0


def test_every_completed_operation_is_recorded_with_its_bytes():
    with machine_of(TIMED) as machine:
        disk = machine.disk
        machine.run(disk.append("log", b"abc"), disk.sync("log"), disk.read("log", 1), disk.delete("log"))
        assert [(record.time_ns, record.detail, record.payload) for record in machine.records] == [
            (1, ("append", "log", 0, 3), b"abc"),
            (1_031, ("sync", "log", 0, 3), b""),
            (1_133, ("read", "log", 1, 2), b"bc"),
            (1_134, ("delete", "log"), b""),
        ]


# -- the kernel writes back by itself


def test_what_is_old_enough_is_durable_without_a_sync():
    def act(machine):
        machine.run(machine.disk.append("log", b"old"))
        machine.wait(30 * SECOND)
        machine.run(machine.disk.append("log", b"new"))
        machine.wait(29 * SECOND)

    assert {dict(state)["log"] for state in outcomes(act, model=DiskModel())} == {b"old", b"oldnew"}


def test_a_write_back_that_fails_is_reported_by_the_next_sync_once():
    with machine_of(DiskModel()) as machine:
        saved(machine, "log", b"")
        machine.run(machine.disk.append("log", b"x"))
        undo = machine.disk.health.fail_sync("error")
        machine.wait(30 * SECOND)
        undo()
        with refused(errno.EIO):
            machine.run(machine.disk.sync("log"))
        machine.run(machine.disk.sync("log"))
        machine.power_cut()
        assert machine.content() == {"log": b""}


def test_a_lying_drive_writes_nothing_back():
    def act(machine):
        saved(machine, "log", b"")
        machine.disk.health.fail_sync("lie")
        machine.run(machine.disk.append("log", b"x"))
        machine.wait(100 * SECOND)

    assert {dict(state)["log"] for state in outcomes(act, model=DiskModel())} == {b"", b"x"}


# -- what faults do to it


def test_a_failed_sync_raises_once_and_what_it_lost_stays_visible_until_the_power_goes(machine):
    disk = machine.disk
    saved(machine, "log", b"")
    undo = disk.health.fail_sync("error")
    machine.run(disk.append("log", b"lost"))
    with refused(errno.EIO):
        machine.run(disk.sync("log"))
    assert machine.records[-1].detail == ("sync", "log", 0, 4, "EIO")
    machine.run(disk.sync("log"))  # the trap: the pages are clean now
    undo()
    machine.run(disk.sync("log"))
    machine.kill()
    assert machine.content() == {"log": b"lost"}
    machine.power_cut()
    assert machine.content() == {"log": b""}


def test_writing_again_after_a_failed_sync_helps(machine):
    disk = machine.disk
    saved(machine, "log", b"")
    undo = disk.health.fail_sync("error")
    machine.run(disk.append("log", b"data"))
    with refused(errno.EIO):
        machine.run(disk.sync("log"))
    undo()
    machine.run(disk.write("log", b"data"), disk.sync("log"))
    machine.power_cut()
    assert machine.content() == {"log": b"data"}


def test_a_directory_whose_sync_failed_forgets_its_changes(machine):
    undo = machine.disk.health.fail_sync("error")
    machine.run(machine.disk.append("log", b""))
    with refused(errno.EIO):
        machine.run(machine.disk.sync_directory())
    undo()
    machine.run(machine.disk.sync_directory())
    machine.power_cut()
    assert machine.content() == {}


def test_a_lying_sync_returns_and_an_honest_one_makes_up_for_it():
    def lied(machine):
        saved(machine, "log", b"")
        undo = machine.disk.health.fail_sync("lie")
        machine.run(machine.disk.append("log", b"x"), machine.disk.sync("log"))
        undo()

    def mended(machine):
        lied(machine)
        machine.run(machine.disk.sync("log"))

    assert {dict(state)["log"] for state in outcomes(lied)} == {b"", b"x"}
    assert {dict(state)["log"] for state in outcomes(mended)} == {b"x"}


def test_a_failing_disk_does_not_fail_a_sync_that_an_earlier_one_left_nothing_to_write():
    with machine_of(PLAIN.model_copy(update={"sync": Constant(1_000)})) as machine:
        saved(machine, "log", b"")
        machine.run(machine.disk.append("log", b"x"))
        machine.start(machine.disk.sync("log"))
        machine.wait(500)
        machine.disk.health.fail_sync("error")
        machine.run(machine.disk.sync("log"))
        machine.power_cut()
        assert machine.content() == {"log": b"x"}


def test_a_failing_disk_fails_a_sync_of_what_a_lie_left_unwritten(machine):
    saved(machine, "log", b"")
    machine.disk.health.fail_sync("lie")
    machine.run(machine.disk.append("log", b"x"), machine.disk.sync("log"))
    machine.disk.health.fail_sync("error")
    with refused(errno.EIO):
        machine.run(machine.disk.sync("log"))


def test_an_unknown_failure_is_refused(machine):
    with pytest.raises(ValueError, match="error or lie"):
        machine.disk.health.fail_sync("sulk")


def test_a_slow_disk_takes_longer_until_it_is_healed():
    with machine_of(TIMED) as machine:
        machine.run(machine.disk.append("log", b""))
        undo = machine.disk.health.slow(20)
        begin_ns = machine.world.now_ns
        machine.run(machine.disk.sync("log"))
        undo()
        machine.run(machine.disk.sync("log"))
        assert machine.world.now_ns - begin_ns == 20_000 + 1_000


overlays = st.lists(st.sampled_from(["slow 3", "slow 0.1", "slow 7", "error", "lie"]), max_size=6)


@given(added=overlays, order=st.randoms(use_true_random=False))
def test_overlays_are_undone_in_any_order_and_leave_no_trace(added, order):
    with machine_of(TIMED) as machine:
        disk = machine.disk
        undos = []
        for overlay in added:
            word, _, factor = overlay.partition(" ")
            undos.append((overlay, disk.health.slow(float(factor)) if word == "slow" else disk.health.fail_sync(word)))
        while undos:
            overlay, undo = undos.pop(order.randrange(len(undos)))
            undo()
            undo()  # twice is once
            left = [overlay for overlay, _ in undos]
            factor = 1.0
            for overlay in left:
                if overlay.startswith("slow"):
                    factor *= float(overlay.split()[1])
            assert disk.health.slow_down == factor
            assert (disk.health.syncs_fail, disk.health.syncs_lie) == ("error" in left, "lie" in left)
        begin_ns = machine.world.now_ns
        saved(machine, "log", b"x")
        assert machine.world.now_ns - begin_ns == 1 + 1_000 + 10 + 1_000
        machine.power_cut()
        assert machine.content() == {"log": b"x"}


# -- the same seed, the same disk


def story(seed):
    with machine_of(MODELS["ssd"], seed=seed) as machine:
        for round_number in range(10):
            for number in range(10):
                machine.run(machine.disk.append("log", bytes([number]) * 700))
            machine.run(machine.disk.sync("log"))
            machine.run(machine.disk.append("log", b"tail"), machine.disk.append(f"new{round_number}", b"x"))
            machine.power_cut()
            machine.run(machine.disk.append("log", b"again"))
        return machine.world.records.digest(), machine.content(), machine.world.now_ns


def test_one_seed_tells_one_story_and_another_seed_another():
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_what_is_lost_draws_nothing_from_the_latencies():
    def latencies(writes):
        with machine_of(MODELS["ssd"]) as machine:
            machine.run(*(machine.disk.append("log", bytes(8192)) for _ in range(5)))
            machine.disk.power_cut() if writes else machine.disk.wipe()
            machine.run(machine.disk.append("log", b"x"))
            begin_ns = machine.world.now_ns
            machine.run(machine.disk.sync("log"))
            return machine.world.now_ns - begin_ns

    assert latencies(True) == latencies(False)
