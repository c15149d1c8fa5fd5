"""The queue of wake-ups against the simplest one: a dictionary that is looked through."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.fleet.wake_ups import LOOK_COST, WakeUps
from simkit.kernel.turns import NEVER_NS


class Plain:
    """What `WakeUps` should do."""

    def __init__(self, tick_ns: int, by_due: bool) -> None:
        self.due: dict[int, int] = {}
        self.tick_ns = tick_ns
        self.by_due = by_due

    def end(self, due_ns: int) -> int:
        return -(-due_ns // self.tick_ns) * self.tick_ns

    def take(self, now_ns: int) -> list[tuple[int, int]]:
        taken = sorted((device, due) for device, due in self.due.items() if self.end(due) <= now_ns)
        for device, _ in taken:
            del self.due[device]
        return sorted(taken, key=lambda each: each[1]) if self.by_due else taken


step = st.tuples(
    st.sets(st.integers(0, 19), min_size=1), st.sampled_from([0, 1, 3, 40, 10**3, 10**6, 10**12]), st.integers(0, 50)
)


@settings(max_examples=150)
@given(st.sampled_from([1, 7, 1000]), st.booleans(), st.lists(step, min_size=1, max_size=30))
def test_devices_wake_as_if_each_tick_looked_through_all(
    tick_ns: int, by_due: bool, steps: list[tuple[set[int], int, int]]
) -> None:
    mine, plain = WakeUps(20, tick_ns, by_due=by_due), Plain(tick_ns, by_due)
    now_ns = 0
    for devices, scale, spread in steps:
        due = {device: now_ns + 1 + scale * (device * spread % 17) for device in devices}
        plain.due |= due
        mine.set(np.array(list(due)), np.array(list(due.values())))
        now_ns = max(now_ns, min(plain.end(each) for each in plain.due.values()))
        taken = []
        while mine.next_ns() <= now_ns:  # an entry that is void rings for nobody
            devices_taken, due_ns = mine.take(mine.next_ns())
            taken += zip(devices_taken.tolist(), due_ns.tolist(), strict=True)
        assert taken == plain.take(now_ns)
    for device in plain.due:
        assert mine.due_ns[device] == plain.due[device]


def test_many_who_come_back_at_once_shorten_a_window_that_grew_while_nothing_happened() -> None:
    wake_ups = WakeUps(5000, 1_000_000, by_due=False)
    everyone = np.arange(5000)
    now_ns = 0
    for _ in range(20):
        wake_ups.set(everyone, now_ns + 86_400 * 10**9)
        now_ns = wake_ups.next_ns()
        assert len(wake_ups.take(now_ns)[0]) == 5000
    assert wake_ups._ticks > 10**6
    total = 0
    wake_ups.set(everyone, now_ns + everyone * 1_000_000 % 64_000_000)
    for _ in range(3000):
        now_ns = wake_ups.next_ns()
        devices, due_ns = wake_ups.take(now_ns)
        total += len(devices)
        wake_ups.set(devices, due_ns + 64_000_000 + devices % 7 * 1_000_000)
    assert total > 100_000
    assert wake_ups._ticks < 10**4
    assert len(wake_ups._queue) < LOOK_COST


@pytest.mark.parametrize("due_ns", [-1, NEVER_NS, float("nan"), float("inf"), -0.6])
def test_what_is_no_moment_is_refused(due_ns: float) -> None:
    wake_ups = WakeUps(3, 10, by_due=False)
    with pytest.raises(ValueError, match="due at a time from 0"):
        wake_ups.set(np.array([0, 1]), due_ns)
    with pytest.raises(ValueError, match="due at a time from 0"):
        wake_ups.set(np.array([0, 1]), np.array([5, due_ns]))
    assert wake_ups.next_ns() == NEVER_NS


def test_nobody_is_ever_due_where_nobody_was_woken() -> None:
    wake_ups = WakeUps(3, 10, by_due=True)
    assert wake_ups.next_ns() == NEVER_NS
    wake_ups.set(np.array([], dtype=np.intp), 5)
    wake_ups.set(np.array([1]), 5)
    wake_ups.clear(np.array([1]))
    assert wake_ups.take(10)[0].tolist() == []
    assert wake_ups.next_ns() == NEVER_NS
