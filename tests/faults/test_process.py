"""Stop, kill, power cut, wipe, pause and suspend: what a process, its disk and its clock live through.

It deliberately leaves what peers see to the tests of the network, and torn writes to `test_power_cut.py`.
"""

import asyncio

import pytest

from simkit.language.units import Drift, Duration
from simkit.network.path import BLOCKED
from simkit_faults.process import Kill, Pause, PowerCut, Stop, Suspend, Wipe
from simkit_faults.time import ClockDrift

SECOND = 10**9


class Program:
    """A program that tells its story; after `cleanup` seconds it has cleaned up."""

    def __init__(self, cleanup=0.0):
        self.cleanup = cleanup
        self.log = []

    async def __call__(self, host):
        self.tell(host, "started")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(self.cleanup)
            self.tell(host, "cleaned up")

    def tell(self, host, text):
        if host.name == "a-0":
            self.log.append((host.world.now_ns / SECOND, host.incarnation, text))


def run_until(arena, seconds):
    arena.world.run(round(seconds * SECOND))


def run_in(host, coroutine):
    """Run a coroutine in the process of a host to its end."""
    task = host.loop.create_task(coroutine)
    host.world.run(host.world.now_ns + SECOND)
    return task.result()


def hold_for(arena, fault, begin, end, name="a-0"):
    """Let a fault hold from `begin` to `end`; both in seconds."""
    run_until(arena, begin)
    with fault.hold(arena, (arena.hosts[name],)):
        run_until(arena, end)


def test_a_stopped_process_cleans_up_and_boots_when_the_fault_ends(arenas):
    program = Program(cleanup=2.0)
    arena = arenas(program=program)
    hold_for(arena, Stop(), 1, 10)
    run_until(arena, 20)
    assert program.log == [(0, 1, "started"), (3, 1, "cleaned up"), (10, 2, "started")]


def test_a_process_that_does_not_end_within_its_grace_is_killed(arenas):
    program = Program(cleanup=5.0)
    arena = arenas(program=program)
    states = []
    arena.hosts["a-0"].listeners.append(lambda host, told: states.append((arena.world.now_ns / SECOND, told)))
    hold_for(arena, Stop(grace=Duration.parse("2s")), 1, 10)
    run_until(arena, 20)
    assert program.log == [(0, 1, "started"), (10, 2, "started")]
    assert states == [(1, "stop"), (3, "kill"), (10, "boot")]


def test_a_process_that_is_still_cleaning_up_when_the_fault_ends_boots_after_it(arenas):
    program = Program(cleanup=5.0)
    arena = arenas(program=program)
    hold_for(arena, Stop(), 1, 2)
    run_until(arena, 20)
    assert program.log == [(0, 1, "started"), (6, 1, "cleaned up"), (6, 2, "started")]


@pytest.mark.parametrize("fault", [Kill(), PowerCut(), Wipe()])
def test_a_process_that_is_ended_runs_nothing_more_and_boots_when_the_fault_ends(arenas, fault):
    program = Program()
    arena = arenas(program=program)
    hold_for(arena, fault, 1, 3)
    assert arena.hosts["a-0"].state == "up"
    run_until(arena, 20)
    assert program.log == [(0, 1, "started"), (3, 2, "started")]


async def synced_and_not(disk):
    await disk.append("synced", b"x" * 100)
    await disk.sync("synced")
    await disk.sync_directory()
    for number in range(50):
        await disk.append(f"unsynced-{number}", b"y")


def test_a_kill_leaves_the_page_cache_and_a_power_cut_what_was_synced_and_a_wipe_nothing(arena):
    left = {}
    for name, fault in (("a-0", Kill()), ("a-1", PowerCut()), ("b-0", Wipe())):
        host = arena.hosts[name]
        run_in(host, synced_and_not(host.disk))
        with fault.hold(arena, (host,)):
            assert host.state == "down"
        left[name] = host.disk.names()
    assert len(left["a-0"]) == 51
    assert "synced" in left["a-1"]
    assert 1 < len(left["a-1"]) < 51
    assert left["b-0"] == []


def test_a_fault_touches_only_its_targets(arena):
    others = [arena.hosts[name] for name in ("a-1", "b-0", "b-1")]
    for fault in (Stop(), Kill(), PowerCut(), Wipe(), Pause()):
        with fault.hold(arena, (arena.hosts["a-0"],)):
            assert [host.state for host in others] == ["up"] * 3
    assert [host.incarnation for host in others] == [1, 1, 1]


def test_a_host_boots_when_the_last_of_several_faults_lets_go(arena):
    host = arena.hosts["a-0"]
    with PowerCut().hold(arena, (host,)):
        with Kill().hold(arena, (host,)):
            run_until(arena, 1)
        run_until(arena, 2)
        assert host.state == "down"
    assert host.state == "up"
    assert host.incarnation == 2


def test_a_paused_process_stands_still_while_its_clock_runs_on(arenas):
    log = []

    async def ticking(host):
        while True:
            await asyncio.sleep(1)
            if host.name == "a-0":
                log.append(host.loop.time())

    arena = arenas(program=ticking)
    host = arena.hosts["a-0"]
    run_until(arena, 2.5)
    with Pause().hold(arena, (host,)):
        assert host.state == "paused"
        run_until(arena, 7.5)
        assert host.clock.monotonic() == 7.5
    run_until(arena, 9)
    assert log == [1, 2, 7.5, 8.5]
    assert host.incarnation == 1


def test_a_pause_stops_work_on_the_cores(arena):
    host, done = arena.hosts["a-0"], []

    async def work():
        await host.cpu.work(2)
        done.append(arena.world.now_ns / SECOND)

    host.loop.create_task(work())
    hold_for(arena, Pause(), 1, 91)
    run_until(arena, 100)
    assert done == [92]


def test_overlapping_pauses_are_one_pause(arena):
    host = arena.hosts["a-0"]
    with Pause().hold(arena, (host,)):
        with Pause().hold(arena, (host,)):
            pass
        assert host.state == "paused"
    assert host.state == "up"


# -- a virtual machine that stands


def ticking(log):
    async def program(host):
        while True:
            await asyncio.sleep(1)
            if host.name == "a-0":
                log.append((host.world.now_ns / SECOND, host.loop.time()))

    return program


def test_for_a_suspended_machine_no_time_passes(arenas):
    log = []
    arena = arenas(program=ticking(log))
    host = arena.hosts["a-0"]
    run_until(arena, 2.25)
    with Suspend().hold(arena, (host,)):
        run_until(arena, 62.25)
        assert host.state == "paused"
        assert host.clock.monotonic() == 2.25
    assert host.state == "up"
    run_until(arena, 65)
    assert log == [(1, 1), (2, 2), (63, 3), (64, 4), (65, 5)]
    assert host.clock.wall_ns() == arena.world.epoch_ns + arena.world.now_ns


def test_a_machine_that_nobody_corrects_is_behind_by_the_time_it_stood(arena):
    host = arena.hosts["a-0"]
    with Suspend(clock="behind").hold(arena, (host,)):
        run_until(arena, 60)
    assert host.clock.wall_ns() - arena.world.epoch_ns == 0
    with Suspend().hold(arena, (host,)):
        run_until(arena, 100)
    # The second hypervisor knows only what it took away itself.
    assert host.clock.wall_ns() - arena.world.epoch_ns == 40 * SECOND


@pytest.mark.parametrize("first_ends", [True, False])
def test_suspensions_that_overlap_are_one_and_undone_in_either_order(arena, first_ends):
    host = arena.hosts["a-0"]
    holds = [Suspend().hold(arena, (host,)), Suspend().hold(arena, (host,))]
    for second, hold in enumerate(holds, 1):
        run_until(arena, second)
        hold.__enter__()
    run_until(arena, 10)
    one, other = holds if first_ends else holds[::-1]
    one.__exit__(None, None, None)
    assert host.state == "paused"
    run_until(arena, 20)
    other.__exit__(None, None, None)
    assert host.state == "up"
    assert host.clock.monotonic() == 1
    assert host.clock.wall_ns() == arena.world.epoch_ns + 20 * SECOND
    assert arena.network.overlays == []


def test_nothing_reaches_a_suspended_machine_and_its_work_stands(arena):
    host, done = arena.hosts["a-0"], []

    async def work():
        await host.cpu.work(2)
        done.append(arena.world.now_ns / SECOND)

    host.loop.create_task(work())
    run_until(arena, 1)
    with Suspend().hold(arena, (host,)):
        assert arena.network.path(arena.hosts["b-0"], host).transit(100) == BLOCKED
        run_until(arena, 91)
    run_until(arena, 100)
    assert done == [92]


def test_a_pause_within_a_suspension_and_a_drift_over_it_leave_no_residue(arena):
    host = arena.hosts["a-0"]
    drift = ClockDrift(by=Drift.parse("500ppm")).hold(arena, (host,))
    drift.__enter__()
    run_until(arena, 10)
    with Suspend().hold(arena, (host,)):
        with Pause().hold(arena, (host,)):
            run_until(arena, 20)
        assert host.state == "paused"
        run_until(arena, 1000)
    run_until(arena, 1010)
    drift.__exit__(None, None, None)
    assert host.state == "up"
    assert abs(host.clock.wall_ns() - arena.world.epoch_ns - arena.world.now_ns) <= 2


def test_a_machine_that_is_suspended_and_loses_its_power_boots_when_both_are_over(arena):
    host = arena.hosts["a-0"]
    with Suspend().hold(arena, (host,)):
        with PowerCut().hold(arena, (host,)):
            run_until(arena, 5)
            assert host.state == "down"
        assert host.state == "paused"
        run_until(arena, 9)
    assert host.state == "up"
    assert host.incarnation == 2
