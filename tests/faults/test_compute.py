"""Slow cores.

What a core does is deliberately in `tests/hosts/test_cpu.py`; here it is that the word does it.
"""

import pytest
from pydantic import ValidationError

from simkit_faults.compute import CpuSlow

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
