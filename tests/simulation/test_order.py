"""Random networks of processes: the same events as SimPy's, one by one, with the same floats, values and failures.

A network is data: each process a list of steps. Delays are chosen to fall between nanoseconds, on the same nanosecond
and on the same float.
"""

from collections.abc import Callable, Generator
from typing import Any

import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from simkit.kernel import World
from simkit.simulation import HostEnvironment

Steps = Generator[simpy.Event, Any, Any]
EVENTS_MAX = 400
PROCESSES_MAX = 24

delays = st.sampled_from([0, 0.0, 1, 2, 0.1, 0.2, 0.3, 1 / 3, 1e-9, 5e-10, 1e-12, 1e-17, 0.1 + 0.2]) | st.floats(0, 5)
few = st.integers(0, 3)
steps = st.one_of(
    st.tuples(st.just("timeout"), delays),
    st.tuples(st.sampled_from(["interrupt", "begin", "join", "succeed", "fail", "await"]), few),
    st.tuples(st.sampled_from(["any", "all", "both"]), st.lists(delays, min_size=2, max_size=3)),
    st.tuples(st.sampled_from(["use", "use first", "seize"]), delays, few),
    st.tuples(st.just("use or leave"), delays, delays),
    st.tuples(st.sampled_from(["fill", "drain"]), st.integers(1, 3)),
    st.tuples(st.sampled_from(["put", "get", "get equal"]), few),
)
networks = st.lists(st.lists(steps, max_size=6), min_size=1, max_size=5)


class Trouble(Exception):
    """What processes fail with."""


class Network:
    """A network of processes on some environment; `told` is what its processes saw."""

    def __init__(self, env: simpy.Environment, plan: list[list[tuple[Any, ...]]]) -> None:
        self.env = env
        self.plan = plan
        self.told: list[Any] = []
        self.events = [env.event() for _ in range(4)]
        self.plain = simpy.Resource(env, capacity=1)
        self.ranked = simpy.PriorityResource(env, capacity=2)
        self.preemptive = simpy.PreemptiveResource(env, capacity=1)
        self.tank = simpy.Container(env, capacity=4, init=1)
        self.store = simpy.FilterStore(env, capacity=3)
        self.processes: list[simpy.Process] = []
        for number in range(len(plan)):
            self.begin(number)

    def begin(self, number: int) -> None:
        if len(self.processes) < PROCESSES_MAX:
            self.processes.append(self.env.process(self.process(len(self.processes), number)))

    def process(self, name: int, number: int) -> Steps:
        for step in self.plan[number % len(self.plan)]:
            try:
                outcome = yield from self.step(*step)
            except simpy.Interrupt as interrupt:
                cause = interrupt.cause
                outcome = cause if isinstance(cause, str) else ("preempted", cause.usage_since)
            except RuntimeError as error:
                outcome = str(error).rpartition(" ")[2]  # without addresses
            self.told.append((self.env.now, name, step, outcome))
        return name

    def step(self, word: str, *given: Any) -> Steps:
        env = self.env
        match word, *given:
            case "timeout", delay:
                return (yield env.timeout(delay, "passed"))
            case "interrupt", number:
                self.processes[number % len(self.processes)].interrupt(f"by {number}")
            case "begin", number:
                self.begin(number)
            case "join", number:
                return (yield self.processes[number % len(self.processes)] | env.timeout(1)).todict().__len__()
            case "succeed", number:
                self.events[number].succeed(number)
            case "fail", number:
                self.events[number].fail(Trouble(number))
            case "await", number:
                return len((yield self.events[number] | env.timeout(0.3)).todict())
            case "any" | "all", times:
                timeouts = [env.timeout(delay, delay) for delay in times]
                return list((yield (env.any_of if word == "any" else env.all_of)(timeouts)).values())
            case "both", times:
                first, second, *_ = times
                both = env.timeout(first, "first") & (env.timeout(second, "second") | self.events[0] | env.timeout(1))
                return list((yield both).values())
            case "use" | "use first" | "seize", delay, priority:
                return (yield from self.use(word, delay, priority))
            case "use or leave", delay, patience:
                with self.plain.request() as request:
                    if request in (yield request | env.timeout(patience)):
                        yield env.timeout(delay)
                        return "used"
                return "left"
            case "fill" | "drain", amount:
                change = self.tank.put if word == "fill" else self.tank.get
                yield change(amount) | env.timeout(2)
                return self.tank.level
            case "put", item:
                yield self.store.put(item) | env.timeout(2)
            case "get", _:
                return list((yield self.store.get() | env.timeout(2)).values())
            case "get equal", item:
                return list((yield self.store.get(lambda other: other == item) | env.timeout(2)).values())
        return None

    def use(self, word: str, delay: float, priority: int) -> Steps:
        if word == "use":
            request = self.plain.request()
        else:
            request = (self.ranked if word == "use first" else self.preemptive).request(priority=priority)
        with request:
            yield request
            yield self.env.timeout(delay)
        return "used"


Outcome = tuple[list[Any], list[Any], Any]


def with_simpy(plan: list[Any], trace_of: Callable[[simpy.Environment], list[Any]]) -> Outcome:
    env = simpy.Environment()
    network = Network(env, plan)
    trace = trace_of(env)
    try:
        while env.peek() < float("inf") and len(trace) < EVENTS_MAX:
            env.step()
    except Exception as error:
        return trace, network.told, repr(error)
    return trace, network.told, None


def in_a_world(plan: list[Any], trace_of: Callable[[simpy.Environment], list[Any]], unit_seconds: float) -> Outcome:
    world = World(1)
    loop = world.new_loop("a")
    failures: list[str] = []

    def failed(_: object, context: dict[str, Any]) -> None:
        failures.append(repr(context["exception"]))
        loop.bury()

    loop.set_exception_handler(failed)
    env = HostEnvironment(loop, unit_seconds=unit_seconds, initial_time=0)
    network = Network(env, plan)
    trace = trace_of(env)
    world.run(10**14)
    world.close()
    return trace, network.told, failures[0] if failures else None


@settings(max_examples=120, deadline=None)
@given(plan=networks, unit_seconds=st.sampled_from([1.0, 60.0, 1e-3, 1e-9]))
def test_a_random_network_runs_event_by_event_as_with_simpy(
    plan: list[Any], unit_seconds: float, traced: Callable[[simpy.Environment], list[Any]]
) -> None:
    trace, told, failure = with_simpy(plan, traced)
    ours, ours_told, ours_failure = in_a_world(plan, traced, unit_seconds)
    assert ours[: len(trace)] == trace
    assert ours_told[: len(told)] == told
    if len(trace) < EVENTS_MAX:
        assert (len(ours), len(ours_told), ours_failure) == (len(trace), len(told), failure)
