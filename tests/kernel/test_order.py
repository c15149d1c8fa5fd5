"""The quick kernel against the executable specification of the order of instants.

Hypothesis writes small programs: hosts that post to each other, set and cancel timers, freeze, thaw and bury one
another, mostly at the same few instants. The specification and the world run them, and every callback must happen at
the same time, in the same place, in the same order.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simkit.kernel import World
from simkit.kernel.order import CONTROL, Specification, schedule_key, turn_hash

HOSTS = 4
ACTIONS = 7
CALLBACKS = 80
END_NS = 40
Log = list[tuple[int, int, int]]


@dataclass(frozen=True)
class Step:
    """One thing an action does; `action` is what the callback it makes will do, `number` is that of what it cancels."""

    verb: str
    host: int = 0
    after_ns: int = 0
    action: int = 0
    number: int = 0


Program = tuple[tuple[Step, ...], ...]
"""The steps of each action; action 0 is what happens before the run."""


@dataclass
class SpecifiedMachine:
    """Runs a program on the specification, which is taught here what cancelling means.

    What is cancelled before its instant has come never was. What is cancelled later keeps its place and does nothing.
    """

    seed: int
    made: list[list[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.specification = Specification(self.seed)

    @property
    def now_ns(self) -> int:
        return self.specification.now_ns

    def _make(self, add: Callable[..., None], *args: Any, do: Callable[[], None]) -> None:
        cell: list[Any] = [do]
        self.made.append(cell)
        add(*args, lambda: cell[0] and cell[0]())

    def post(self, time_ns: int, host: int, do: Callable[[], None]) -> None:
        self._make(self.specification.post, time_ns, host, do=do)

    def call_at(self, time_ns: int, host: int, do: Callable[[], None]) -> None:
        self._make(self.specification.call_at, time_ns, host, do=do)

    def call_soon(self, host: int, do: Callable[[], None]) -> None:
        self._make(self.specification.call_soon, host, do=do)

    def cancel(self, number: int) -> None:
        cell = self.made[number]
        action, cell[0] = cell[0], None
        for host in self.specification._hosts.values():
            for queue in (host.received, host.timers):
                queue[:] = [e for e in queue if not (e[0] > self.now_ns and e[2].__closure__[0].cell_contents is cell)]
        del action

    def freeze(self, host: int) -> None:
        self.specification.freeze(host)

    def thaw(self, host: int) -> None:
        self.specification.thaw(host)

    def bury(self, host: int) -> None:
        self.specification.bury(host)

    def run(self, until_ns: int) -> None:
        self.specification.run(until_ns)


class WorldMachine:
    """Runs a program on a world, one loop for each host."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.loops = {CONTROL: self.world.control}
        self.loops |= {number: self.world.new_loop(f"host-{number}", number) for number in range(HOSTS)}
        self.made: list[Any] = []

    @property
    def now_ns(self) -> int:
        return self.world.now_ns

    def post(self, time_ns: int, host: int, do: Callable[[], None]) -> None:
        self.made.append(self.world.post(time_ns, self.loops[host], do))

    def call_at(self, time_ns: int, host: int, do: Callable[[], None]) -> None:
        self.made.append(self.loops[host].call_at(time_ns / 1e9, do))

    def call_soon(self, host: int, do: Callable[[], None]) -> None:
        self.made.append(self.loops[host].call_soon(do))

    def cancel(self, number: int) -> None:
        self.made[number].cancel()

    def freeze(self, host: int) -> None:
        self.loops[host].freeze()

    def thaw(self, host: int) -> None:
        self.loops[host].thaw()

    def bury(self, host: int) -> None:
        self.loops[host].bury()

    def run(self, until_ns: int) -> None:
        self.world.run(until_ns)


def play(machine: SpecifiedMachine | WorldMachine, program: Program) -> Log:
    """Run `program` on `machine`; return (time, host, callback) in the order in which callbacks ran."""
    log: Log = []
    serial = 0

    def callback(host: int, action: int) -> Callable[[], None]:
        nonlocal serial
        serial += 1
        mine = serial

        def run() -> None:
            log.append((machine.now_ns, host, mine))
            perform(action)

        return run

    def perform(action: int) -> None:
        for step in program[action]:
            if serial < CALLBACKS:
                take(step)

    def take(step: Step) -> None:
        match step.verb:
            case "post":
                machine.post(machine.now_ns + step.after_ns, step.host, callback(step.host, step.action))
            case "call_at":
                machine.call_at(max(0, machine.now_ns + step.after_ns), step.host, callback(step.host, step.action))
            case "call_soon":
                machine.call_soon(step.host, callback(step.host, step.action))
            case "cancel" if machine.made:
                machine.cancel(step.number % len(machine.made))
            case "freeze" | "thaw" | "bury":
                getattr(machine, step.verb)(step.host)

    perform(0)
    for until_ns in (END_NS // 2, END_NS):  # a run may be taken up again where it was left
        machine.run(until_ns)
    assert machine.now_ns == END_NS
    return log


VERBS = (
    *("post",) * 5, *("call_at",) * 5, *("call_soon",) * 5, *("freeze",) * 2, *("thaw",) * 4, *("cancel",) * 2, "bury",
)  # fmt: skip
DELAYS_NS = (0, 0, 0, 0, 0, 0, 1, 1, 2, 5, 25, -1)


def program_of(text: bytes) -> Program:
    """Return the program that `text` stands for: three bytes a step, dealt out to the actions in turn.

    Hypothesis draws a string of bytes much faster than a tree of choices, and shrinks it as well.
    """
    actions: list[list[Step]] = [[] for _ in range(ACTIONS)]
    for place in range(0, len(text) - 2, 3):
        one, two, three = text[place : place + 3]
        verb = VERBS[one % len(VERBS)]
        number = 1 + three % (ACTIONS - 1)
        # Received I/O has no deadline, so it cannot be late; the world's own loop is never stopped.
        delay_ns = max(0 if verb == "post" else -1, DELAYS_NS[three // (ACTIONS - 1) % len(DELAYS_NS)])
        host = two % HOSTS if verb in {"freeze", "thaw", "bury"} else two % (HOSTS + 1) - 1
        actions[one // len(VERBS) % ACTIONS].append(Step(verb, host, delay_ns, number, three))
    return tuple(map(tuple, actions))


programs = st.binary(min_size=30, max_size=150).map(program_of)

FROZEN_BEFORE_ITS_ROUND = (
    (Step("post", 0, 0, 1), Step("post", 1, 0, 2)),
    (Step("post", 2, 0, 4), Step("freeze", 2), Step("call_soon", CONTROL, 0, 3), Step("post", 1, 0, 4)),
    (),
    (Step("thaw", 2),),
    (),
)
"""Host 2 has something to do, is frozen before the round begins and thawed within it: its turn is in the next round."""


@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), program=programs)
@example(seed=6, program=FROZEN_BEFORE_ITS_ROUND)
def test_the_world_runs_every_program_in_the_specified_order(seed: int, program: Program) -> None:
    assert play(WorldMachine(seed), program) == play(SpecifiedMachine(seed), program)


def test_programs_are_lively_enough_to_mean_something() -> None:
    program = program_of(bytes(range(1, 151)))
    assert len(play(SpecifiedMachine(1), program)) > 20


def order_of_hosts(seed: int, time_ns: int = 7, hosts: int = 8) -> list[int]:
    """Return the order in which hosts that all receive something at one instant run."""
    world = World(seed)
    log: list[int] = []
    for number in range(hosts):
        world.post(time_ns, world.new_loop(f"host-{number}"), log.append, number)
    world.run(time_ns)
    return log


def test_hosts_of_one_instant_run_in_the_order_of_their_hashes() -> None:
    key = schedule_key(5)
    assert order_of_hosts(5) == sorted(range(8), key=lambda host: turn_hash(key, 7, host))


def test_another_seed_gives_another_order_of_hosts() -> None:
    assert len({tuple(order_of_hosts(seed)) for seed in range(20)}) == 20


def test_another_instant_gives_another_order_of_hosts() -> None:
    assert len({tuple(order_of_hosts(1, time_ns)) for time_ns in range(20)}) == 20


def test_no_host_is_favoured() -> None:
    first = [order_of_hosts(seed, hosts=4)[0] for seed in range(400)]
    assert all(70 <= first.count(host) <= 130 for host in range(4))


FRESH_PROCESS = """
from simkit.kernel import World
noise = [object() for _ in range({noise})]
world = World({seed})
log = []
for number in range(8):
    world.post(7, world.new_loop(f"host-{{number}}"), log.append, number)
world.run(7)
print(log)
"""


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_the_same_seed_gives_the_same_order_in_a_fresh_process(hash_seed: str) -> None:
    code = FRESH_PROCESS.format(seed=5, noise=12_345)
    environment = dict(os.environ, PYTHONHASHSEED=hash_seed)
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(order_of_hosts(5))


def test_the_worlds_own_loop_goes_first_in_every_round() -> None:
    for seed in range(10):
        world = World(seed)
        log: list[str] = []
        hosts = [world.new_loop(name) for name in "abc"]

        def answer(name: str, world: World = world, log: list[str] = log) -> None:
            log.append(name)
            world.control.call_soon(log.append, f"control after {name}")

        for host in hosts:
            world.post(1, host, answer, host.name)
        world.post(1, world.control, log.append, "control")
        world.run(1)
        assert log[0] == "control"
        assert sorted(log[1:4]) == ["a", "b", "c"]
        assert log[4:] == [f"control after {name}" for name in log[1:4]]


def test_a_pass_takes_what_was_received_then_timers_then_what_was_ready() -> None:
    world = World(1)
    host = world.new_loop("a")
    log: list[str] = []

    def act() -> None:
        host.call_soon(log.append, "ready")
        host.call_at(host.time(), log.append, "timer made now")
        world.post(world.now_ns, host, log.append, "received now")

    host.call_at(5e-9, log.append, "timer")
    world.post(5, host, act)
    world.post(5, host, log.append, "received")
    world.run(5)
    assert log == ["received", "timer", "ready", "received now", "timer made now"]


def test_what_is_caused_for_a_host_whose_turn_has_passed_waits_for_the_next_round() -> None:
    world = World(1)
    hosts = [world.new_loop(str(number)) for number in range(3)]
    first, second, third = sorted(hosts, key=lambda loop: turn_hash(schedule_key(1), 3, loop.index))
    log: list[str] = []
    world.post(3, first, log.append, "first")
    world.post(3, second, lambda: (log.append("second"), first.call_soon(log.append, "first again")))
    world.post(3, third, log.append, "third")
    world.run(3)
    assert log == ["first", "second", "third", "first again"]


def test_a_buried_host_hears_nothing_and_says_nothing() -> None:
    world = World(1)
    host = world.new_loop("a")
    log: list[str] = []
    host.call_at(3e-9, log.append, "a timer")
    world.post(3, host, log.append, "sent before")
    host.call_soon(log.append, "ready")
    host.bury()
    host.call_soon(log.append, "called after")
    host.call_at(4e-9, log.append, "a timer after")
    world.post(0, host, log.append, "sent at once")
    world.post(3, host, log.append, "sent after")
    host.thaw()
    world.run(10)
    assert log == []


def test_a_host_that_is_buried_by_its_own_callback_runs_no_other() -> None:
    world = World(1)
    host = world.new_loop("a")
    log: list[str] = []
    host.call_soon(log.append, "before")
    host.call_soon(host.bury)
    host.call_soon(log.append, "after")
    world.run(10)
    assert log == ["before"]


def test_nothing_can_be_posted_into_the_past() -> None:
    world = World(1)
    world.run(10)
    with pytest.raises(ValueError, match="past"):
        world.post(9, world.control, print)


def test_a_cancelled_post_does_not_happen() -> None:
    world = World(1)
    log: list[int] = []
    posts = [world.post(time_ns, world.control, log.append, time_ns) for time_ns in (0, 0, 3, 3, 5)]
    for posted in (posts[0], posts[2], posts[4]):
        posted.cancel()
    world.run(10)
    assert log == [0, 3]


def test_a_run_ends_with_its_last_instant_and_can_be_taken_up_again() -> None:
    world = World(1)
    log: list[int] = []
    for time_ns in (5, 10, 11):
        world.post(time_ns, world.control, lambda: log.append(world.now_ns))
    world.run(10)
    assert (world.now_ns, log) == (10, [5, 10])
    world.run(10)
    assert (world.now_ns, log) == (10, [5, 10])
    world.run(20)
    assert (world.now_ns, log) == (20, [5, 10, 11])


def test_a_stopped_world_finishes_the_instant_but_not_the_run() -> None:
    world = World(1)
    log: list[str] = []
    world.post(5, world.control, world.stop)
    world.post(5, world.control, log.append, "same instant")
    world.post(6, world.control, log.append, "next instant")
    world.run(20)
    assert (world.now_ns, log) == (5, ["same instant"])
