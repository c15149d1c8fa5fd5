"""Slow cores, processes that outgrow their memory, and machines that do everything badly.

What a core does is deliberately in `tests/hosts/test_cpu.py`; here it is that the word does it.
"""

import asyncio

import pytest
from pydantic import ValidationError

from simkit.language.units import Duration, Fraction, Size
from simkit_faults.compute import CpuSlow, MemoryLimit
from simkit_faults.gray import Gray

SECOND = 10**9


def seconds_of_work(host):
    """Let the host work for one second; return how many it took."""
    begin_ns, ended_ns = host.world.now_ns, []
    task = host.loop.create_task(host.cpu.work(1))
    task.add_done_callback(lambda task: ended_ns.append(host.world.now_ns))
    host.world.run(begin_ns + 3600 * SECOND)
    return (ended_ns[0] - begin_ns) / SECOND


def test_a_slow_core_takes_so_many_times_as_long_and_is_healed(arena):
    slow, other = arena.hosts["a-0"], arena.hosts["a-1"]
    with CpuSlow(factor=8).hold(arena, (slow,)):
        assert seconds_of_work(slow) == 8
        assert seconds_of_work(other) == 1
        with CpuSlow(factor=1.5).hold(arena, (slow,)):
            assert seconds_of_work(slow) == 12
    assert seconds_of_work(slow) == 1


@pytest.mark.parametrize("factor", [0.5, 0, -1, float("nan"), float("inf")])
def test_a_factor_that_does_not_slow_down_is_refused(factor):
    with pytest.raises(ValidationError, match="factor"):
        CpuSlow(factor=factor)


# -- memory


class Hoarder:
    """Keeps a kilobyte more every second; a class of the program's own, so that its attributes count."""

    def __init__(self):
        self.kept = []

    async def run(self):
        while True:
            await asyncio.sleep(1)
            self.kept.append(bytes(1000) + str(len(self.kept)).encode())


async def hoarding(host):
    hoarder = Hoarder()
    await (hoarder.run() if host.name == "a-0" else asyncio.sleep(10**6))


def test_memory_is_what_the_coroutines_of_a_process_can_reach(arenas):
    arena = arenas(program=hoarding)
    host = arena.hosts["a-0"]
    arena.world.run(SECOND // 2)
    before = host.memory()
    arena.world.run(100 * SECOND)
    assert 100 * 1000 <= host.memory() - before <= 100 * 1100
    assert arena.hosts["a-1"].memory() < 2000
    host.kill()
    assert host.memory() == 0


def test_a_process_above_its_limit_is_killed_and_starts_again_until_the_fault_ends(arenas):
    arena = arenas(program=hoarding)
    host, told = arena.hosts["a-0"], []
    host.listeners.append(lambda host, what: told.append((arena.world.now_ns / SECOND, what)))
    limit = MemoryLimit(limit=Size.parse("50KiB"), look=Duration.parse("1s"), restart=Duration.parse("3s"))
    with limit.hold(arena, tuple(arena.hosts.values())):
        arena.world.run(120 * SECOND)
    kills = [when for when, what in told if what == "kill"]
    assert len(kills) == 2
    assert 45 <= kills[0] <= 52
    assert told[1] == (kills[0] + 3, "boot")
    arena.world.run(1000 * SECOND)
    assert len([what for _, what in told if what == "kill"]) == 2
    assert arena.hosts["a-1"].incarnation == 1


def test_a_process_that_was_killed_boots_when_the_fault_ends(arenas):
    arena = arenas(program=hoarding)
    host = arena.hosts["a-0"]
    with MemoryLimit(limit=Size.parse("1B"), restart=Duration.parse("1h")).hold(arena, (host,)):
        assert host.state == "down"
        arena.world.run(5 * SECOND)
        assert host.state == "down"
    assert host.state == "up"
    arena.world.run(2 * 3600 * SECOND)
    assert host.incarnation == 2


# -- gray


def test_a_gray_host_is_slow_in_everything_and_is_healed(arena):
    host, path = arena.hosts["a-0"], arena.network.path(arena.hosts["b-0"], arena.hosts["a-0"])

    def latencies(count=200):
        found = [path.transit(100) for _ in range(count)]
        return [ns - arena.world.now_ns for ns in found if ns >= 0]

    with Gray(cpu=4, disk=7, loss=Fraction.parse("50%"), latency=Duration.parse("1s")).hold(arena, (host,)):
        assert seconds_of_work(host) == 4
        assert host.disk.health.slow_down == 7
        found = latencies()
        assert 60 < len(found) < 120  # 10 % are lost by the link, half of the rest by the fault
        assert min(found) > SECOND
    assert seconds_of_work(host) == 1
    assert host.disk.health.slow_down == 1
    assert len(latencies()) > 160
    assert max(latencies()) < SECOND
    assert arena.network.overlays == []
