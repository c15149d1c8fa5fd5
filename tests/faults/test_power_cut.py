"""How machines end, and what their disks keep: kill, power cut, wipe, at every boundary.

The state machine at the end holds a disk against a naive model that keeps every state a power cut may leave. What the
disk does while the machine is up is deliberately not here but in `tests/hosts/test_disk.py`.
"""

import asyncio
import errno
from contextlib import contextmanager, nullcontext

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

from simkit.hosts.disk import Disk
from simkit.hosts.disk_model import DiskModel
from simkit.hosts.host import Host
from simkit.kernel.distribution import Constant
from simkit.kernel.world import World

SECOND = 10**9
PLAIN = DiskModel(write_back_ns=None)
SLOW_SYNC = PLAIN.model_copy(update={"sync": Constant(1_000)})


async def idle(host):
    await asyncio.Event().wait()


class Machine:
    """One host with a disk, and operations on it one after another."""

    def __init__(self, model=PLAIN, seed=1):
        self.world = World(seed)
        self.disk = Disk(self.world, "store", model)
        self.host = Host(self.world, "store", disk=self.disk, program=idle)
        self.records = []
        self.world.records.subscribe(["disk"], self.records.append)
        self.host.boot()

    def start(self, coroutine):
        return self.host.loop.create_task(coroutine)

    def run(self, *coroutines):
        """Run coroutines one after the other to their end; return the last one's result."""
        result = None
        for coroutine in coroutines:
            task = self.start(coroutine)
            task.add_done_callback(lambda task: self.world.stop())
            self.wait(3600 * SECOND)
            result = task.result()
        return result

    def wait(self, ns):
        self.world.stopping = False
        self.world.run(self.world.now_ns + ns)

    def kill(self):
        self.host.kill()
        self.host.boot()

    def power_cut(self):
        self.host.power_cut()
        self.host.boot()

    def wipe(self):
        self.host.wipe()
        self.host.boot()

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


def test_a_kill_keeps_what_was_not_synced(machine):
    machine.run(machine.disk.append("log", b"not synced"))
    machine.kill()
    assert machine.content() == {"log": b"not synced"}


def test_a_wipe_leaves_nothing(machine):
    saved(machine, "log", b"synced")
    machine.wipe()
    assert machine.content() == {}
    assert machine.disk.used == 0
    machine.power_cut()
    assert machine.content() == {}


def test_a_power_cut_keeps_what_was_synced(machine):
    saved(machine, "log", b"synced")
    for _ in range(20):
        machine.power_cut()
        assert machine.content() == {"log": b"synced"}


def outcomes(act, runs=100, model=PLAIN):
    """Return every state that a power cut after `act` left, over many seeds."""
    found = set()
    for seed in range(runs):
        with machine_of(model, seed=seed) as machine:
            act(machine)
            machine.power_cut()
            found.add(tuple(sorted(machine.content().items())))
    return found


def test_a_new_file_is_lost_by_a_power_cut_unless_the_directory_is_synced_too():
    def act(machine):
        machine.run(machine.disk.append("log", b"x"), machine.disk.sync("log"))

    assert outcomes(act) == {(), (("log", b"x"),)}


def test_each_write_that_was_not_synced_survives_or_not_by_itself():
    def act(machine):
        saved(machine, "log", b"")
        machine.run(machine.disk.append("log", b"a"), machine.disk.append("log", b"b"))

    assert {dict(state)["log"] for state in outcomes(act)} == {b"", b"a", b"\0b", b"ab"}


def test_a_large_write_may_be_torn_at_a_sector_on_either_side():
    def act(machine):
        saved(machine, "log", b"xy")
        machine.run(machine.disk.append("log", b"ABCDEFGH"))

    model = PLAIN.model_copy(update={"sector": 4})
    assert {dict(state)["log"] for state in outcomes(act, model=model)} == {
        b"xy",
        b"xyAB",
        b"xyABCDEF",
        b"xy\0\0CDEFGH",
        b"xy\0\0\0\0\0\0GH",
        b"xyABCDEFGH",
    }


@pytest.mark.parametrize(("tearing", "left"), [("none", {b"xy", b"xyABCDEFGH"}), ("all", {b"xyAB", b"xyABCDEF"})])
def test_tearing_can_be_left_out_or_made_sure_of(tearing, left):
    def act(machine):
        saved(machine, "log", b"xy")
        machine.run(machine.disk.append("log", b"ABCDEFGH"))
        machine.host.power_cut(tearing)
        machine.host.boot()

    found = {dict(state)["log"] for state in outcomes(act, model=PLAIN.model_copy(update={"sector": 4}))}
    assert left <= found
    assert (b"xyABCDEFGH" in found) == (tearing == "none")


def test_a_rename_that_was_not_synced_happened_or_did_not():
    def act(machine):
        saved(machine, "current", b"old")
        machine.run(machine.disk.write("next", b"new"), machine.disk.sync("next"), machine.disk.sync_directory())
        machine.run(machine.disk.rename("next", "current"))

    assert outcomes(act) == {(("current", b"new"),), (("current", b"old"), ("next", b"new"))}


def test_a_deletion_that_was_not_synced_may_come_back():
    def act(machine):
        saved(machine, "log", b"x")
        machine.run(machine.disk.delete("log"))

    assert outcomes(act) == {(), (("log", b"x"),)}


def test_a_power_cut_tells_how_much_it_took():
    with machine_of(seed=3) as machine:
        saved(machine, "log", b"")
        for _ in range(10):
            machine.run(machine.disk.append("log", b"x"))
        machine.power_cut()
        (told,) = [record.detail for record in machine.records if record.detail[0] == "power_cut"]
        kind, path, whole, torn, lost = told
        assert (kind, path, torn, whole + lost) == ("power_cut", "log", 0, 10)
        assert whole <= machine.disk.size("log") <= 10


def test_a_sync_under_way_makes_durable_what_was_written_before_it_and_nothing_later():
    def act(machine):
        saved(machine, "log", b"")
        machine.run(machine.disk.append("log", b"before"))
        machine.start(machine.disk.sync("log"))
        machine.wait(0)
        machine.start(machine.disk.append("log", b"later"))
        machine.wait(2_000)

    assert {dict(state)["log"] for state in outcomes(act, model=SLOW_SYNC)} == {b"before", b"beforelater"}


def test_a_sync_goes_on_when_its_process_is_killed():
    with machine_of(SLOW_SYNC) as machine:
        saved(machine, "log", b"")
        machine.run(machine.disk.append("log", b"x"))
        machine.start(machine.disk.sync("log"))
        machine.wait(500)
        machine.kill()
        machine.wait(500)
        machine.power_cut()
        assert machine.content() == {"log": b"x"}


@pytest.mark.parametrize("end", ["kill", "power_cut"])
def test_an_operation_under_way_never_returns_to_a_process_that_ended(end):
    with machine_of(SLOW_SYNC) as machine:
        log = []

        async def body():
            try:
                await machine.disk.append("log", b"x")
                await machine.disk.sync("log")
                log.append("synced")
            finally:
                log.append("finally")

        machine.start(body())
        machine.wait(500)
        getattr(machine, end)()
        machine.wait(SECOND)
        assert log == []
        assert "sync" not in [record.detail[0] for record in machine.records]


def test_code_that_outlives_its_process_by_the_rest_of_a_callback_changes_nothing(machine):
    saved(machine, "log", b"x")
    loop, disk = machine.host.loop, machine.disk

    async def body():
        machine.power_cut()
        await disk.append("log", b"ghost")

    loop.create_task(body())
    machine.wait(SECOND)
    assert machine.content() == {"log": b"x"}


def test_a_power_cut_empties_the_queue_of_the_device():
    with machine_of(SLOW_SYNC) as machine:
        machine.run(machine.disk.append("log", bytes(10**6)))
        machine.start(machine.disk.sync("log"))
        machine.wait(0)
        machine.power_cut()
        begin_ns = machine.world.now_ns
        machine.run(machine.disk.append("other", b""))
        assert machine.world.now_ns == begin_ns


# -- a crash at every boundary, against a naive model


SECTOR = 4


class NaiveFile:
    """What is visible, what is durable for certain, and the changes in between."""

    def __init__(self, durable=b""):
        self.visible = self.durable = durable
        self.pending = []

    def change(self, offset, data):
        self.visible = changed(self.visible, offset, data)
        self.pending.append((offset, data))

    def settle(self, count):
        for offset, data in self.pending[:count]:
            self.durable = changed(self.durable, offset, data)
        del self.pending[:count]

    def reachable(self):
        states = {self.durable}
        for offset, data in self.pending:
            parts = [None, (offset, data)]
            if data is not None:
                for cut in range(1, len(data)):
                    if (offset + cut) % SECTOR == 0:
                        parts += [(offset, data[:cut]), (offset + cut, data[cut:])]
            states = {state if part is None else changed(state, *part) for state in states for part in parts}
        return states


def changed(content, offset, data):
    content = content.ljust(offset, b"\0")
    return content[:offset] if data is None else content[:offset] + data + content[offset + len(data) :]


names = st.sampled_from("abc")
small_bytes = st.binary(min_size=1, max_size=6)


class CrashAnywhere(RuleBasedStateMachine):
    """Every operation in any order, with kills and power cuts between and within them."""

    overlays = Bundle("overlays")

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed):
        self.machine = Machine(PLAIN.model_copy(update={"sector": SECTOR, "sync": Constant(10)}), seed=seed)
        self.files, self.durable, self.relinks = {}, {}, []
        self.failures = {}

    def teardown(self):
        self.machine.world.close()

    @property
    def disk(self):
        return self.machine.disk

    def relink(self, *entries):
        self.relinks.append(entries)
        enter(self.files, entries)

    def expect(self, coroutine, number=None):
        """Run an operation that must fail with the errno `number`, or with None must not fail."""
        with nullcontext() if number is None else refused(number):
            self.machine.run(coroutine)

    @rule(name=names, data=small_bytes, offset=st.integers(0, 10))
    def write(self, name, data, offset):
        self.expect(self.disk.write(name, data, offset))
        if name not in self.files:
            self.relink((name, NaiveFile()))
        self.files[name].change(offset, data)

    @rule(name=names, data=small_bytes)
    def append(self, name, data):
        self.expect(self.disk.append(name, data))
        if name not in self.files:
            self.relink((name, NaiveFile()))
        self.files[name].change(len(self.files[name].visible), data)

    @rule(name=names, size=st.integers(0, 10))
    def truncate(self, name, size):
        self.expect(self.disk.truncate(name, size), None if name in self.files else errno.ENOENT)
        if name in self.files:
            self.files[name].change(size, None)

    @rule(old=names, new=names)
    def rename(self, old, new):
        self.expect(self.disk.rename(old, new), None if old in self.files else errno.ENOENT)
        if old in self.files and old != new:
            self.relink((old, None), (new, self.files[old]))

    @rule(name=names)
    def delete(self, name):
        self.expect(self.disk.delete(name), None if name in self.files else errno.ENOENT)
        if name in self.files:
            self.relink((name, None))

    @rule(name=names)
    def sync(self, name):
        file = self.files.get(name)
        if file is None:
            self.expect(self.disk.sync(name), errno.ENOENT)
        elif "error" in self.failures.values() and file.pending:
            self.expect(self.disk.sync(name), errno.EIO)
            file.pending.clear()
        else:
            self.expect(self.disk.sync(name))
            if "lie" not in self.failures.values():
                file.settle(len(file.pending))

    @rule()
    def sync_directory(self):
        if "error" in self.failures.values() and self.relinks:
            self.expect(self.disk.sync_directory(), errno.EIO)
            self.relinks.clear()
            return
        self.expect(self.disk.sync_directory())
        if "lie" not in self.failures.values():
            for entries in self.relinks:
                enter(self.durable, entries)
            self.relinks.clear()

    @rule(target=overlays, mode=st.sampled_from(["error", "lie"]))
    def break_sync(self, mode):
        undo = self.disk.health.fail_sync(mode)
        self.failures[undo] = mode
        return undo

    @rule(undo=consumes(overlays))
    def mend_sync(self, undo):
        undo()
        del self.failures[undo]

    @rule()
    def kill(self):
        self.machine.kill()
        self.compare()

    @rule()
    def power_cut(self):
        self.machine.power_cut()
        self.adopt()

    @rule(name=names, later=small_bytes, after_ns=st.integers(0, 11))
    def power_cut_within_a_sync(self, name, later, after_ns):
        file = self.files.get(name)
        if file is None or self.failures:
            return
        self.machine.start(self.disk.sync(name))
        self.machine.wait(0)
        covered = len(file.pending)
        self.machine.start(self.disk.append(name, later))
        file.change(len(file.visible), later)
        self.machine.wait(after_ns)
        if after_ns >= 10:
            file.settle(covered)
        self.machine.power_cut()
        self.adopt()

    @rule()
    def wipe(self):
        self.machine.wipe()
        self.files, self.durable, self.relinks = {}, {}, []
        self.compare()

    def compare(self):
        """What a process sees is what the model shows."""
        visible = {name: file.visible for name, file in self.files.items()}
        assert self.machine.content() == visible
        assert self.disk.used == sum(map(len, visible.values()))

    def adopt(self):
        """What is left after a power cut is one of the states that may be left; go on from there."""
        content = self.machine.content()
        reachable = [self.durable]
        for entries in self.relinks:
            reachable += [enter(dict(state), entries) for state in reachable]
        assert any(
            state.keys() == content.keys() and all(content[name] in file.reachable() for name, file in state.items())
            for state in reachable
        )
        self.files = {name: NaiveFile(data) for name, data in content.items()}
        self.durable, self.relinks = dict(self.files), []
        self.compare()


def enter(links, entries):
    for name, file in entries:
        if file is None:
            links.pop(name, None)
        else:
            links[name] = file
    return links


TestCrashAnywhere = CrashAnywhere.TestCase
TestCrashAnywhere.settings = settings(max_examples=100, stateful_step_count=20, deadline=None)
