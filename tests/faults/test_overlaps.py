"""Any conditions at once, begun and ended in any order: each adds what it says, and none leaves a residue.

What holds is deliberately worked out here from the list of open faults, and not asked of the faults.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.kernel import Constant
from simkit.language.units import Bandwidth, Drift, Fraction, Offset
from simkit_faults.compute import CpuSlow
from simkit_faults.network import Latency, LimitedBandwidth, Loss, Partition
from simkit_faults.process import Kill, Pause, PowerCut, Stop, Wipe
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


def check(arena, opened):
    """Every host is exactly as the open faults say."""
    for host in arena.hosts.values():
        faults = [fault for fault, names, _ in opened if host.name in names]
        down = any(isinstance(fault, Stop | Kill | PowerCut | Wipe) for fault in faults)
        paused = any(isinstance(fault, Pause) for fault in faults)
        if not (paused and any(isinstance(fault, Stop) for fault in faults)):  # SIGTERM waits for SIGCONT
            assert host.state == ("down" if down else "paused" if paused else "up")
        assert host.disk._slow_down.factor == product(f.factor for f in faults if isinstance(f, DiskSlow))
        assert list(host.disk._sync_failures.values()) == [f.mode for f in faults if isinstance(f, SyncFails)]
        assert host.cpu._slow_down.factor == product(f.factor for f in faults if isinstance(f, CpuSlow))
        assert host.clock.drift_ppb == sum(f.by for f in faults if isinstance(f, ClockDrift))
    assert len(arena.network.overlays) == sum(fault.target != "hosts" for fault, _, _ in opened)


@settings(max_examples=100, deadline=None)
@given(steps=steps, last=st.randoms(use_true_random=False))
def test_conditions_stack_and_each_is_undone_alone(make_arena, steps, last):
    arena = make_arena()
    opened, drifts = [], 0
    for verb, what, names in steps:
        if verb == "begin":
            condition = what.hold(arena, targets_of(arena, what, names))
            condition.__enter__()
            opened.append((what, names, condition))
            drifts += isinstance(what, ClockDrift)
        elif opened:
            opened.pop(what % len(opened))[2].__exit__(None, None, None)
        arena.world.run(arena.world.now_ns + SECOND)
        check(arena, opened)
    while opened:
        opened.pop(last.randrange(len(opened)))[2].__exit__(None, None, None)
        arena.world.run(arena.world.now_ns + SECOND)
        check(arena, opened)
    arena.world.run(arena.world.now_ns + 60 * SECOND)
    assert [host.state for host in arena.hosts.values()] == ["up"] * 4
    assert not any(host.held_down for host in arena.hosts.values())
    for host in arena.hosts.values():
        assert abs(host.clock.wall_ns() - arena.world.epoch_ns - arena.world.now_ns) <= 2 * drifts
    arena.world.close()
