"""Any conditions at once, begun and ended in any order: each adds what it says, and none leaves a residue.

What holds is deliberately worked out here from the list of open faults, and not asked of the faults.
"""

from contextlib import ExitStack, closing

from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.kernel import Constant
from simkit.language.units import Bandwidth, Drift, Fraction, Offset, Size
from simkit_faults.compute import CpuSlow
from simkit_faults.gray import Gray
from simkit_faults.network import Latency, LimitedBandwidth, Loss, Partition
from simkit_faults.packets import Corrupt, Duplicate, LossBursts, Reorder, SmallPackets
from simkit_faults.partition import Bridge, Isolate
from simkit_faults.process import Kill, Pause, PowerCut, Stop, Suspend, Wipe
from simkit_faults.storage import DiskSlow, SyncFails
from simkit_faults.time import ClockDrift, ClockOffset

SECOND = 10**9
NAMES = ["a-0", "a-1", "b-0", "b-1"]

host_faults = st.sampled_from(
    [
        Stop(),
        Kill(),
        PowerCut(),
        Wipe(),
        Pause(),
        Suspend(),
        Gray(cpu=2, disk=4),
        Isolate(),
        Bridge(),
        PowerCut(torn="all"),
        DiskSlow(factor=3),
        DiskSlow(factor=1.1),
        SyncFails(),
        SyncFails(mode="lie"),
        ClockOffset(by=Offset.parse("1h")),
        ClockOffset(by=Offset.parse("-7ns")),
        ClockDrift(by=Drift.parse("200ppm")),
        ClockDrift(by=Drift.parse("-13ppm")),
        CpuSlow(factor=1.7),
        CpuSlow(factor=9),
    ]
)
link_faults = st.sampled_from(
    [
        Partition(),
        Partition(reject=True),
        Latency(add=Constant(1e6)),
        Loss(add=Fraction.parse("1%")),
        LimitedBandwidth(limit=Bandwidth.parse("1Mbit/s")),
        Duplicate(share=Fraction.parse("5%")),
        Reorder(share=Fraction.parse("5%"), by=Constant(1e7)),
        Corrupt(share=Fraction.parse("5%")),
        LossBursts(loss=Fraction.parse("5%"), length=3),
        SmallPackets(limit=Size.parse("1000B")),
    ]
)
some_names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), host_faults, some_names),
        st.tuples(st.just("begin"), link_faults, some_names),
        st.tuples(st.just("end"), st.integers(0, 100), st.none()),
    ),
    max_size=25,
)


def targets_of(arena, fault, names):
    if fault.target == "hosts":
        return tuple(arena.hosts[name] for name in names)
    return tuple((arena.hosts[name], arena.hosts["b-1"]) for name in names if name != "b-1")


def product(factors):
    result = 1.0
    for factor in factors:
        result *= factor
    return result


def disk_factors(faults):
    return [f.disk if isinstance(f, Gray) else f.factor for f in faults if isinstance(f, Gray | DiskSlow)]


def cpu_factors(faults):
    return [f.cpu if isinstance(f, Gray) else f.factor for f in faults if isinstance(f, Gray | CpuSlow)]


def overlays_of(fault):
    return (
        2 if isinstance(fault, Gray) else int(fault.target != "hosts" or isinstance(fault, Suspend | Isolate | Bridge))
    )


def check(arena, opened):
    """Every host is exactly as the open faults say."""
    for host in arena.hosts.values():
        faults = [fault for fault, names, _ in opened if host.name in names]
        down = any(isinstance(fault, Stop | Kill | PowerCut | Wipe) for fault in faults)
        paused = any(isinstance(fault, Pause | Suspend) for fault in faults)
        if not (paused and any(isinstance(fault, Stop) for fault in faults)):  # SIGTERM waits for SIGCONT
            assert host.state == ("down" if down else "paused" if paused else "up")
        assert host.disk.health.slow_down == product(disk_factors(faults))
        assert host.disk.health.syncs_fail == any(f.mode == "error" for f in faults if isinstance(f, SyncFails))
        assert host.disk.health.syncs_lie == any(f.mode == "lie" for f in faults if isinstance(f, SyncFails))
        assert host.cpu._slow_down.factor == product(cpu_factors(faults))
        assert host.clock.drift_ppb == sum(f.by for f in faults if isinstance(f, ClockDrift))
    assert len(arena.network.overlays) == sum(map(overlays_of, (fault for fault, _, _ in opened)))


class Scene:
    """An arena, and the conditions that are open in it."""

    def __init__(self, arena):
        self.arena = arena
        self.opened = []

    def begin(self, fault, names):
        condition = ExitStack()
        condition.enter_context(fault.hold(self.arena, targets_of(self.arena, fault, names)))
        self.opened.append((fault, names, condition))
        self.wait()

    def end(self, number):
        self.opened.pop(number % len(self.opened))[2].close()
        self.wait()

    def wait(self):
        self.arena.world.run(self.arena.world.now_ns + SECOND)
        check(self.arena, self.opened)

    def close(self):
        for _, _, condition in self.opened:
            condition.close()
        self.arena.world.close()


@settings(max_examples=100, deadline=None)
@given(steps=steps, order=st.lists(st.integers(0, 100), min_size=25, max_size=25))
def test_conditions_stack_and_each_is_undone_alone(make_arena, steps, order):
    with closing(Scene(make_arena())) as scene:
        for verb, what, names in steps:
            if verb == "begin":
                scene.begin(what, names)
            elif scene.opened:
                scene.end(what)
        for number in order[: len(scene.opened)]:
            scene.end(number)
        world, hosts = scene.arena.world, list(scene.arena.hosts.values())
        world.run(world.now_ns + 60 * SECOND)
        assert [host.state for host in hosts] == ["up"] * 4
        assert not any(host.held_down for host in hosts)
        drifts = sum(isinstance(what, ClockDrift) for _, what, _ in steps)
        for host in hosts:
            assert abs(host.clock.wall_ns() - world.epoch_ns - world.now_ns) <= 2 * drifts
