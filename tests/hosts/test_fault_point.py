"""Fault points: a program that is crashed at one never goes on from there, and nobody sees that somebody watched."""

import asyncio
from functools import partial

import pytest

from simkit.hosts import fault_point
from simkit.hosts.disk import Disk
from simkit.hosts.fault_point import DISK_POINTS
from simkit.hosts.host import Host
from simkit.kernel import World

SECOND = 10**9


class Machine:
    """A host whose program writes two files, with a point around each step; `log` is what it lived to say."""

    def __init__(self) -> None:
        self.world = World(1)
        self.log: list[str] = []
        self.host = Host(self.world, "store", disk=Disk(self.world, "store"), program=self.program)

    async def program(self, host: Host) -> None:
        try:
            for name in ("one", "two"):
                await host.disk.append(name, b"x")
                await fault_point("after-write")
                self.log.append(f"wrote {name}")
                await host.disk.sync(name)
                await host.disk.sync_directory()
                await fault_point("after-sync")
                self.log.append(f"synced {name}")
        finally:
            self.log.append("end")

    def run(self) -> list[str]:
        self.host.boot()
        self.world.run(self.world.now_ns + SECOND)
        return self.log


@pytest.fixture
def machine():
    machine = Machine()
    yield machine
    machine.world.close()


WHOLE = ["wrote one", "synced one", "wrote two", "synced two", "end"]


def test_a_point_nobody_watches_does_nothing(machine):
    assert machine.run() == WHOLE


@pytest.mark.parametrize("manner", ["kill", "power_cut", "wipe"])
@pytest.mark.parametrize(
    ("name", "ordinal", "left"),
    [
        ("after-write", 1, 0),
        ("disk.sync", 1, 1),
        ("after-sync", 1, 1),
        ("after-write", 2, 2),
        (None, 8, 3),
        (None, 11, 5),
        ("other", 1, 5),
    ],
)
def test_a_crash_at_a_point_never_goes_on(machine, manner, name, ordinal, left):
    machine.host.fault_points.at(name, ordinal, getattr(machine.host, manner))
    assert machine.run() == WHOLE[:left]


def test_a_power_cut_at_a_point_finds_what_is_synced_before_it():
    names = set()
    for ordinal in (1, 2):
        machine = Machine()
        machine.host.fault_points.at("after-sync", ordinal, machine.host.power_cut)
        machine.run()
        names.add(tuple(machine.host.disk.names()))
        machine.world.close()
    assert names == {("one",), ("one", "two")}


def test_points_are_counted_over_incarnations_and_a_boot_in_the_same_instant_is_another_process(machine):
    def restart():
        machine.host.kill()
        machine.host.boot()

    machine.host.fault_points.at("after-write", 2, restart)
    assert machine.run() == [*WHOLE[:2], *WHOLE]
    machine.log.clear()
    machine.host.fault_points.at("after-write", 3, machine.host.kill)
    assert machine.run() == WHOLE
    machine.log.clear()
    assert machine.run() == []


def test_a_pause_holds_the_program_at_the_point(machine):
    machine.host.fault_points.at("after-write", 1, machine.host.pause)
    assert machine.run() == []
    machine.host.resume()
    machine.world.run(2 * SECOND)
    assert machine.log == WHOLE


def test_a_crash_in_one_task_ends_the_others_and_what_waits_for_it(machine):
    async def program(host):
        async def other():
            await asyncio.sleep(0)
            machine.log.append("other")

        other_task = asyncio.create_task(other())
        await fault_point("here")
        machine.log.append("here")
        await other_task

    machine.host.program = program
    machine.host.fault_points.at("here", 1, machine.host.kill)
    assert machine.run() == []


def test_watchers_come_and_go_in_any_order_and_change_nothing(machine):
    heard: list[str] = []
    undo_first = machine.host.fault_points.watch(partial(heard.append))
    undo_second = machine.host.fault_points.watch(lambda name: undo_first())
    machine.run()
    undo_second()
    undo_second()
    undo_first()
    assert heard == ["disk.append"]
    watched = machine.world.records.digest()
    bare = Machine()
    bare.run()
    assert bare.world.records.digest() == watched
    bare.world.close()


def test_a_count_can_be_called_off_and_begins_at_one(machine):
    machine.host.fault_points.at(None, 1, machine.host.kill)()
    assert machine.run() == WHOLE
    with pytest.raises(ValueError, match="counted from 1"):
        machine.host.fault_points.at("after-write", 0, machine.host.kill)


def test_outside_of_every_world_it_does_nothing(machine):
    machine.host.fault_points.watch(machine.log.append)

    async def live():
        await fault_point("after-write")
        return "done"

    assert asyncio.run(live()) == "done"
    assert machine.log == []


def test_every_operation_of_a_disk_is_a_point_that_the_language_knows() -> None:
    world, passed = World(1), []

    async def program(host: Host) -> None:
        disk = host.disk
        await disk.append("one", b"x")
        await disk.write("one", b"y", 1)
        await disk.truncate("one", 1)
        await disk.read("one")
        await disk.sync("one")
        await disk.rename("one", "two")
        await disk.sync_directory()
        await disk.delete("two")

    host = Host(world, "store", disk=Disk(world, "store"), program=program)
    host.fault_points.watch(passed.append)
    host.boot()
    world.run(SECOND)
    assert sorted(passed) == sorted(DISK_POINTS)
