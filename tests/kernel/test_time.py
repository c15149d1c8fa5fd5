"""Virtual time: deadlines, timers, hosts that stand still, clocks that drift, and runs that would never end."""

import asyncio
from collections.abc import Callable
from fractions import Fraction
from math import inf, nan, nextafter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simkit.hosts.clock import Clock
from simkit.kernel import HostLoop, Limits, Livelock, StepLimitReached, World
from simkit.kernel.turns import NEVER_NS, deadline_ns

SECOND = 10**9
YEAR_NS = 365 * 24 * 3600 * SECOND


@pytest.fixture
def host(world: World) -> HostLoop:
    return world.new_loop("a")


def drifting(world: World, drift_ppb: int, name: str = "a") -> HostLoop:
    """Return a host whose clock runs `drift_ppb` too fast."""
    loop = world.new_loop(name)
    clock = Clock(world, drift_ppb=drift_ppb)
    clock.on_rate_change.append(loop.clock_changed)
    loop.clock = clock
    return loop


# -- deadlines


@given(st.floats(0, 1000) | st.floats(0, 3e8))
@example(0.1 + 0.2)
@example(nextafter(1.0, inf))
@example(nextafter(1.0, 0.0))
@example(5e-324)
@example(2.0**53 / 1e9)
@example(nextafter(2.0**53 / 1e9, inf))
@example(4e9)
def test_a_float_deadline_is_the_first_nanosecond_that_shows_it(when: float) -> None:
    time_ns = deadline_ns(when)
    assert time_ns / 1e9 >= when
    assert time_ns == 0 or (time_ns - 1) / 1e9 < when


@given(st.integers(0, YEAR_NS))
def test_a_time_that_was_shown_is_its_own_deadline(time_ns: int) -> None:
    shown = time_ns / 1e9
    assert deadline_ns(shown) <= time_ns
    assert deadline_ns(shown) / 1e9 == shown


@settings(max_examples=60, deadline=None)
@given(
    start_ns=st.integers(0, 40 * YEAR_NS),
    seconds=st.floats(1e-9, 1e4, allow_nan=False),
    drift_ppb=st.sampled_from([0, 1, -1, 100_000, -100_000, 10**9, -(10**9) + 1_000_000]),
)
@example(start_ns=40 * YEAR_NS, seconds=1e-9, drift_ppb=100_000)
def test_waiting_for_a_deadline_neither_returns_early_nor_spins(start_ns: int, seconds: float, drift_ppb: int) -> None:
    world = World(1, limits=Limits(steps=50))
    world.run(start_ns)
    loop = drifting(world, drift_ppb)
    told = []

    async def wait() -> None:
        deadline = loop.time() + seconds
        rounds = 0
        while loop.time() < deadline:
            await asyncio.sleep(deadline - loop.time())
            rounds += 1
        told.append(rounds)

    def ring(deadline: float) -> None:
        assert loop.time() >= deadline
        told.append("rang")

    loop.create_task(wait())
    loop.call_at(loop.time() + seconds, ring, loop.time() + seconds)
    world.run(NEVER_NS)
    world.close()
    # After decades a nanosecond is less than a float can tell: then the deadline is now. Once is enough, or twice where
    # the difference of two floats is rounded down.
    assert sorted(map(str, told)) in (["0", "rang"], ["1", "rang"], ["2", "rang"])


def test_a_timer_fires_at_the_nanosecond_of_its_deadline(world: World, host: HostLoop) -> None:
    log: list[tuple[int, float]] = []
    for when in (0.1, 0.3, 0.7, 1.0, 2.675, 1e-9, 1e3 + 1e-7):
        host.call_at(when, lambda: log.append((world.now_ns, host.time())))
    world.run(2000 * SECOND)
    assert [time_ns for time_ns, _ in log] == sorted(
        round(Fraction(str(when)) * SECOND) for when in (0.1, 0.3, 0.7, 1.0, 2.675, 1e-9, 1000.0000001)
    )
    assert all(time_ns / 1e9 == shown for time_ns, shown in log)


def test_equal_deadlines_fire_in_the_order_in_which_they_were_set(world: World, host: HostLoop) -> None:
    log: list[int] = []
    for number in range(50):
        host.call_at(1.0, log.append, number)
        host.call_at(0.5 + number % 2 / 2, lambda: None)
    world.run(2 * SECOND)
    assert log == list(range(50))


def test_a_deadline_that_has_passed_comes_before_one_of_now(world: World, host: HostLoop) -> None:
    log: list[str] = []

    def act() -> None:
        host.call_at(5.0, log.append, "now")
        host.call_at(1.0, log.append, "past")
        host.call_later(-3, log.append, "two")
        host.call_at(0.0, log.append, "zero")
        host.call_at(-inf, log.append, "before all time")

    world.post(5 * SECOND, host, act)
    world.run(5 * SECOND)
    assert log == ["zero", "before all time", "past", "two", "now"]


def test_an_infinite_deadline_never_comes(world: World, host: HostLoop) -> None:
    log: list[int] = []
    timer = host.call_at(inf, log.append, 1)
    host.call_later(inf, log.append, 2)
    host.call_at(1e300, log.append, 3)
    world.run(NEVER_NS)
    timer.cancel()
    assert log == []
    assert timer.when() == inf
    assert timer.cancelled()


def test_nan_is_no_deadline(world: World, host: HostLoop) -> None:
    with pytest.raises(ValueError, match="NaN"):
        host.call_at(nan, print)
    with pytest.raises(ValueError, match="NaN"):
        host.call_later(nan, print)
    for call in (host.call_at, host.call_later):
        with pytest.raises(TypeError):
            call(None, print)  # type: ignore[arg-type]


def test_a_timer_tells_its_time_and_whether_it_was_cancelled(host: HostLoop) -> None:
    timer = host.call_at(1.5, print)
    assert (timer.when(), timer.cancelled()) == (1.5, False)
    timer.cancel()
    timer.cancel()
    assert timer.cancelled()


def test_sleeping_lets_exactly_that_time_pass(world: World, host: HostLoop) -> None:
    log: list[int] = []

    async def main() -> None:
        for seconds in (0, 0.001, 1, 0, 59.999, 3600):
            await asyncio.sleep(seconds)
            log.append(world.now_ns)

    host.create_task(main())
    world.run(10_000 * SECOND)
    assert log == [0, 1_000_000, 1_001_000_000, 1_001_000_000, 61_000_000_000, 3_661_000_000_000]


@pytest.mark.parametrize("drift_ppb", [0, 50_000])
def test_polling_for_a_timer_of_the_same_instant_ends(world: World, drift_ppb: int) -> None:
    host = drifting(world, drift_ppb)
    log: list[int] = []

    async def poll() -> None:
        await asyncio.sleep(1)
        arrived = asyncio.Event()
        host.call_at(host.time(), arrived.set)
        polls = 0
        while not arrived.is_set():
            await asyncio.sleep(0)
            polls += 1
        log.append(polls)

    host.create_task(poll())
    world.run(2 * SECOND)
    assert len(log) == 1
    assert log[0] <= 2


# -- cancelled timers


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_sweeping_cancelled_timers_away_loses_no_other(data: st.DataObject) -> None:
    world = World(1)
    hosts = [drifting(world, drift_ppb, str(drift_ppb)) for drift_ppb in (0, 0, 1000)]
    fired: list[int] = []
    count = data.draw(st.integers(300, 1500))
    every = data.draw(st.integers(2, 40))
    timers = [hosts[n % 3].call_later(1 + n * 7 % 13, fired.append, n) for n in range(count)]
    posts = [world.post(SECOND * (1 + n % 5), hosts[n % 2], fired.append, -n) for n in range(1, count)]
    kept = {n for n in range(count) if n % every == 0}
    for number in data.draw(st.permutations(range(0, count, 7))) + list(range(count)):
        if number not in kept:
            timers[number].cancel()
            if number:
                posts[number - 1].cancel()
    expected = sorted(kept | {-n for n in kept if n})
    assert len(world.queue) <= 2 * len(expected) + 260
    world.run(100 * SECOND)
    world.close()
    assert sorted(fired) == expected


def test_sleeping_often_does_not_count_as_cancelling(world: World, host: HostLoop) -> None:
    async def main() -> None:
        for _ in range(100):
            await asyncio.sleep(0.001)

    host.create_task(main())
    world.run(SECOND)
    assert world._cancelled == 0


def test_a_drifting_host_that_is_busy_does_not_fill_the_worlds_queue(world: World) -> None:
    host = drifting(world, 1000)

    async def main() -> None:
        for _ in range(500):
            await asyncio.sleep(0)

    host.call_later(3600, lambda: None)
    host.create_task(main())
    world.run(SECOND)
    assert len(world.queue) <= 2


def test_timeouts_that_do_not_expire_do_not_fill_the_worlds_queue(world: World, host: HostLoop) -> None:
    longest = 0

    async def main() -> None:
        nonlocal longest
        for _ in range(3000):
            async with asyncio.timeout(3600):
                await asyncio.sleep(0.001)
            world.post(world.now_ns + 3600 * SECOND, host, print).cancel()
            longest = max(longest, len(world.queue))

    host.create_task(main())
    world.run(10 * SECOND)
    assert longest < 1000


# -- freeze and thaw


def test_a_host_that_thaws_takes_what_it_received_then_its_overdue_timers_by_deadline(
    world: World, host: HostLoop
) -> None:
    log: list[str] = []
    host.call_at(6.0, log.append, "timer of 6")
    host.call_at(4.0, log.append, "timer of 4")
    host.call_at(4.0, log.append, "second timer of 4")
    host.call_at(20.0, log.append, "timer of 20")
    world.post(7 * SECOND, host, log.append, "received at 7")
    world.post(3 * SECOND, host, log.append, "received at 3")
    world.post(2 * SECOND, world.control, host.freeze)
    world.run(9 * SECOND)
    assert log == []
    world.post(10 * SECOND, world.control, host.thaw)
    world.post(10 * SECOND, host, log.append, "received at 10")
    world.run(30 * SECOND)
    assert log == [
        "received at 3", "received at 7", "received at 10",
        "timer of 4", "second timer of 4", "timer of 6", "timer of 20",
    ]  # fmt: skip


def test_a_frozen_host_knows_what_time_it_is_when_it_thaws(world: World, host: HostLoop) -> None:
    log: list[float] = []

    async def main() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            log.append(asyncio.get_running_loop().time())

    host.create_task(main())
    world.post(int(1.5 * SECOND), world.control, host.freeze)
    world.post(10 * SECOND, world.control, host.thaw)
    world.run(20 * SECOND)
    assert log == [1.0, 10.0, 11.0]


def test_freezing_in_the_middle_of_a_turn_keeps_the_rest_for_later(world: World, host: HostLoop) -> None:
    log: list[tuple[float, str]] = []

    def tell(text: str) -> None:
        log.append((host.time(), text))

    host.call_at(1.0, tell, "before")
    host.call_at(1.0, host.freeze)
    host.call_at(1.0, tell, "after")
    host.call_at(1.0, host.call_soon, tell, "soon")
    world.post(5 * SECOND, world.control, host.thaw)
    world.run(9 * SECOND)
    assert log == [(1.0, "before"), (5.0, "after"), (5.0, "soon")]


def test_thawing_a_host_that_is_not_frozen_changes_nothing(world: World, host: HostLoop) -> None:
    log: list[int] = []
    host.call_at(1.0, log.append, 1)
    for _ in range(3):
        host.thaw()
    world.run(2 * SECOND)
    assert log == [1]


def test_a_frozen_drifting_host_keeps_its_timers(world: World) -> None:
    host = drifting(world, 500_000_000)
    log: list[tuple[int, str]] = []
    for when in (3.0, 1.5, 30.0):
        host.call_at(when, lambda when=when: log.append((world.now_ns, str(when))))
    host.freeze()
    world.post(10 * SECOND, world.control, host.thaw)
    world.run(40 * SECOND)
    assert log == [(10 * SECOND, "1.5"), (10 * SECOND, "3.0"), (20 * SECOND, "30.0")]


# -- clocks that are wrong


@pytest.mark.parametrize(("drift_ppb", "expected_ns"), [(10**9, 500_000_000), (-500_000_000, 2 * SECOND), (0, SECOND)])
def test_a_second_of_a_host_lasts_as_long_as_its_clock_says(world: World, drift_ppb: int, expected_ns: int) -> None:
    log: list[int] = []
    drifting(world, drift_ppb).call_later(1.0, lambda: log.append(world.now_ns))
    world.run(3 * SECOND)
    assert log == [expected_ns]


@settings(max_examples=60, deadline=None)
@given(
    drift_ppb=st.integers(-900_000_000, 3_000_000_000),
    whens=st.lists(st.integers(0, 50).map(lambda tenths: tenths / 10), min_size=1, max_size=12),
    changes=st.lists(st.tuples(st.integers(0, 6 * SECOND), st.integers(-900_000_000, 3_000_000_000)), max_size=4),
)
def test_timers_follow_the_clock_through_changes_of_rate(
    drift_ppb: int, whens: list[float], changes: list[tuple[int, int]]
) -> None:
    world = World(1)
    host = drifting(world, drift_ppb)
    clock = host.clock
    assert isinstance(clock, Clock)
    log: list[tuple[float, int]] = []

    def ring(when: float, number: int) -> None:
        assert host.time() >= when
        log.append((when, number))
        rung_ns.append(world.now_ns)

    rung_ns: list[int] = []
    for number, when in enumerate(whens):
        host.call_at(when, ring, when, number)
    for time_ns, drift in changes:
        world.post(time_ns, world.control, clock.set_drift, drift)
    for time_ns in range(0, 60 * SECOND, SECOND // 4):
        world.run(time_ns)
        shown = host.time()
        assert {number for _, number in log} == {number for number, when in enumerate(whens) if when <= shown}
    world.run(600 * SECOND)
    world.close()
    assert log == sorted(log)
    assert len(log) == len(whens)
    assert rung_ns == sorted(rung_ns)


def test_a_clock_that_slows_down_moves_its_timers_back_and_one_that_hurries_moves_them_forward(world: World) -> None:
    log: list[tuple[str, int]] = []
    for name, drift_ppb in (("slow", -500_000_000), ("fast", 10**9), ("same", 0)):
        host = drifting(world, 0, name)
        host.call_at(4.0, lambda name=name: log.append((name, world.now_ns)))
        host.call_at(100.0, print).cancel()
        world.post(2 * SECOND, world.control, host.clock.set_drift, drift_ppb)  # type: ignore[union-attr]
    world.run(10 * SECOND)
    assert log == [("fast", 3 * SECOND), ("same", 4 * SECOND), ("slow", 6 * SECOND)]


def test_a_cancelled_timer_of_a_drifting_host_does_not_fire_and_the_next_does(world: World) -> None:
    host = drifting(world, 10**9)
    log: list[int] = []
    first = host.call_at(2.0, log.append, 1)
    host.call_at(4.0, lambda: log.append(world.now_ns))
    first.cancel()
    world.run(5 * SECOND)
    assert log == [2 * SECOND]


# -- runs that would never end


def test_a_task_that_never_lets_time_pass_is_named() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    world = World(1, limits=Limits(steps_per_instant=1000))
    host = world.new_loop("spinner")
    host.create_task(spin(), name="spinning task")
    with pytest.raises(Livelock, match=r"'spinner'.*spinning task"):
        world.run(SECOND)
    world.close()


def test_hosts_that_answer_each_other_without_delay_are_named() -> None:
    world = World(1, limits=Limits(rounds_per_instant=1000))
    ping, pong = world.new_loop("ping"), world.new_loop("pong")

    def answer(there: HostLoop, back: HostLoop) -> None:
        world.post(world.now_ns, there, answer, back, there)

    world.post(7, ping, answer, pong, ping)
    with pytest.raises(Livelock, match=r"7 ns: p[io]ng"):
        world.run(SECOND)
    world.close()


def test_many_steps_that_let_time_pass_are_no_livelock() -> None:
    world = World(1, limits=Limits(steps_per_instant=10))

    async def busy() -> None:
        for _ in range(100):
            for _ in range(5):
                await asyncio.sleep(0)
            await asyncio.sleep(1e-9)

    task = world.new_loop("a").create_task(busy())
    world.run(SECOND)
    assert task.done()
    world.close()


def test_a_run_that_takes_more_steps_than_its_limit_is_stopped() -> None:
    async def tick() -> None:
        while True:
            await asyncio.sleep(1)

    world = World(1, limits=Limits(steps=100))
    world.new_loop("a").create_task(tick())
    with pytest.raises(StepLimitReached, match="more than 100 steps"):
        world.run(10**6 * SECOND)
    assert 100 < world.steps < 110
    world.close()


def test_a_world_where_nothing_happens_just_lets_time_pass(world: World) -> None:
    world.run(YEAR_NS)
    assert (world.now_ns, world.steps) == (YEAR_NS, 0)


def test_each_instant_is_seen_once(world: World) -> None:
    seen: list[int] = []
    watchers: list[Callable[[], None]] = [lambda: seen.append(world.now_ns)] * 3
    for time_ns, watcher in zip((3, 1, 2), watchers, strict=True):
        world.post(time_ns, world.new_loop(str(time_ns)), watcher)
    world.run(10)
    assert seen == [1, 2, 3]


def test_a_world_cannot_be_run_or_closed_by_what_happens_in_it(world: World) -> None:
    errors: list[str] = []
    host = world.new_loop("a")
    host.set_exception_handler(lambda loop, context: errors.append(str(context["exception"])))
    host.call_soon(world.close)
    host.call_soon(world.run, SECOND)
    world.run(SECOND)
    assert errors == [
        "a world cannot be closed by what happens in it",
        "a world cannot be run by what happens in it",
    ]
